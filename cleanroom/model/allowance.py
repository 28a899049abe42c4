"""What a policy allows of one question, with the strictest rule of each kind already chosen.

Must not know how the policy was written or what has been spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cleanroom.model.buckets import Buckets
from cleanroom.model.dataset import DatasetSchema, Domain, KeyType
from cleanroom.model.names import LedgerName
from cleanroom.model.question import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """One `by` dimension, resolved: whose it is and its values, declared or those of buckets.

    With `buckets`, `domain` is named as the count or measure and its values are their labels.
    """

    dataset: str
    domain: Domain
    buckets: Buckets | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumAggregation:
    """A cell with fewer than `people` passes suppression with at most `miss_probability`."""

    people: int
    miss_probability: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTerms:
    """A ledger concerned: its whole budget and the most one question may take, as (eps, delta).

    `datasets` are those of the question whose people the ledger protects.
    """

    ledger: LedgerName
    epsilon: Fraction
    per_question: Fraction
    delta: Fraction
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A question that the policy allows, with everything its plan needs.

    `question` has every `by` qualified (`exposures.city`). `schemas` follow
    `question.datasets`; `groupings` follow `question.by`; `stages` are the key types in order of
    priority; `purposes` is the bitmap every person must have agreed to. One person adds between
    `low` and `bound` to the outcome of a lift (0 and 1 for buyers and for counts), counts up to
    `bound` in a contribution bound, and adds at most `visits_bound` visits to an average order.
    `strata` follow the question's.
    """

    question: Question
    schemas: tuple[DatasetSchema, ...]
    groupings: tuple[Grouping, ...]
    stages: tuple[KeyType, ...]
    purposes: int
    minimum: MinimumAggregation
    ledgers: tuple[LedgerTerms, ...]
    bound: int
    low: int = 0
    visits_bound: int = 1
    strata: tuple[Grouping, ...] = ()

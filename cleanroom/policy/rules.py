"""How rules of several datasets combine: the strictest of each kind wins.

Must not know the document they were written in, nor who asks what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from cleanroom.model.allowance import LedgerTerms, MinimumAggregation
from cleanroom.model.consent import Basis, Epoch, epoch_of, purpose_bits
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import LedgerName, check_label

NEVER = "never"
MIN_PEOPLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyRule:
    """A budget of (epsilon, delta), the most one question may take of it, and its pool's name."""

    pool: str
    epsilon: Fraction
    delta: Fraction
    per_question: Fraction
    renew: str = NEVER

    def __post_init__(self) -> None:
        """0 < per_question <= epsilon, 0 < delta < 1, and no renewal."""
        check_label(self.pool, "pool")
        if not 0 < self.per_question <= self.epsilon:
            raise FieldInvalid(field="per_question", expected="more than 0, at most epsilon")
        if not 0 < self.delta < 1:
            raise FieldInvalid(field="delta", expected="between 0 and 1")
        if self.renew != NEVER:
            raise FieldInvalid(field="renew", expected=NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """One asker reserves at most `most` new questions within any `days` times 24 hours."""

    most: int
    days: int

    def __post_init__(self) -> None:
        """Both are at least one: a rule that lets nobody ask is the absence of a grant."""
        if self.most < 1 or self.days < 1:
            raise FieldInvalid(field="questions", expected="most and days of at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that one question may hold, and that one asker may ask; None where unlimited.

    A filter is a column whose events are kept by listed values; a breakdown is a column of `by`
    or of `strata`. Windows count as neither.
    """

    filters_per_question: int | None = None
    breakdowns_per_question: int | None = None
    questions: Frequency | None = None

    def __post_init__(self) -> None:
        """None below zero; zero filters means no filter at all."""
        if any(
            n is not None and n < 0
            for n in (self.filters_per_question, self.breakdowns_per_question)
        ):
            raise FieldInvalid(field="limits", expected="whole numbers of at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerms:
    """What holds for everybody's people: `base` is a purpose without which a row is never sealed.

    `bases` are those that rows may rest on. Consent is judged once in `epoch_days`, and counts for
    `max_age_days` after it was given, if that is sooner than its own end.
    """

    base: str | None = None
    bases: tuple[Basis, ...] = (Basis.CONSENT,)
    epoch_days: int = 1
    max_age_days: int | None = None

    def __post_init__(self) -> None:
        """At least one basis, each once, and whole days."""
        if not self.bases or len(set(self.bases)) != len(self.bases):
            raise FieldInvalid(field="consent.bases", expected="at least one basis, each once")
        if self.epoch_days < 1 or (self.max_age_days is not None and self.max_age_days < 1):
            raise FieldInvalid(field="consent", expected="whole days, one at least")
        purpose_bits(self.base_purposes)

    @property
    def base_purposes(self) -> frozenset[str]:
        """The base purpose as a set, empty where none is declared."""
        return frozenset() if self.base is None else frozenset({self.base})

    def epoch(self, time_s: int) -> Epoch:
        """Return the epoch that holds a time (unix seconds)."""
        start_s = epoch_of(time_s, self.epoch_days)
        return Epoch(start_s=start_s, days=self.epoch_days, max_age_days=self.max_age_days)


def strictest_privacy(rules: Iterable[PrivacyRule], *, pool: str) -> PrivacyRule:
    """Return the smallest of each amount under the name `pool`; `rules` must not be empty."""
    known = tuple(rules)
    return PrivacyRule(
        pool=pool,
        epsilon=min(r.epsilon for r in known),
        delta=min(r.delta for r in known),
        per_question=min(r.per_question for r in known),
    )


def strictest_minimum(rules: Iterable[MinimumAggregation]) -> MinimumAggregation:
    """Return the most people and the least miss probability; `rules` must not be empty."""
    known = tuple(rules)
    return MinimumAggregation(
        people=max(r.people for r in known),
        miss_probability=min(r.miss_probability for r in known),
    )


def terms_of(owner: str, dataset: str, rule: PrivacyRule) -> LedgerTerms:
    """Return the terms of the ledger that protects the people of one dataset."""
    return LedgerTerms(
        ledger=LedgerName(owner=owner, pool=rule.pool),
        epsilon=rule.epsilon,
        per_question=rule.per_question,
        delta=rule.delta,
        datasets=(dataset,),
    )


def merge_terms(terms: Iterable[LedgerTerms]) -> tuple[LedgerTerms, ...]:
    """Return one entry for each ledger, in order of first use, with the smallest amounts."""
    merged: dict[LedgerName, LedgerTerms] = {}
    for term in terms:
        known = merged.get(term.ledger)
        merged[term.ledger] = term if known is None else _merge(known, term)
    return tuple(merged.values())


def _merge(a: LedgerTerms, b: LedgerTerms) -> LedgerTerms:
    return LedgerTerms(
        ledger=a.ledger,
        epsilon=min(a.epsilon, b.epsilon),
        per_question=min(a.per_question, b.per_question),
        delta=min(a.delta, b.delta),
        datasets=(*a.datasets, *b.datasets),
    )

"""The questions as canonical, self-checked values.

Must not know policies, losses already spent, or how a question is computed.
Two requests that mean the same are equal here: names are sorted where order carries no meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from cleanroom.model.buckets import Buckets, canonical_buckets
from cleanroom.model.contribution import ContributionBound
from cleanroom.model.dataset import MAX_BOUND
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters, Window, canonical_filters
from cleanroom.model.family import Family
from cleanroom.model.lift import SHARES, Adjustment, Design, check_lift, needs_before
from cleanroom.model.names import check_by, check_column, check_label
from cleanroom.model.overlap import Overlap
from cleanroom.model.ropo import Ropo, RopoDefinition

__all__ = [
    "Ask",
    "Buckets",
    "ContributionBound",
    "Design",
    "Family",
    "MatchRate",
    "Overlap",
    "Population",
    "Question",
    "Ropo",
    "RopoDefinition",
    "SalesLift",
    "SegmentSize",
    "Window",
]

MAX_DATASETS = 2
MAX_LOSS = Fraction(1_000)  # of rho or epsilon: more is no privacy, and slow to convert


class Population(StrEnum):
    """Whom a lift is about: all people of the exposure dataset, or only the matched ones."""

    ALL = "all"
    MATCHED = "matched"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRate:
    """Matched people over the people of each of two datasets, overall and per key type.

    `by` are dimensions of either dataset; one that has `buckets` is a count or a measure.
    """

    datasets: tuple[str, str]
    by: tuple[str, ...] = ()
    buckets: tuple[Buckets, ...] = ()

    def __post_init__(self) -> None:
        """Check names; datasets and dimensions are kept sorted."""
        _check_pair(self.datasets)
        check_by(self.by)
        object.__setattr__(self, "datasets", tuple(sorted(self.datasets)))
        object.__setattr__(self, "by", tuple(sorted(self.by)))
        object.__setattr__(self, "buckets", canonical_buckets(self.by, self.buckets))

    @property
    def family(self) -> Family:
        """The family that the policy must grant."""
        return Family.MATCH_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSize:
    """People per cell of `by`, over one dataset, or over the people matched between two.

    A dimension that has `buckets` is a count or a measure.
    """

    datasets: tuple[str, ...]
    by: tuple[str, ...]
    buckets: tuple[Buckets, ...] = ()

    def __post_init__(self) -> None:
        """Check names; datasets and dimensions are kept sorted."""
        if len(self.datasets) != 1:
            _check_pair(self.datasets)
        check_label(self.datasets[0], "datasets")
        check_by(self.by)
        object.__setattr__(self, "datasets", tuple(sorted(self.datasets)))
        object.__setattr__(self, "by", tuple(sorted(self.by)))
        object.__setattr__(self, "buckets", canonical_buckets(self.by, self.buckets))

    @property
    def family(self) -> Family:
        """The family that the policy must grant."""
        return Family.SEGMENT_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLift:
    """Test against control, or exposed against unexposed, on an outcome of the sales dataset.

    `outcome` is a measure of the sales dataset (its sum per person) or a word of model/lift.py:
    `buyers` (people with at least one counted event whose first `minor` measure is positive),
    `new_buyers` (buyers in `window` and not in `before`), `repeat_buyers` (in both) or
    `average_order` (the first `minor` measure over the first one in `rows`).
    The exposed are those whose count `exposed_by` of the exposure dataset is above zero; left
    empty, the only count declared. `by` and `strata` are dimensions of the exposure dataset,
    those of `by` with `buckets` counts or measures of it; `filters` keep events, also those
    before, whose column has one of the listed values. Above `bound` a person's sum is clipped;
    without it, above the most that the policy lets one person count.
    """

    exposures: str
    sales: str
    outcome: str
    by: tuple[str, ...] = ()
    window: Window | None = None
    filters: Filters = ()
    population: Population = Population.ALL
    design: Design = Design.RANDOMIZED
    buckets: tuple[Buckets, ...] = ()
    bound: int | None = None
    exposed_by: str = ""
    before: Window | None = None
    adjustment: Adjustment = Adjustment.NONE
    strata: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check names and what goes together; what has no order is kept sorted."""
        _check_pair((self.exposures, self.sales))
        check_column(self.outcome, "outcome")
        check_by(self.by)
        check_by(self.strata, "strata")
        _check_bound(self.bound)
        check_lift(self)
        object.__setattr__(self, "by", tuple(sorted(self.by)))
        object.__setattr__(self, "strata", tuple(sorted(self.strata)))
        object.__setattr__(self, "filters", canonical_filters(self.filters))
        object.__setattr__(self, "buckets", canonical_buckets(self.by, self.buckets))

    @property
    def datasets(self) -> tuple[str, str]:
        """Exposures first, then sales."""
        return (self.exposures, self.sales)

    @property
    def family(self) -> Family:
        """The family that the policy must grant."""
        return Family.SALES_LIFT

    @property
    def counts_exposed(self) -> bool:
        """Whether it matters who was exposed."""
        return self.design is not Design.RANDOMIZED

    @property
    def is_share(self) -> bool:
        """Whether a person's outcome is yes or no."""
        return self.outcome in SHARES

    @property
    def looks_before(self) -> bool:
        """Whether events of the before window count."""
        return needs_before(self.outcome, self.adjustment)


Question: TypeAlias = MatchRate | SegmentSize | SalesLift | ContributionBound | Overlap | Ropo


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question put to a collaboration with the loss its asker offers for it.

    The loss is `rho` (zCDP) or `epsilon` (read at the smallest delta of the ledgers concerned);
    with neither, the most that the policy allows one question.
    """

    collaboration: str
    question: Question
    rho: Fraction | None = None
    epsilon: Fraction | None = None

    def __post_init__(self) -> None:
        """A release without a loss does not exist."""
        check_label(self.collaboration, "collaboration")
        if self.rho is not None and self.epsilon is not None:
            raise FieldInvalid(field="loss", expected="rho or epsilon, not both")
        for loss in (self.rho, self.epsilon):
            if loss is not None and not 0 < loss <= MAX_LOSS:
                raise FieldInvalid(field="loss", expected=f"more than zero, at most {MAX_LOSS}")


def _check_pair(datasets: tuple[str, ...]) -> None:
    if len(datasets) != MAX_DATASETS or len(set(datasets)) != MAX_DATASETS:
        raise FieldInvalid(field="datasets", expected="two different datasets")
    for dataset in datasets:
        check_label(dataset, "datasets")


def _check_bound(bound: int | None) -> None:
    if bound is not None and not 1 <= bound <= MAX_BOUND:
        raise FieldInvalid(field="bound", expected=f"an integer from 1 to {MAX_BOUND}")

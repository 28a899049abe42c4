"""The questions as a partner writes them; knows no connection.

Does not check them against the policy: the service does, before it touches data or budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.buckets import Buckets, buckets_proto
from cleanroom_client.contribution import ContributionBound
from cleanroom_client.designs import ADJUSTMENTS, DESIGNS, check_word
from cleanroom_client.errors import QuestionInvalid
from cleanroom_client.events import Day, Filters, Span, filters_proto, unix_seconds, window_proto
from cleanroom_client.loss import Amount, Loss
from cleanroom_client.overlap import Overlap
from cleanroom_client.ropo import Ropo

__all__ = [
    "Amount",
    "Buckets",
    "ContributionBound",
    "Day",
    "Loss",
    "MatchRate",
    "Overlap",
    "Question",
    "Ropo",
    "SalesLift",
    "SegmentSize",
    "unix_seconds",
]

_POPULATIONS = {"all": pb.POPULATION_ALL, "matched": pb.POPULATION_MATCHED}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRate:
    """Matched people over the people of each of two datasets, overall and per key type."""

    datasets: tuple[str, ...]
    by: tuple[str, ...] = ()
    buckets: Mapping[str, Buckets] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "match_rate"

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form."""
        question = pb.MatchRate(
            datasets=self.datasets, by=self.by, buckets=buckets_proto(self.by, self.buckets)
        )
        return _with_loss(pb.Analysis(collaboration=collaboration, match_rate=question), loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSize:
    """People per cell of `by`, of one dataset or of the people matched between two."""

    datasets: tuple[str, ...]
    by: tuple[str, ...]
    buckets: Mapping[str, Buckets] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "segment_size"

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form."""
        question = pb.SegmentSize(
            datasets=self.datasets, by=self.by, buckets=buckets_proto(self.by, self.buckets)
        )
        return _with_loss(pb.Analysis(collaboration=collaboration, segment_size=question), loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLift:
    """Test against control, or exposed against unexposed, on an outcome of the sales dataset.

    `outcome` is a measure, `buyers`, `new_buyers`, `repeat_buyers` or `average_order`. A window
    holds events from its first moment until before its second; `before` is the one that new and
    repeat buyers and some adjustments look back at. A sum above `bound` is clipped to it; without
    it, to the policy's bound, which is never exceeded. `design` is `randomized`,
    `randomized_encouragement` or `observational`; for the latter two `exposed_by` names the count
    that is above zero for the exposed. `adjustment` is `none`, `cuped`, `cuped_two_stage`,
    `change_score` or `post_stratified` by `strata`. See docs/lift.md.
    """

    exposures: str
    sales: str
    outcome: str
    by: tuple[str, ...] = ()
    window: Span | None = None
    filters: Filters = field(default_factory=dict)
    population: str = "all"
    buckets: Mapping[str, Buckets] = field(default_factory=dict)
    bound: int | None = None
    design: str = "randomized"
    exposed_by: str = ""
    before: Span | None = None
    adjustment: str = "none"
    strata: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse words that are not known, and a bound that is none."""
        check_word("design", self.design, DESIGNS)
        check_word("adjustment", self.adjustment, ADJUSTMENTS)
        if self.bound is not None and self.bound < 1:
            raise QuestionInvalid("bound: expected a whole number above zero, or none")
        if self.population not in _POPULATIONS:
            raise QuestionInvalid(f"population: expected one of {', '.join(_POPULATIONS)}")

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "sales_lift"

    @property
    def datasets(self) -> tuple[str, str]:
        """Exposures, then sales."""
        return (self.exposures, self.sales)

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form; raises QuestionInvalid for a window that is none."""
        question = pb.SalesLift(
            exposures=self.exposures,
            sales=self.sales,
            outcome=self.outcome,
            by=self.by,
            window=window_proto(self.window),
            filters=filters_proto(self.filters),
            population=_POPULATIONS[self.population],
            design=DESIGNS[self.design],
            buckets=buckets_proto(self.by, self.buckets),
            bound=self.bound or 0,
            exposed_by=self.exposed_by,
            before=window_proto(self.before),
            adjustment=ADJUSTMENTS[self.adjustment],
            strata=self.strata,
        )
        return _with_loss(pb.Analysis(collaboration=collaboration, sales_lift=question), loss)


Question: TypeAlias = MatchRate | SegmentSize | SalesLift | ContributionBound | Overlap | Ropo


def _with_loss(analysis: pb.Analysis, loss: Loss) -> pb.Analysis:
    loss.fill(analysis)
    return analysis

"""The three families of questions as a partner writes them; knows no connection.

Does not check them against the policy: the service does, before it touches data or budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.designs import ADJUSTMENTS, DESIGNS, check_word
from cleanroom_client.errors import QuestionInvalid

Day: TypeAlias = str | date | datetime
"""A moment: an ISO date (its first second, UTC), or a time, in UTC unless it says otherwise."""

Amount: TypeAlias = str | int | float | Decimal
"""A loss; text and Decimal arrive digit by digit."""

_POPULATIONS = {"all": pb.POPULATION_ALL, "matched": pb.POPULATION_MATCHED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The most that any ledger may be debited, as rho or as epsilon; neither: the policy's."""

    rho: Amount | None = None
    epsilon: Amount | None = None

    def __post_init__(self) -> None:
        """Refuse two losses at once, and what is not a positive number."""
        if self.rho is not None and self.epsilon is not None:
            raise QuestionInvalid("give the loss as rho or as epsilon, not both")
        for name in ("rho", "epsilon"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _positive(name, value))

    def fill(self, analysis: pb.Analysis) -> None:
        """Write the loss into a request."""
        if self.rho is not None:
            analysis.rho = str(self.rho)
        if self.epsilon is not None:
            analysis.epsilon = str(self.epsilon)


def _positive(name: str, value: Amount) -> str:
    """Return plain decimal text, as in 0.004."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise QuestionInvalid(f"{name}: expected a decimal number, as in 0.5") from None
    if not number.is_finite() or number <= 0:
        raise QuestionInvalid(f"{name}: expected a number above zero")
    return f"{number:f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRate:
    """Matched people over the people of each of two datasets, overall and per key type."""

    datasets: tuple[str, ...]
    by: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "match_rate"

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form."""
        question = pb.MatchRate(datasets=self.datasets, by=self.by)
        return _with_loss(pb.Analysis(collaboration=collaboration, match_rate=question), loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSize:
    """People per cell of `by`, of one dataset or of the people matched between two."""

    datasets: tuple[str, ...]
    by: tuple[str, ...]

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "segment_size"

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form."""
        question = pb.SegmentSize(datasets=self.datasets, by=self.by)
        return _with_loss(pb.Analysis(collaboration=collaboration, segment_size=question), loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLift:
    """Test against control, or exposed against unexposed, on an outcome of the sales dataset.

    `outcome` is a measure, `buyers`, `new_buyers`, `repeat_buyers` or `average_order`. A window
    holds events from its first moment until before its second; `before` is the one that new and
    repeat buyers and some adjustments look back at. `design` is `randomized`,
    `randomized_encouragement` or `observational`; for the latter two `exposed_by` names the count
    that is above zero for the exposed. `adjustment` is `none`, `cuped`, `cuped_two_stage`,
    `change_score` or `post_stratified` by `strata`. See docs/lift.md.
    """

    exposures: str
    sales: str
    outcome: str
    by: tuple[str, ...] = ()
    window: tuple[Day, Day] | None = None
    filters: Mapping[str, Iterable[str]] = field(default_factory=dict)
    population: str = "all"
    design: str = "randomized"
    exposed_by: str = ""
    before: tuple[Day, Day] | None = None
    adjustment: str = "none"
    strata: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse words that are not known."""
        check_word("design", self.design, DESIGNS)
        check_word("adjustment", self.adjustment, ADJUSTMENTS)
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
            window=None if self.window is None else _window(*self.window),
            filters=[pb.EventFilter(column=c, values=list(v)) for c, v in self.filters.items()],
            population=_POPULATIONS[self.population],
            design=DESIGNS[self.design],
            exposed_by=self.exposed_by,
            before=None if self.before is None else _window(*self.before),
            adjustment=ADJUSTMENTS[self.adjustment],
            strata=self.strata,
        )
        return _with_loss(pb.Analysis(collaboration=collaboration, sales_lift=question), loss)


Question: TypeAlias = MatchRate | SegmentSize | SalesLift


def _with_loss(analysis: pb.Analysis, loss: Loss) -> pb.Analysis:
    loss.fill(analysis)
    return analysis


def _window(start: Day, end: Day) -> pb.Window:
    from_s, until_s = unix_seconds(start), unix_seconds(end)
    if from_s >= until_s:
        raise QuestionInvalid("window: it must begin before it ends")
    return pb.Window(from_s=from_s, until_s=until_s)


def unix_seconds(day: Day) -> int:
    """Return unix seconds; raises QuestionInvalid for text that is no ISO date or time."""
    if isinstance(day, str):
        try:
            day = datetime.fromisoformat(day)
        except ValueError:
            raise QuestionInvalid(f"{day!r}: expected a date such as 2026-03-31") from None
    if not isinstance(day, datetime):
        day = datetime.combine(day, time(), UTC)
    return int((day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp())

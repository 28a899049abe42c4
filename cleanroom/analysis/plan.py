"""What would run, what it would cost and how accurate it would be, found without touching data.

Must not know versions, rows or what has been spent: the same allowance and loss always give the
same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cleanroom.analysis.charge import Charge
from cleanroom.analysis.lift_charges import Bounds, bounds
from cleanroom.analysis.limits import check_per_question
from cleanroom.analysis.parts import Release, Split, split
from cleanroom.analysis.request import ExactRequest, Residual
from cleanroom.model.allowance import Allowance, Grouping, LedgerTerms, MinimumAggregation
from cleanroom.model.consent import Epoch
from cleanroom.model.dataset import Cell, KeyType, Unit, VersionRef
from cleanroom.model.dataset import cells as cross_product
from cleanroom.model.lift import AVERAGE_ORDER, SHARES
from cleanroom.model.measurement import NoisyStatistic
from cleanroom.model.names import LedgerName
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.privacy import allocation, suppression
from cleanroom.privacy.loss import NANO, rho_to_nano

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticPlan:
    """The noise of one statistic: `cells` integers under each name of `released`.

    `noise_sd` is `scale`, which the discrete Gaussian's sd never exceeds (CKS20, section 2.2).
    `l2_squared` is by dataset whose record is added or removed.
    """

    name: str
    released: tuple[str, ...]
    scale: float
    noise_sd: float
    contribution_bound: int
    l2_squared: tuple[tuple[str, int], ...]
    cells: int
    counts_people: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a release needs beside the exact integers.

    `nano_rho` is what was offered, `debits` what it comes to, rounded up. A count of people below `line` is suppressed (`line` is
    that of the noisiest count, so it holds for all). The bounds and units go into the engine's
    request; `outcome_unit` is what a person's sum counts. With `strata` there is one integer for
    each stratum of each cell, cell by cell.
    A lift adjusted in two stages has the `pooled` statistics of the first; those of the second
    are planned at the widest `residual` clip, and narrowed once the first stage is released.
    """

    nano_rho: int
    question: Question
    groupings: tuple[Grouping, ...]
    cells: tuple[Cell, ...]
    stages: tuple[KeyType, ...]
    statistics: tuple[StatisticPlan, ...]
    debits: tuple[tuple[LedgerName, int], ...]
    minimum: MinimumAggregation
    line: int
    bound: int
    square_unit: int
    outcome_unit: str
    low: int = 0
    visits_bound: int = 1
    visits_unit: int = 1
    strata: tuple[Cell, ...] = ()
    strata_groupings: tuple[Grouping, ...] = ()
    pooled: tuple[StatisticPlan, ...] = ()
    residual: Residual | None = None
    level: float = LEVEL

    def statistic(self, released: str) -> StatisticPlan:
        """Return the plan of the statistic released under that name; KeyError if there is none."""
        for statistic in (*self.pooled, *self.statistics):
            if released in statistic.released:
                return statistic
        raise KeyError(released)

    @property
    def released(self) -> tuple[str, ...]:
        """Names of the statistics of a cell, in the order of the answer."""
        return tuple(name for s in self.statistics for name in s.released)

    @property
    def parameters(self) -> tuple[NoisyStatistic, ...]:
        """The effective parameters, for the measurement."""
        return tuple(
            NoisyStatistic(name=n, scale=s.scale, contribution_bound=s.contribution_bound)
            for s in (*self.pooled, *self.statistics)
            for n in s.released
        )


def plan(allowance: Allowance, nano_rho: int) -> Plan:
    """Return the plan that spends `nano_rho` on the ledger charged most, and never more.

    Ensures: every debit is at least the loss of the release to that ledger's people, and the
    largest is `nano_rho`.
    Raises QuestionRefused above a ledger's limit for one question, FieldInvalid for no loss or
    too many cells.
    """
    rho = Fraction(nano_rho, NANO)
    rho_to_nano(rho)  # refuses a loss of zero
    check_per_question(allowance.ledgers, nano_rho)
    parts = split(allowance, rho)
    *first, wanted = parts.releases
    cells = cross_product(tuple(g.domain for g in allowance.groupings))
    strata = cross_product(tuple(g.domain for g in allowance.strata))
    within = _bounds(allowance)
    return Plan(
        nano_rho=nano_rho,
        question=allowance.question,
        groupings=allowance.groupings,
        cells=cells,
        stages=allowance.stages,
        statistics=tuple(_statistic(c, s, len(cells) * len(strata)) for c, s in wanted.noisy),
        debits=_debits(allowance.ledgers, parts),
        minimum=allowance.minimum,
        line=_line(allowance.minimum, parts.releases),
        bound=within.high,
        square_unit=within.unit,
        outcome_unit=_outcome_unit(allowance),
        low=within.low,
        visits_bound=within.visits,
        visits_unit=within.visits_unit,
        strata=strata if allowance.strata else (),
        strata_groupings=allowance.strata,
        pooled=tuple(_statistic(c, s, 1) for p in first for c, s in p.noisy),
    )


def with_residual(planned: Plan, allowance: Allowance, nano_rho: int, residual: Residual) -> Plan:
    """Return a plan whose second stage sums this residual, for the debits that were planned.

    Ensures: no record loses more than was planned (AssertionError), because only the clip of the
    residuals differs, which moves all of their statistics' noise with it.
    """
    second = split(allowance, Fraction(nano_rho, NANO), residual.bound).releases[-1]
    allocation.check_covered(
        [c.share for c in second.charges], [s for _, s in second.noisy], second.rho, second.moved
    )
    return replace(
        planned,
        statistics=tuple(_statistic(c, s, len(planned.cells)) for c, s in second.noisy),
        residual=residual,
    )


def exact_request(
    plan: Plan, *, purposes: int, versions: tuple[VersionRef, ...], epoch: Epoch
) -> ExactRequest:
    """Return what the engine must compute for `plan` over pinned versions."""
    return ExactRequest(
        question=plan.question,
        versions=versions,
        groupings=plan.groupings,
        stages=plan.stages,
        purposes=purposes,
        epoch_s=epoch.start_s,
        epoch_days=epoch.days,
        max_age_days=epoch.max_age_days,
        bound=plan.bound,
        square_unit=plan.square_unit,
        low=plan.low,
        visits_bound=plan.visits_bound,
        visits_unit=plan.visits_unit,
        strata=plan.strata_groupings,
    )


def _line(minimum: MinimumAggregation, parts: Sequence[Release]) -> int:
    """Return the line of the noisiest count of people, which holds for all of them."""
    return max(
        suppression.line_of_sum(minimum.people, minimum.miss_probability, scale, charge.summed)
        for part in parts
        for charge, scale in part.noisy
        if charge.counts_people
    )


def _debits(ledgers: tuple[LedgerTerms, ...], parts: Split) -> tuple[tuple[LedgerName, int], ...]:
    """Charge each ledger the most that a record of any *one* of its datasets loses.

    Not the sum: a neighbouring world lacks one record of one dataset.
    """
    return tuple((t.ledger, rho_to_nano(max(map(parts.loss, t.datasets)))) for t in ledgers)


def _bounds(allowance: Allowance) -> Bounds:
    """Return the range of a person's sum: that of counts is 0 to 1."""
    match allowance.question:
        case SalesLift() as question:
            return bounds(allowance, question)
        case ContributionBound() | Ropo():
            return Bounds(low=0, high=allowance.bound)
        case MatchRate() | SegmentSize() | Overlap():
            return Bounds(low=0, high=1)


def _statistic(charge: Charge, scale: float, cells: int) -> StatisticPlan:
    return StatisticPlan(
        name=charge.name,
        released=charge.released,
        scale=scale,
        noise_sd=scale,
        contribution_bound=charge.contribution_bound,
        l2_squared=tuple(charge.share.l2_squared.items()),
        cells=cells,
        counts_people=charge.counts_people,
    )


def _outcome_unit(allowance: Allowance) -> str:
    match allowance.question:
        case SalesLift(outcome=outcome) if outcome == AVERAGE_ORDER:
            return str(Unit.MINOR)
        case SalesLift(outcome=outcome) if outcome not in SHARES:
            measure = allowance.schemas[1].measure(outcome)
        case ContributionBound(measure=name):
            measure = allowance.schemas[0].measure(name)
        case Ropo(measure=str() as name):
            measure = allowance.schemas[1].measure(name)
        case _:
            return "people"
    if measure is None:
        raise AssertionError("the policy allowed an outcome that its schema lacks")
    return str(measure.unit)

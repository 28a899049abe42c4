"""What would run, what it would cost and how accurate it would be, found without touching data.

Must not know versions, rows or what has been spent: the same allowance and loss always give the
same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cleanroom.analysis.charges import BUYERS, Charge, charges, outcome_bound, square_unit
from cleanroom.analysis.request import ExactRequest
from cleanroom.model.allowance import Allowance, Grouping, LedgerTerms, MinimumAggregation
from cleanroom.model.dataset import Cell, KeyType, VersionRef
from cleanroom.model.dataset import cells as cross_product
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.measurement import NoisyStatistic
from cleanroom.model.names import LedgerName
from cleanroom.model.question import Question, SalesLift
from cleanroom.privacy import allocation, suppression
from cleanroom.privacy.loss import NANO, nano_rho_of_budget, nano_rho_text, rho_to_nano

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
    that of the noisiest count, so it holds for all). `bound` and `square_unit` go into the
    engine's request; `outcome_unit` is what a lift's sums count.
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
    level: float = LEVEL

    def statistic(self, released: str) -> StatisticPlan:
        """Return the plan of the statistic released under that name; KeyError if there is none."""
        for statistic in self.statistics:
            if released in statistic.released:
                return statistic
        raise KeyError(released)

    @property
    def released(self) -> tuple[str, ...]:
        """Names of all released statistics, in the order of the answer."""
        return tuple(name for s in self.statistics for name in s.released)

    @property
    def parameters(self) -> tuple[NoisyStatistic, ...]:
        """The effective parameters, for the measurement."""
        return tuple(
            NoisyStatistic(name=n, scale=s.scale, contribution_bound=s.contribution_bound)
            for s in self.statistics
            for n in s.released
        )


def plan(allowance: Allowance, nano_rho: int) -> Plan:
    """Return the plan that spends `nano_rho` on the ledger charged most, and never more.

    Ensures: every debit is at least the loss of the release to that ledger's people, at most
    `nano_rho`, and the largest is within 0.1 % of it (from 1000 nano-rho up).
    Raises QuestionRefused above a ledger's limit for one question, FieldInvalid for no loss or
    too many cells.
    """
    rho = Fraction(nano_rho, NANO)
    rho_to_nano(rho)  # refuses a loss of zero
    _check_per_question(allowance.ledgers, nano_rho)
    wanted = charges(allowance)
    noise = allocation.scales([c.share for c in wanted], rho)
    cells = cross_product(tuple(g.domain for g in allowance.groupings))
    minimum, bound = allowance.minimum, outcome_bound(allowance)
    widest = max(s for c, s in zip(wanted, noise, strict=True) if c.counts_people)
    return Plan(
        nano_rho=nano_rho,
        question=allowance.question,
        groupings=allowance.groupings,
        cells=cells,
        stages=allowance.stages,
        statistics=tuple(_statistic(c, s, len(cells)) for c, s in zip(wanted, noise, strict=True)),
        debits=_debits(allowance.ledgers, wanted, noise),
        minimum=minimum,
        line=suppression.line(minimum.people, minimum.miss_probability, widest),
        bound=bound,
        square_unit=square_unit(bound),
        outcome_unit=_outcome_unit(allowance),
    )


def exact_request(
    plan: Plan, *, purposes: int, versions: tuple[VersionRef, ...], epoch_s: int
) -> ExactRequest:
    """Return what the engine must compute for `plan` over pinned versions."""
    return ExactRequest(
        question=plan.question,
        versions=versions,
        groupings=plan.groupings,
        stages=plan.stages,
        purposes=purposes,
        epoch_s=epoch_s,
        bound=plan.bound,
        square_unit=plan.square_unit,
    )


def limit_nano_rho(terms: LedgerTerms) -> int:
    """Return the most that one question may take from a ledger, rounded down."""
    return nano_rho_of_budget(terms.per_question, terms.delta)


def default_nano_rho(allowance: Allowance) -> int:
    """Return the largest loss that every ledger concerned allows one question."""
    return min(limit_nano_rho(terms) for terms in allowance.ledgers)


def nano_rho_for_epsilon(allowance: Allowance, epsilon: Fraction) -> int:
    """Return `epsilon` as a loss, read at the smallest delta of the ledgers concerned."""
    return nano_rho_of_budget(epsilon, min(terms.delta for terms in allowance.ledgers))


def _check_per_question(ledgers: tuple[LedgerTerms, ...], nano_rho: int) -> None:
    reasons = tuple(
        f"one question may take rho {nano_rho_text(limit)} from {terms.ledger}"
        f" and this one asks for {nano_rho_text(nano_rho)}"
        for terms in ledgers
        if nano_rho > (limit := limit_nano_rho(terms))
    )
    if reasons:
        raise QuestionRefused(reasons=reasons)


def _debits(
    ledgers: tuple[LedgerTerms, ...], wanted: Sequence[Charge], noise: Sequence[float]
) -> tuple[tuple[LedgerName, int], ...]:
    """Charge each ledger the most that a record of any *one* of its datasets loses.

    Not the sum: a neighbouring world lacks one record of one dataset.
    """
    shares = [c.share for c in wanted]
    return tuple(
        (t.ledger, rho_to_nano(max(allocation.charge(shares, noise, d) for d in t.datasets)))
        for t in ledgers
    )


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
    question = allowance.question
    if not isinstance(question, SalesLift) or question.outcome == BUYERS:
        return "people"
    sales = allowance.schemas[question.datasets.index(question.sales)]
    measure = sales.measure(question.outcome)
    if measure is None:
        raise AssertionError("the policy allowed an outcome that its schema lacks")
    return str(measure.unit)

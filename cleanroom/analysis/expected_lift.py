"""The statistics of a lift as an asker's assumption says they would be; knows no data or noise.

The moments of one person, with y the outcome, x the same before (alike in mean and sd, of
correlation rho), v the visits; kinds of statistics as in analysis/lift_kinds.py. A change has the
variance 2 sd^2 (1 - rho), a residual y - theta x the variance sd^2 (1 - 2 theta rho + theta^2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.lift_compare import lift_of
from cleanroom.analysis.lift_strata import suffix
from cleanroom.analysis.plan import Plan, with_residual
from cleanroom.analysis.request import THETA_ONE, arms_of
from cleanroom.analysis.two_stage import residual_of
from cleanroom.model.aim import Assumption
from cleanroom.model.allowance import Allowance
from cleanroom.model.lift import AVERAGE_ORDER, Adjustment, Design
from cleanroom.model.question import SalesLift

_CUPED = (Adjustment.CUPED, Adjustment.CUPED_TWO_STAGE)


def needed(question: SalesLift) -> frozenset[str]:
    """Return the names of what must be assumed."""
    names = {"people"} | ({"rate"} if question.is_share else {"mean", "sd"})
    if question.outcome == AVERAGE_ORDER:
        names |= {"visits", "visits_sd", "correlation"}
    if question.design is Design.RANDOMIZED_ENCOURAGEMENT:
        names |= {"exposed"}
    if question.adjustment in _CUPED:
        names |= {"correlation"}
    if question.adjustment is Adjustment.CHANGE_SCORE:
        names = (names - {"mean"}) | {"correlation"}
    return frozenset(names)


def base(question: SalesLift, assumed: Assumption) -> float:
    """Return what a lift is relative to; zero for a change, which has no level."""
    if question.adjustment is Adjustment.CHANGE_SCORE:
        return 0.0
    return _mean(assumed) / (assumed.visits or 1.0)


def largest_lift(plan: Plan, question: SalesLift, assumed: Assumption) -> float:
    """Return the largest lift that the assumption and the bound leave room for."""
    if question.adjustment is Adjustment.CHANGE_SCORE:
        return float(plan.bound)
    return (plan.bound - _mean(assumed)) / (assumed.visits or 1.0)


def release(
    allowance: Allowance, plan: Plan, assumed: Assumption, lift: float
) -> tuple[Plan, dict[str, int]]:
    """Return the statistics of one cell, and the plan they come under."""
    if plan.pooled:
        return _two_stages(allowance, plan, assumed, lift)
    people = assumed.people / max(1, len(plan.strata))
    by_arm = _by_arm(plan, assumed, lift)
    return plan, {
        f"{name}{suffix(stratum)}": round(people * by_arm[_arm(name)][_kind(name)])
        for stratum in plan.strata or ((),)
        for name in plan.released
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """Moments of one person of an arm."""

    mean: float
    variance: float
    before: float = 0.0
    variance_before: float = 0.0
    correlation: float = 0.0

    @property
    def product(self) -> float:
        """E[y x]."""
        spread = math.sqrt(self.variance * self.variance_before)
        return self.mean * self.before + self.correlation * spread


def _by_arm(plan: Plan, assumed: Assumption, lift: float) -> Mapping[str, Mapping[str, float]]:
    control, test = arms_of(plan.question)
    reached = assumed.exposed or 0.0
    return {
        control: _moments(plan, assumed, 0.0) | {"e": 0.0, "r": 0.0},
        test: _moments(plan, assumed, lift)
        | {"e": reached, "r": reached * _mean(assumed) + lift},  # it works through exposure
    }


def _moments(plan: Plan, assumed: Assumption, lift: float) -> dict[str, float]:
    """Return what one person adds to each kind of statistic on average."""
    person, unit, visits = _person(plan, assumed, lift), plan.square_unit, assumed.visits or 0.0
    visits_sd = assumed.visits_sd or 0.0
    together = (assumed.correlation or 0.0) * math.sqrt(person.variance) * visits_sd
    return {
        "n": 1.0,
        "s": person.mean,
        "q": (person.mean**2 + person.variance) / unit**2,
        "x": person.before,
        "qx": (person.before**2 + person.variance_before) / unit**2,
        "px": person.product / unit**2,
        "v": visits,
        "qv": (visits**2 + visits_sd**2) / plan.visits_unit**2,
        "pv": (person.mean * visits + together) / (unit * plan.visits_unit),
        "w": 0.0,
    }


def _person(plan: Plan, assumed: Assumption, lift: float) -> _Person:
    mean, rho = _mean(assumed), assumed.correlation or 0.0
    if lift_of(plan).adjustment is Adjustment.CHANGE_SCORE:
        return _Person(mean=lift, variance=2 * _variance(assumed, mean) * (1 - rho))
    after = mean + lift * (assumed.visits or 1.0)  # of an average order: more at each visit
    return _Person(
        mean=after,
        variance=_variance(assumed, after),
        before=mean,
        variance_before=_variance(assumed, mean),
        correlation=rho,
    )


def _two_stages(
    allowance: Allowance, plan: Plan, assumed: Assumption, lift: float
) -> tuple[Plan, dict[str, int]]:
    """Return a second stage as the expected first one would decide on it."""
    everybody = 2 * assumed.people * len(plan.cells)
    moments = _moments(plan, assumed, lift / 2)
    names = [name for s in plan.pooled for name in s.released]
    pooled = {name: round(everybody * moments[_kind(name)]) for name in names}
    residual = residual_of(plan, pooled)
    second = with_residual(plan, allowance, plan.nano_rho, residual)
    unit, theta = square_unit(residual.bound), residual.theta / THETA_ONE
    values = dict(pooled)
    for arm, added in zip(arms_of(plan.question), (0.0, lift), strict=True):
        person = _residual(_person(plan, assumed, added), theta)
        found = {
            "n": 1.0,
            "s": person.mean,
            "q": (person.mean**2 + person.variance) / unit**2,
            "w": 0.0,
        }
        values |= {f"{k}:{arm}": round(assumed.people * v) for k, v in found.items()}
    return second, values


def _residual(person: _Person, theta: float) -> _Person:
    """Return the moments of y - theta x."""
    both = math.sqrt(person.variance * person.variance_before) * person.correlation
    return _Person(
        mean=person.mean - theta * person.before,
        variance=person.variance - 2 * theta * both + theta**2 * person.variance_before,
    )


def _mean(assumed: Assumption) -> float:
    return assumed.rate if assumed.rate is not None else assumed.mean or 0.0


def _variance(assumed: Assumption, mean: float) -> float:
    return (assumed.sd or 0.0) ** 2 if assumed.rate is None else mean * (1 - mean)


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _arm(name: str) -> str:
    return name.partition(":")[2]

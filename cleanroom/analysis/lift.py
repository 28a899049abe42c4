"""Figures of a sales lift between two arms; must not know ledgers or how the arms were drawn.

Formulas: docs/privacy-guarantee.md, "Intervals". With noisy n, S, Q and noise variances v:

    m = S/n    s^2 = Q/n - m^2    Var(m) = s^2/n + (v_S + m^2 v_n)/n^2
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom.analysis.charges import BUYERS
from cleanroom.analysis.figures import figure, rounded, undefined
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import ARMS
from cleanroom.model.measurement import Figure
from cleanroom.model.question import SalesLift
from cleanroom.privacy.intervals import (
    FIELLER_LIMIT,
    Estimate,
    fieller,
    fieller_g,
    p_value,
    ratio,
)

_UNCERTAIN_CONTROL = "the control mean is too uncertain for a ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The noisy numbers of one arm: people, outcome in all, and the variance between people."""

    people: Estimate
    total: Estimate
    variance: float

    @property
    def mean(self) -> Estimate:
        """Outcome per person, with the noise of both numbers and chance between people."""
        noisy = ratio(self.total, self.people)
        return Estimate(
            value=noisy.value,
            noise_variance=noisy.noise_variance,
            sampling_variance=self.variance / self.people.value,
        )


def sales_lift(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return the figures of each arm and of their difference.

    Requires people above zero in both arms.
    """
    arms = {arm: _arm(plan, values, arm) for arm in ARMS}
    control, test = arms["control"], arms["test"]
    effect = test.mean.minus(control.mean)
    significance = p_value(effect)
    return (
        *(f for name, arm in arms.items() for f in _arm_figures(plan, name, arm)),
        figure("absolute_lift", _mean_unit(plan), effect, plan.level, sampled=True),
        _relative(plan, test.mean, control.mean),
        figure(
            "incremental_total",
            plan.outcome_unit,
            _incremental(test, control),
            plan.level,
            sampled=True,
        ),
        Figure(
            name="p_value",
            unit="probability",
            value=rounded(significance),
            low=None,
            high=None,
            noise_sd=None,
            sampling_se=None,
        ),
    )


def _arm_figures(plan: Plan, name: str, arm: Arm) -> tuple[Figure, ...]:
    total = "buyers" if _is_buyers(plan) else "total"
    unit = plan.outcome_unit
    return (
        figure(f"people_{name}", "people", arm.people, plan.level, sampled=False),
        figure(f"{total}_{name}", unit, arm.total, plan.level, sampled=False),
        figure(f"mean_{name}", _mean_unit(plan), arm.mean, plan.level, sampled=True),
    )


def _arm(plan: Plan, values: Mapping[str, int], arm: str) -> Arm:
    people, total = _noisy(plan, values, f"n:{arm}"), _noisy(plan, values, f"s:{arm}")
    spread = (
        _binary_variance(people, total)
        if _is_buyers(plan)
        else _variance(people, total, _noisy(plan, values, f"q:{arm}"), plan.square_unit)
    )
    return Arm(people=people, total=total, variance=spread)


def _binary_variance(people: Estimate, total: Estimate) -> float:
    """Return m (1 - m), with m kept one person away from none and all.

    Otherwise an arm in which nobody was seen to buy would claim to know that nobody can.
    """
    edge = min(0.5, 1 / people.value)
    mean = min(max(total.value / people.value, edge), 1 - edge)
    return mean * (1 - mean)


def _variance(people: Estimate, total: Estimate, squares: Estimate, unit: int) -> float:
    """Return Q/n - m^2, but at least the noise that Q itself brings to it.

    Below that floor (noise sd of Q over n, both public) the estimate is mostly noise, which may
    even make it negative; the floor errs to the wider side.
    """
    mean = total.value / people.value
    found = squares.value * unit**2 / people.value - mean**2
    floor = math.sqrt(squares.noise_variance) * unit**2 / people.value
    return max(found, floor)


def _relative(plan: Plan, test: Estimate, control: Estimate) -> Figure:
    """Return test over control less one, with Fieller's interval (F54), or why there is none."""
    name, unit = "relative_lift", "ratio"
    if control.value <= 0 or fieller_g(control, plan.level) >= FIELLER_LIMIT:
        return undefined(name, unit, _UNCERTAIN_CONTROL)
    low, high = fieller(test, control, plan.level)
    centre = ratio(test, control)
    return Figure(
        name=name,
        unit=unit,
        value=rounded(centre.value - 1),
        low=rounded(low - 1),
        high=rounded(high - 1),
        noise_sd=rounded(math.sqrt(centre.noise_variance)),
        sampling_se=rounded(math.sqrt(centre.sampling_variance)),
    )


def _incremental(test: Arm, control: Arm) -> Estimate:
    """Return S_t - m_c n_t: the lift times the people of the test arm.

    Written without m_t, because the noise of n_t cancels in n_t m_t = S_t:
    noise v_St + m_c^2 v_nt + n_t^2 Var(m_c), sampling n_t s_t^2 + n_t^2 s_c^2 / n_c.
    """
    people, base = test.people, control.mean
    return Estimate(
        value=test.total.value - base.value * people.value,
        noise_variance=test.total.noise_variance
        + base.value**2 * people.noise_variance
        + people.value**2 * base.noise_variance,
        sampling_variance=people.value * test.variance + people.value**2 * base.sampling_variance,
    )


def _noisy(plan: Plan, values: Mapping[str, int], name: str) -> Estimate:
    return Estimate(value=values[name], noise_variance=plan.statistic(name).noise_sd ** 2)


def _mean_unit(plan: Plan) -> str:
    return "share" if _is_buyers(plan) else f"{plan.outcome_unit} per person"


def _is_buyers(plan: Plan) -> bool:
    return isinstance(plan.question, SalesLift) and plan.question.outcome == BUYERS

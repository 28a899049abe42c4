"""The figures of any comparison of two groups; must not know how it was adjusted.

A comparison of people whom nobody assigned has no causal word in its figures' names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from cleanroom.analysis.figures import counted, figure, rounded, undefined
from cleanroom.analysis.lift_arms import Arm, Numbers
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import arms_of
from cleanroom.analysis.traced import Errors, Traced, known
from cleanroom.model.lift import AVERAGE_ORDER, Design
from cleanroom.model.measurement import Figure
from cleanroom.model.question import Question, SalesLift
from cleanroom.privacy.intervals import FIELLER_LIMIT, fieller, fieller_g, p_value

UNCERTAIN_CONTROL = "the control mean is too uncertain for a ratio"
_UNCERTAIN_OTHERS = "the mean of the unexposed is too uncertain for a ratio"

# What a difference, its ratio and its total are called.
_NAMES = {
    Design.RANDOMIZED: ("absolute_lift", "relative_lift", "incremental_total"),
    Design.RANDOMIZED_ENCOURAGEMENT: ("itt", "relative_itt", "incremental_total"),
    Design.OBSERVATIONAL: ("absolute_difference", "relative_difference", "total_difference"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A difference, what it is relative to (or why to nothing), and its total over the treated."""

    difference: Traced
    errors: Errors
    base: Traced = field(default_factory=lambda: known(0.0))
    no_base: str | None = None
    total: Traced | None = None


def lift_of(plan: Plan) -> SalesLift:
    """Return the plan's question, which is a lift."""
    if not isinstance(plan.question, SalesLift):
        raise AssertionError("only a lift compares arms")  # noqa: TRY004 - not a caller's mistake
    return plan.question


def names_of(plan: Plan) -> tuple[str, str, str]:
    """Return what the difference, its ratio and its total are called in this design."""
    return _NAMES[lift_of(plan).design]


def arms(numbers: Numbers, question: Question, stratum: str = "") -> tuple[Arm, Arm]:
    """Return the two groups that are compared: control first."""
    first, second = arms_of(question)
    return (
        Arm(numbers=numbers, group=f"{first}{stratum}"),
        Arm(numbers=numbers, group=f"{second}{stratum}"),
    )


def comparison_figures(plan: Plan, found: Comparison) -> tuple[Figure, ...]:
    """Return the difference, the ratio, the total where there is one, and the p value."""
    absolute, relative, total = names_of(plan)
    estimate = found.errors.estimate(found.difference)
    return (
        figure(absolute, mean_unit(plan), estimate, plan.level, sampled=True),
        _relative(plan, relative, found),
        *(
            (traced_figure(plan, total, plan.outcome_unit, found.total, found.errors),)
            if found.total is not None
            else ()
        ),
        plain_figure("p_value", "probability", p_value(estimate)),
    )


def traced_figure(
    plan: Plan, name: str, unit: str, number: Traced, errors: Errors, *, sampled: bool = True
) -> Figure:
    """Return a number with its interval; without `sampled` it carries noise only."""
    if sampled:
        return figure(name, unit, errors.estimate(number), plan.level, sampled=True)
    noise_only = Errors(noise=errors.noise, chance={})
    of_equals = noise_only.summed(number)
    if of_equals is None:
        return figure(name, unit, noise_only.estimate(number), plan.level, sampled=False)
    variance, terms = of_equals
    return counted(name, unit, number.value, math.sqrt(variance), plan.level, terms)


def plain_figure(name: str, unit: str, value: float) -> Figure:
    """Return a number that has no interval."""
    return Figure(
        name=name,
        unit=unit,
        value=rounded(value),
        low=None,
        high=None,
        noise_sd=None,
        sampling_se=None,
    )


def arm_figures(plan: Plan, arm: Arm, errors: Errors, mean: str = "mean") -> tuple[Figure, ...]:
    """Return people, outcome in all, and outcome per person of one arm."""
    total = "buyers" if lift_of(plan).is_share else "total"
    return (
        traced_figure(plan, f"people_{arm.group}", "people", arm.people, errors, sampled=False),
        traced_figure(
            plan, f"{total}_{arm.group}", plan.outcome_unit, arm.sum("s"), errors, sampled=False
        ),
        traced_figure(plan, f"{mean}_{arm.group}", mean_unit(plan), arm.mean(), errors),
    )


def mean_unit(plan: Plan) -> str:
    """Return the unit of an outcome per person, or of an order."""
    question = lift_of(plan)
    if question.is_share:
        return "share"
    return f"{plan.outcome_unit} per {'visit' if question.outcome == AVERAGE_ORDER else 'person'}"


def _relative(plan: Plan, name: str, found: Comparison) -> Figure:
    """Return difference over base with Fieller's interval (F54), or why there is none."""
    unit, errors = "ratio", found.errors
    if found.no_base is not None:
        return undefined(name, unit, found.no_base)
    top, bottom = errors.estimate(found.difference), errors.estimate(found.base)
    if bottom.value <= 0 or fieller_g(bottom, plan.level) >= FIELLER_LIMIT:
        observed = lift_of(plan).design is Design.OBSERVATIONAL
        return undefined(name, unit, _UNCERTAIN_OTHERS if observed else UNCERTAIN_CONTROL)
    both = errors.covariance(found.difference, found.base)
    low, high = fieller(top, bottom, plan.level, both)
    centre = errors.estimate(found.difference / found.base)
    return Figure(
        name=name,
        unit=unit,
        value=rounded(centre.value),
        low=rounded(low),
        high=rounded(high),
        noise_sd=rounded(math.sqrt(centre.noise_variance)),
        sampling_se=rounded(math.sqrt(centre.sampling_variance)),
    )

"""Figures of lifts adjusted by what people did before: CUPED and difference in differences.

CUPED (Deng, Xu, Kohavi and Walker, WSDM 2013), with y after, x before and any fixed theta:

    D = (m_yt - theta m_xt) - (m_yc - theta m_xc)

is as unbiased as m_yt - m_yc, because arms drawn at random have equal expected x; theta = cov/var
makes its variance least. Theta is found from noisy moments, so it is public, and a bad one widens
the interval and biases nothing.
"""

from __future__ import annotations

from cleanroom.analysis.lift_arms import Arm, Numbers
from cleanroom.analysis.lift_compare import (
    Comparison,
    arm_figures,
    arms,
    comparison_figures,
    mean_unit,
    plain_figure,
    traced_figure,
)
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import MAX_THETA, POOLED, THETA_ONE
from cleanroom.analysis.traced import Errors, Traced
from cleanroom.model.measurement import Figure

_NO_LEVEL = "a change has no level to be relative to"
_OF_ALL_CELLS = "the mean before adjustment was released over all cells only"


def pooled_arm(numbers: Numbers) -> Arm:
    """Return everybody in an arm, of a first stage."""
    return Arm(numbers=numbers, group=POOLED)


def theta_of(*groups: Arm) -> float:
    """Return cov / var of the groups together, each about its own means; within +-MAX_THETA."""
    top = sum(g.people.value * g.covariance("s", "x") for g in groups)
    bottom = sum(g.people.value * g.variance("x") for g in groups)
    return max(-MAX_THETA, min(MAX_THETA, top / bottom)) if bottom > 0 else 0.0


def cuped(plan: Plan, numbers: Numbers) -> tuple[Figure, ...]:
    """Return unadjusted arms, and their difference adjusted; relative to unadjusted control."""
    control, test = arms(numbers, plan.question)
    theta = theta_of(control, test)
    chance = _adjusted_chance(control, theta) | _adjusted_chance(test, theta)
    errors = Errors(noise=numbers.noise, chance=chance)
    plain = test.mean() - control.mean()
    difference = plain - (test.mean("x") - control.mean("x")).times(theta)
    found = Comparison(
        difference=difference,
        errors=errors,
        base=control.mean(),
        total=difference * test.people,
    )
    return (
        *(f for arm in (control, test) for f in arm_figures(plan, arm, errors)),
        *comparison_figures(plan, found),
        traced_figure(plan, "unadjusted_lift", mean_unit(plan), plain, errors),
        plain_figure("theta", "ratio", theta),
    )


def cuped_two_stage(plan: Plan, first: Numbers, second: Numbers) -> tuple[Figure, ...]:
    """Return the residuals' means by arm, and their difference, which is the adjusted lift."""
    control, test = arms(second, plan.question)
    everybody = pooled_arm(first)
    chance = control.chance("s") | test.chance("s") | everybody.chance("s")
    errors = Errors(noise=second.noise, chance=chance)
    difference = test.mean() - control.mean()
    found = Comparison(
        difference=difference,
        errors=errors,
        base=_control_mean(everybody, control, test, difference),
        no_base=_OF_ALL_CELLS if len(plan.cells) > 1 else None,
        total=difference * test.people,
    )
    theta = plan.residual.theta / THETA_ONE if plan.residual else 0.0
    return (
        *(f for arm in (control, test) for f in _residual_figures(plan, arm, errors)),
        *comparison_figures(plan, found),
        plain_figure("theta", "ratio", theta),
        _clip_bias(plan, control, test, errors),
    )


def change_score(plan: Plan, numbers: Numbers) -> tuple[Figure, ...]:
    """Return mean changes by arm, and the difference of differences."""
    control, test = arms(numbers, plan.question)
    errors = Errors(noise=numbers.noise, chance=control.chance("s") | test.chance("s"))
    difference = test.mean() - control.mean()
    found = Comparison(
        difference=difference,
        errors=errors,
        no_base=_NO_LEVEL,
        total=difference * test.people,
    )
    return (
        *(f for arm in (control, test) for f in _change_figures(plan, arm, errors)),
        *comparison_figures(plan, found),
    )


def _adjusted_chance(arm: Arm, theta: float) -> dict[tuple[str, str], float]:
    """Return the chance of y and x, with y's raised where the residual's would be below its noise.

    A theta that makes a noisy variance least makes it too small; the floor is that noise's sd.
    """
    chance = arm.chance("s", "x")
    short = arm.residual_noise(theta) - arm.residual(theta)
    own = arm.name("s"), arm.name("s")
    return chance | {own: chance[own] + arm.people.value * max(0.0, short)}


def _control_mean(everybody: Arm, control: Arm, test: Arm, difference: Traced) -> Traced:
    """Return the unadjusted mean of all, less the part of the lift that the test arm put in it."""
    part = test.people / (test.people + control.people)
    return everybody.mean() - difference * part


def _residual_figures(plan: Plan, arm: Arm, errors: Errors) -> tuple[Figure, Figure]:
    name, unit = f"residual_mean_{arm.group}", mean_unit(plan)
    return (
        traced_figure(plan, f"people_{arm.group}", "people", arm.people, errors, sampled=False),
        traced_figure(plan, name, unit, arm.mean(), errors),
    )


def _change_figures(plan: Plan, arm: Arm, errors: Errors) -> tuple[Figure, ...]:
    return (
        traced_figure(plan, f"people_{arm.group}", "people", arm.people, errors, sampled=False),
        traced_figure(
            plan,
            f"total_change_{arm.group}",
            plan.outcome_unit,
            arm.sum("s"),
            errors,
            sampled=False,
        ),
        traced_figure(plan, f"mean_change_{arm.group}", mean_unit(plan), arm.mean(), errors),
    )


def _clip_bias(plan: Plan, control: Arm, test: Arm, errors: Errors) -> Figure:
    """Return what a clip at twice the bound would have added to the lift, among these people."""
    added = test.mean("w") - control.mean("w")
    return traced_figure(plan, "clip_bias", mean_unit(plan), added, errors, sampled=False)

"""Figures of a sales lift between two arms; must not know ledgers or how the arms were drawn.

Formulas: docs/lift.md. With noisy n, S, Q and noise variances v:

    m = S/n    s^2 = Q/n - m^2    Var(m) = s^2/n + (v_S + m^2 v_n)/n^2
"""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.analysis import lift_before, lift_exposed, lift_strata
from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.figures import undefined
from cleanroom.analysis.lift_arms import Numbers
from cleanroom.analysis.lift_compare import (
    Comparison,
    arm_figures,
    arms,
    comparison_figures,
    lift_of,
    mean_unit,
    names_of,
    traced_figure,
)
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import arms_of
from cleanroom.analysis.traced import Errors
from cleanroom.model.lift import AVERAGE_ORDER, Adjustment, Design
from cleanroom.model.measurement import Figure
from cleanroom.privacy.intervals import FIELLER_LIMIT, fieller_g

_FEW_VISITS = "the number of visits is too uncertain for a ratio"


def sales_lift(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return the figures of each arm and of their difference.

    `values` are the noisy statistics of a cell by name; of strata, those that are kept, and of an
    adjustment in two stages the pooled ones too. Requires people above zero in both arms.
    """
    question, numbers = lift_of(plan), numbers_of(plan, values)
    match question.adjustment:
        case Adjustment.NONE if question.outcome == AVERAGE_ORDER:
            return _average_order(plan, numbers)
        case Adjustment.NONE if question.design is Design.RANDOMIZED_ENCOURAGEMENT:
            return lift_exposed.encouragement(plan, numbers)
        case Adjustment.NONE:
            return _plain(plan, numbers)
        case Adjustment.CUPED:
            return lift_before.cuped(plan, numbers)
        case Adjustment.CUPED_TWO_STAGE:
            return lift_before.cuped_two_stage(plan, numbers, _residual_numbers(plan, numbers))
        case Adjustment.CHANGE_SCORE:
            return lift_before.change_score(plan, numbers)
        case Adjustment.POST_STRATIFIED:
            return lift_strata.post_stratified(plan, numbers)


def numbers_of(plan: Plan, values: Mapping[str, int]) -> Numbers:
    """Return noisy values with what the plan says of their noise and units."""
    question = lift_of(plan)
    share = question.is_share and question.adjustment is not Adjustment.CHANGE_SCORE
    noise = {n: plan.statistic(n.partition("/")[0]).noise_sd ** 2 for n in values}
    units = {"s": plan.square_unit, "x": plan.square_unit, "v": plan.visits_unit, "e": 1}
    return Numbers(
        values=values,
        noise=noise,
        units=units,
        shares=frozenset({"e", "s", "x"} if share else {"e"}),
    )


def _residual_numbers(plan: Plan, numbers: Numbers) -> Numbers:
    """Return the numbers of a second stage, whose sums are of residuals."""
    bound = plan.residual.bound if plan.residual else max(plan.bound, -plan.low)
    return Numbers(
        values=numbers.values,
        noise=numbers.noise,
        units={"s": square_unit(bound)},
        shares=frozenset(),
    )


def _plain(plan: Plan, numbers: Numbers) -> tuple[Figure, ...]:
    control, test = arms(numbers, plan.question)
    errors = Errors(noise=numbers.noise, chance=control.chance("s") | test.chance("s"))
    difference = test.mean() - control.mean()
    found = Comparison(
        difference=difference,
        errors=errors,
        base=control.mean(),
        total=difference * test.people,
    )
    return (
        *(f for arm in (control, test) for f in arm_figures(plan, arm, errors)),
        *comparison_figures(plan, found),
    )


def _average_order(plan: Plan, numbers: Numbers) -> tuple[Figure, ...]:
    """Return what a visit brings: the ratio of both sums, not the mean of people's ratios."""
    control, test = arms(numbers, plan.question)
    chance = control.chance("s", "v") | test.chance("s", "v")
    errors = Errors(noise=numbers.noise, chance=chance)
    sums = tuple(
        traced_figure(plan, f"{name}_{arm.group}", unit, arm.sum(kind), errors, sampled=False)
        for arm in (control, test)
        for name, unit, kind in (
            ("people", "people", "n"),
            ("total", plan.outcome_unit, "s"),
            ("visits", "rows", "v"),
        )
    )
    visits = [errors.estimate(arm.sum("v")) for arm in (control, test)]
    if any(v.value <= 0 or fieller_g(v, plan.level) >= FIELLER_LIMIT for v in visits):
        return (*sums, *_no_order(plan))
    ratios = [arm.sum("s") / arm.sum("v") for arm in (control, test)]
    found = Comparison(difference=ratios[1] - ratios[0], errors=errors, base=ratios[0])
    return (
        *sums,
        *(
            traced_figure(plan, f"average_order_{arm.group}", mean_unit(plan), ratio, errors)
            for arm, ratio in zip((control, test), ratios, strict=True)
        ),
        *comparison_figures(plan, found),
    )


def _no_order(plan: Plan) -> tuple[Figure, ...]:
    """Return the figures that visits are too few for, in the shape of those there would be."""
    control, test = arms_of(plan.question)
    absolute, relative, _ = names_of(plan)
    return (
        *(undefined(f"average_order_{a}", mean_unit(plan), _FEW_VISITS) for a in (control, test)),
        undefined(absolute, mean_unit(plan), _FEW_VISITS),
        undefined(relative, "ratio", _FEW_VISITS),
        undefined("p_value", "probability", _FEW_VISITS),
    )

"""Figures of every kind of lift against textbook formulas, written out once more here."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from cleanroom.analysis.estimate import estimate, names_of_a_cell, pooled_statistics
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Residual, Statistics
from cleanroom.analysis.two_stage import residual_of
from cleanroom.model.lift import Adjustment, Design
from cleanroom.privacy.loss import NANO
from support import allowances

LOSS = 4 * NANO // 1000
N = 1_000_000


def planned(outcome="amount", *, bound=30_000, **options):
    return plan(allowances.sales_lift(outcome, bound=bound, **options), LOSS)


ASSIGNED = {"design": Design.RANDOMIZED_ENCOURAGEMENT, "exposed_by": "impressions"}
OBSERVED = {"design": Design.OBSERVATIONAL, "exposed_by": "impressions"}
ENCOURAGED = planned(asked=ASSIGNED)
ORDERS = planned("average_order", visits_bound=60)
CUPED = planned(asked=allowances.before(Adjustment.CUPED))
CHANGE = planned(asked=allowances.before(Adjustment.CHANGE_SCORE))
TWO_STAGE = planned(asked=allowances.before(Adjustment.CUPED_TWO_STAGE))
BY_STRATA = {
    "strata": (allowances.BY_SEGMENT,),
    "asked": {"adjustment": Adjustment.POST_STRATIFIED, "strata": ("exposures.segment",)},
}
STRATA = planned("buyers", **BY_STRATA)


def figures(plan_, values, pooled=None):
    named = {n: (values.get(n, 0),) for n in plan_.released}
    (cell,) = estimate(plan_, Statistics(values=named), pooled or {})
    assert not cell.suppressed
    return {f.name: f for f in cell.figures}


def noise(plan_, name) -> float:
    return plan_.statistic(name).noise_sd ** 2


def both(**values):
    """The same values in both arms, unless told by name."""
    return {f"{kind}:{arm}": v for kind, v in values.items() for arm in ("control", "test")}


REACHED = both(n=N, q=4_000_000 * N) | {
    "s:test": 1_100 * N,
    "s:control": 1_000 * N,
    "e:test": 6 * N // 10,
    "e:control": N // 10,
    "r:test": 900 * N,
    "r:control": 160 * N,
}


def test_the_effect_on_compliers_is_the_effect_of_assignment_over_compliance():
    found = figures(ENCOURAGED, REACHED)

    assert found["itt"].value == 100
    assert found["compliance"].value == 0.5
    assert found["cace"].value == 200
    assert found["relative_itt"].value == 0.1
    assert found["exposure_test"].value == 0.6
    assert found["total_exposed_test"].value == 900 * N
    assert not {"absolute_lift", "relative_lift"} & set(found)


def test_the_error_of_the_effect_on_compliers_is_that_of_the_formula():
    found = figures(ENCOURAGED, REACHED)
    pi, cace = 0.5, 200

    def arm(mean, share, reached):
        """Chance: variances and the covariance of outcome and exposure, over n."""
        cov = reached / N - mean * share
        return (4_000_000 - mean**2) / N, share * (1 - share) / N, cov / N

    parts = [arm(1_100, 0.6, 900 * N), arm(1_000, 0.1, 160 * N)]
    v_itt, v_pi, cov = (sum(p) for p in zip(*parts, strict=True))
    chance = (v_itt + cace**2 * v_pi - 2 * cace * cov) / pi**2
    assert found["cace"].sampling_se == pytest.approx(math.sqrt(chance), rel=1e-9)

    v_s, v_e, v_n = (noise(ENCOURAGED, f"{k}:test") for k in "sen")
    noises = 0.0
    for mean, share in ((1_100, 0.6), (1_000, 0.1)):
        itt, compliance = v_s + mean**2 * v_n, v_e + share**2 * v_n
        noises += (itt + cace**2 * compliance - 2 * cace * mean * share * v_n) / N**2
    assert found["cace"].noise_sd == pytest.approx(math.sqrt(noises) / pi, rel=1e-9)


def test_weak_compliance_gives_no_effect_on_compliers_and_says_why():
    found = figures(ENCOURAGED, REACHED | {"e:control": 5_999 * N // 10_000})

    assert found["cace"].value is None
    assert "exposed because they were assigned" in found["cace"].undefined
    assert found["itt"].value == 100


def test_no_figure_of_an_observational_lift_has_a_causal_word():
    observed = planned(asked=OBSERVED)
    values = {f"{k}:{g}": v for g in ("unexposed", "exposed") for k, v in (("n", N), ("q", N))}
    found = figures(observed, values | {"s:exposed": 900 * N, "s:unexposed": 600 * N})

    assert found["absolute_difference"].value == 300
    assert found["relative_difference"].value == 0.5
    assert found["total_difference"].value == 300 * N
    words = ("lift", "incremental", "effect", "test", "control", "itt", "cace")
    assert not [n for n in found if any(w in n for w in words)]


VISITED = both(n=N, q=4_000_000 * N, v=2 * N, qv=6 * N, pv=2_500 * N) | {
    "s:test": 1_200 * N,
    "s:control": 1_000 * N,
}


def test_an_average_order_is_the_ratio_of_sums_with_the_delta_method():
    found = figures(ORDERS, VISITED)

    assert found["average_order_test"].value == 600
    assert found["absolute_lift"].value == 100
    assert found["average_order_test"].unit == "minor per visit"
    v_s, v_v = noise(ORDERS, "s:test"), noise(ORDERS, "v:test")
    assert found["average_order_test"].noise_sd == pytest.approx(
        math.sqrt(v_s + 600**2 * v_v) / (2 * N)
    )
    var_s, var_v, cov = 4_000_000 - 1_200**2, 6 - 4, 2_500 - 1_200 * 2
    per_person = var_s + 600**2 * var_v - 2 * 600 * cov
    assert found["average_order_test"].sampling_se == pytest.approx(math.sqrt(per_person / N) / 2)
    assert "incremental_total" not in found


def test_an_average_order_of_hardly_any_visit_is_undefined_in_the_same_shape():
    few = figures(ORDERS, VISITED | both(v=3))

    assert [(f.name, f.unit) for f in few.values()] == [
        (f.name, f.unit) for f in figures(ORDERS, VISITED).values()
    ]
    assert "visits" in few["absolute_lift"].undefined


X_VAR, Y_VAR, COV = 3_000_000, 4_000_000, 2_800_000
MOMENTS = both(
    n=N,
    x=800 * N,
    q=(Y_VAR + 1_000**2) * N,
    qx=(X_VAR + 800**2) * N,
    px=(COV + 1_000 * 800) * N,
    s=1_000 * N,
)


def test_cuped_takes_what_chance_put_into_an_arm_before():
    lucky = MOMENTS | {"x:test": 830 * N, "s:test": 1_050 * N}
    found = figures(CUPED, lucky)
    theta = found["theta"].value

    assert theta == pytest.approx(COV / X_VAR, rel=0.02)
    assert found["absolute_lift"].value == pytest.approx(50 - theta * 30)
    assert found["unadjusted_lift"].value == 50
    assert found["mean_test"].value == 1_050


def test_the_error_of_cuped_is_that_of_the_formula():
    found = figures(CUPED, MOMENTS)
    theta = COV / X_VAR
    assert found["theta"].value == pytest.approx(theta)
    v_s, v_x, v_n = (noise(CUPED, f"{k}:test") for k in "sxn")
    residual = Y_VAR - 2 * theta * COV + theta**2 * X_VAR
    lift = found["absolute_lift"]

    assert lift.sampling_se == pytest.approx(math.sqrt(2 * residual / N))
    per_arm = (v_s + theta**2 * v_x + (1_000 - theta * 800) ** 2 * v_n) / N**2
    assert lift.noise_sd == pytest.approx(math.sqrt(2 * per_arm))


def test_a_relative_cuped_lift_divides_by_the_unadjusted_control():
    found = figures(CUPED, MOMENTS | {"s:test": 1_100 * N, "x:control": 850 * N})

    ratio = found["absolute_lift"].value / 1_000
    assert found["relative_lift"].value == pytest.approx(ratio)


def test_a_residual_variance_that_theta_drowned_is_floored_at_its_noise():
    perfect = MOMENTS | both(px=2 * (Y_VAR + 1_000**2) * N)
    found = figures(CUPED, perfect)

    assert found["absolute_lift"].sampling_se > 0


def test_a_change_has_no_relative_lift_and_says_why():
    found = figures(CHANGE, both(n=N, q=10**6 * N) | {"s:test": 90 * N, "s:control": -10 * N})

    assert found["absolute_lift"].value == 100
    assert found["mean_change_control"].value == -10
    assert found["incremental_total"].value == 100 * N
    assert "no level" in found["relative_lift"].undefined


POOLED = {
    "n:pooled": 2 * N,
    "s:pooled": 2_000 * N,
    "x:pooled": 1_600 * N,
    "q:pooled": 2 * (Y_VAR + 1_000**2) * N,
    "qx:pooled": 2 * (X_VAR + 800**2) * N,
    "px:pooled": 2 * (COV + 1_000 * 800) * N,
}


def test_theta_and_the_clip_follow_from_pooled_moments():
    found = residual_of(TWO_STAGE, POOLED)

    theta = COV / X_VAR
    assert found.theta == pytest.approx(theta * 2**16, abs=1)
    middle, spread = 1_000 - theta * 800, math.sqrt(Y_VAR - COV**2 / X_VAR)
    assert found.bound > middle + math.sqrt(2 * math.log(2 * N)) * spread
    assert found.bound <= TWO_STAGE.bound


def test_the_clip_widens_with_the_number_of_people_and_never_beyond_the_bound():
    calm = tuple(replace(s, noise_sd=1e-9) for s in TWO_STAGE.pooled)
    clips = [
        residual_of(
            replace(TWO_STAGE, pooled=calm), {k: v * part // 10_000 for k, v in POOLED.items()}
        ).bound
        for part in (10, 100, 1_000, 10_000, 10**6)
    ]

    assert clips == sorted(clips)
    assert clips[0] < clips[1] < clips[-1] == TWO_STAGE.bound


def test_too_few_people_decide_nothing_and_suppress_every_cell():
    few = POOLED | {"n:pooled": TWO_STAGE.line - 1}
    assert residual_of(TWO_STAGE, few) == Residual(theta=0, bound=TWO_STAGE.bound)

    enough = dict.fromkeys(TWO_STAGE.released, (10**6,))
    (cell,) = estimate(TWO_STAGE, Statistics(values=enough), few)
    assert cell.suppressed
    assert {value for _, value in pooled_statistics(TWO_STAGE, few)} == {None}
    assert dict(pooled_statistics(TWO_STAGE, POOLED)) == POOLED


def test_two_stages_give_lift_relative_lift_and_clip_bias():
    narrowed = replace(TWO_STAGE, residual=Residual(theta=2**15, bound=20_000))
    values = both(n=N, q=10**6 * N, w=0) | {
        "s:test": 700 * N,
        "s:control": 600 * N,
        "w:test": 5 * N,
    }
    found = figures(narrowed, values, POOLED)

    assert found["absolute_lift"].value == 100
    assert found["relative_lift"].value == pytest.approx(100 / (1_000 - 50))
    assert found["theta"].value == 0.5
    assert found["clip_bias"].value == 5
    assert found["clip_bias"].sampling_se is None
    v_w = noise(narrowed, "w:test")
    assert found["clip_bias"].noise_sd == pytest.approx(
        math.sqrt(2 * v_w + 25 * noise(narrowed, "n:test")) / N
    )


def strata_cell(values):
    named = {n: tuple(values[n]) for n in STRATA.released}
    (cell,) = estimate(STRATA, Statistics(values=named))
    return cell, {f.name: f for f in cell.figures}


IN_STRATA = {
    "n:control": (9_000, 3_000),
    "n:test": (3_000, 9_000),
    "s:control": (900, 900),
    "s:test": (450, 3_150),
}


def test_strata_are_weighted_by_their_people_and_not_by_the_arms():
    cell, found = strata_cell(IN_STRATA)

    # Both strata have 12,000 people: means are plain averages of 10 % and 30 %, 15 % and 35 %.
    assert found["mean_control"].value == pytest.approx(0.20)
    assert found["mean_test"].value == pytest.approx(0.25)
    assert found["absolute_lift"].value == pytest.approx(0.05)
    assert found["people_test"].value == 12_000
    assert (found["strata_used"].value, found["strata_left_out"].value) == (2, 0)
    assert dict(cell.statistics)["n:test/cooks"] == 3_000
    assert [n for n, _ in cell.statistics] == list(names_of_a_cell(STRATA))


def test_the_error_of_strata_has_every_source_once():
    _, found = strata_cell(IN_STRATA)
    v_n, v_s = noise(STRATA, "n:test"), noise(STRATA, "s:test")
    chance = noises = 0.0
    for stratum in (0, 1):
        for arm, sign in (("test", 1), ("control", -1)):
            n, s = IN_STRATA[f"n:{arm}"][stratum], IN_STRATA[f"s:{arm}"][stratum]
            mean = s / n
            chance += 0.25 * mean * (1 - mean) / n
            # Lifts of both strata are equal here, so a weight's error moves nothing.
            noises += v_s * (0.5 / n) ** 2 + v_n * (-sign * 0.5 * mean / n) ** 2
    assert found["absolute_lift"].sampling_se == pytest.approx(math.sqrt(chance))
    assert found["absolute_lift"].noise_sd == pytest.approx(math.sqrt(noises))


def test_weights_carry_chance_where_strata_differ():
    unequal = IN_STRATA | {"s:test": (1_350, 3_150)}  # lifts of 35 and 5 points
    _, found = strata_cell(unequal)
    within = sum(
        0.25 * (s / n) * (1 - s / n) / n
        for arm in ("test", "control")
        for n, s in zip(unequal[f"n:{arm}"], unequal[f"s:{arm}"], strict=True)
    )
    between = 0.25 * (0.35 - 0.05) ** 2 / 24_000
    assert found["absolute_lift"].sampling_se == pytest.approx(math.sqrt(within + between))


def test_a_stratum_below_the_line_is_left_out_and_said():
    cell, found = strata_cell(IN_STRATA | {"n:control": (9_000, STRATA.line - 1)})

    assert not cell.suppressed
    assert (found["strata_used"].value, found["strata_left_out"].value) == (1, 1)
    assert found["absolute_lift"].value == pytest.approx(0.05)
    assert dict(cell.statistics)["n:test/other"] is None
    assert dict(cell.statistics)["n:test/cooks"] == 3_000


def test_a_cell_without_any_stratum_above_the_line_is_suppressed_in_the_same_shape():
    shown, _ = strata_cell(IN_STRATA)
    hidden, _ = strata_cell(IN_STRATA | {"n:test": (STRATA.line - 1,) * 2})

    assert hidden.suppressed
    assert {value for _, value in hidden.statistics} == {None}
    assert [n for n, _ in hidden.statistics] == [n for n, _ in shown.statistics]
    assert [(f.name, f.unit) for f in hidden.figures] == [(f.name, f.unit) for f in shown.figures]

"""Estimates: known figures, suppression, shapes that tell nothing, stable numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.figures import rounded
from cleanroom.analysis.noise import add_noise
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.loss import NANO
from support import allowances
from support.allowances import BY_CITY, BY_FREQUENCY

LOSS = 4 * NANO // 1000
MATCH = plan(allowances.match_rate(), LOSS)
MATCH_BY_CITY = plan(allowances.match_rate(by_city=True), LOSS)
SEGMENT = plan(allowances.segment_size(BY_CITY), LOSS)
BUYERS = plan(allowances.sales_lift("buyers"), LOSS)
AMOUNT = plan(allowances.sales_lift(), LOSS)
BUYERS_BY_CITY = plan(allowances.sales_lift("buyers", by_city=True), LOSS)
FREQUENCY = plan(allowances.segment_size(BY_FREQUENCY), LOSS)
BOUND = plan(allowances.contribution_bound(), LOSS)
PLANS = (MATCH, MATCH_BY_CITY, SEGMENT, BUYERS, AMOUNT, BUYERS_BY_CITY, FREQUENCY, BOUND)


def noiseless(plan_):
    """The same plan with noise too small to matter, to compare with published figures."""
    calm = tuple(replace(s, scale=1e-9, noise_sd=1e-9) for s in plan_.statistics)
    return replace(plan_, statistics=calm, square_unit=1)


def of_one_cell(plan_, **values):
    named = {n: (values.get(n.replace(":", "_").replace("-", "_"), 0),) for n in plan_.released}
    (cell,) = estimate(plan_, Statistics(values=named))
    return {f.name: f for f in cell.figures}


def interval(figure):
    return figure.value, figure.low, figure.high


def test_visits_of_a_published_experiment_are_estimated_as_published():
    # Hillstrom e-mail experiment, women's e-mail against none: visits (Hillstrom 2008).
    found = of_one_cell(
        noiseless(BUYERS), n_test=21387, n_control=21306, s_test=3238, s_control=2262
    )

    assert found["mean_test"].value == pytest.approx(0.15140, abs=5e-6)
    assert found["mean_control"].value == pytest.approx(0.10617, abs=5e-6)
    assert interval(found["absolute_lift"]) == pytest.approx((0.04523, 0.03889, 0.05157), abs=1e-5)
    assert found["absolute_lift"].unit == "share"


def test_an_amount_has_the_mean_and_standard_error_of_the_textbook():
    # Outcomes 2, 4, 6 and 0, 0, 6, each a thousand times.
    found = of_one_cell(
        noiseless(AMOUNT),
        n_test=3000,
        s_test=12_000,
        q_test=56_000,
        n_control=3000,
        s_control=6000,
        q_control=36_000,
    )

    assert found["mean_test"].value == 4
    assert found["mean_test"].sampling_se == pytest.approx(math.sqrt(8 / 3 / 3000))
    assert found["absolute_lift"].value == 2
    assert found["absolute_lift"].sampling_se == pytest.approx(math.sqrt((8 / 3 + 8) / 3000))
    assert found["relative_lift"].value == 1
    assert found["incremental_total"].value == 6000
    assert found["p_value"].value == pytest.approx(
        math.erfc(2 / math.sqrt((8 / 3 + 8) / 3000) / math.sqrt(2)), abs=1e-12
    )


def test_squares_are_scaled_back_from_their_unit():
    calm = replace(noiseless(AMOUNT), square_unit=10)
    found = of_one_cell(
        calm, n_test=3000, s_test=0, q_test=6000, n_control=3000, s_control=0, q_control=6000
    )

    assert found["mean_test"].sampling_se == pytest.approx(math.sqrt(200 / 3000))


def test_noise_widens_a_mean_as_its_formula_says():
    found = of_one_cell(BUYERS, n_test=5000, n_control=5000, s_test=1000, s_control=900)
    v_n, v_s = (BUYERS.statistic(n).scale ** 2 for n in ("n:test", "s:test"))
    mean = found["mean_test"]

    assert mean.noise_sd == pytest.approx(math.sqrt(v_s + 0.04 * v_n) / 5000)
    assert mean.sampling_se == pytest.approx(math.sqrt(0.2 * 0.8 / 5000))
    half = 1.959964 * math.hypot(mean.noise_sd, mean.sampling_se)
    assert mean.high - mean.value == pytest.approx(half)


def test_the_incremental_total_is_the_lift_times_the_people_of_the_test_arm():
    found = of_one_cell(BUYERS, n_test=4000, n_control=5000, s_test=1000, s_control=900)
    lift, people = found["absolute_lift"].value, found["people_test"].value

    assert found["incremental_total"].value == pytest.approx(lift * people)
    assert found["incremental_total"].unit == "people"


def test_the_incremental_total_carries_every_source_of_noise_once():
    found = of_one_cell(BUYERS, n_test=4000, n_control=5000, s_test=1000, s_control=2000)
    v_n, v_s = (BUYERS.statistic(n).scale ** 2 for n in ("n:test", "s:test"))
    total = found["incremental_total"]

    control = (v_s + 0.16 * v_n) / 5000**2  # noise variance of a control mean of 0.4
    assert total.noise_sd == pytest.approx(math.sqrt(v_s + 0.16 * v_n + 4000**2 * control))
    chance = 4000 * 0.25 * 0.75 + 4000**2 * 0.4 * 0.6 / 5000
    assert total.sampling_se == pytest.approx(math.sqrt(chance))


def test_a_relative_lift_is_refused_with_its_reason_when_control_is_uncertain():
    found = of_one_cell(BUYERS, n_test=2000, n_control=2000, s_test=60, s_control=9)
    relative = found["relative_lift"]

    assert relative.value is relative.low is relative.high is None
    assert "uncertain" in relative.undefined
    assert found["absolute_lift"].value is not None


def test_a_relative_lift_with_a_negative_control_is_refused():
    found = of_one_cell(noiseless(BUYERS), n_test=2000, n_control=2000, s_test=60, s_control=-900)

    assert found["relative_lift"].undefined


@pytest.mark.parametrize("buyers", [-40, 0, 5000, 5100])
def test_an_arm_in_which_none_or_all_seem_to_buy_still_has_a_sampling_error(buyers):
    found = of_one_cell(BUYERS, n_test=5000, n_control=5000, s_test=buyers, s_control=2500)

    assert found["mean_test"].sampling_se > 0


def test_a_variance_drowned_in_noise_is_floored_at_a_tenth_of_that_noise():
    found = of_one_cell(
        AMOUNT,
        n_test=5000,
        n_control=5000,
        s_test=10**6,
        s_control=10**6,
        q_test=-(10**6),
        q_control=-(10**6),
    )
    floor = AMOUNT.statistic("q:test").scale * AMOUNT.square_unit**2 / 5000 / 10

    assert found["mean_test"].sampling_se == pytest.approx(math.sqrt(floor / 5000))


def test_match_rates_are_over_each_datasets_people_and_keys_over_the_matched():
    found = of_one_cell(
        MATCH,
        people_exposures=10_000,
        people_store_sales=20_000,
        matched=5_000,
        matched_email=4_000,
        matched_phone=900,
        matched_loyalty_id=100 + MATCH.line,
    )

    assert found["match_rate_exposures"].value == 0.5
    assert found["match_rate_store_sales"].value == 0.25
    assert (found["matched_email"].value, found["share_email"].value) == (4000, 0.8)
    v_m, v_n = (MATCH.statistic(n).scale ** 2 for n in ("matched", "people:exposures"))
    rate = found["match_rate_exposures"]
    assert rate.noise_sd == pytest.approx(math.sqrt(v_m + 0.25 * v_n) / 10_000)
    assert rate.sampling_se is None
    assert set(found) == {
        *("people_exposures", "people_store_sales", "matched"),
        *("match_rate_exposures", "match_rate_store_sales"),
        *(f"{f}_{k}" for f in ("matched", "share") for k in ("email", "phone", "loyalty_id")),
    }


def test_a_key_type_below_the_line_is_withheld_alone():
    values = dict.fromkeys(MATCH.released, (MATCH.line + 1000,))
    values["matched:phone"] = (MATCH.line - 1,)
    (cell,) = estimate(MATCH, Statistics(values=values))
    found = {f.name: f for f in cell.figures}

    assert not cell.suppressed
    assert dict(cell.statistics)["matched:phone"] is None
    assert found["matched_phone"].value is found["share_phone"].value is None
    assert "line" in found["matched_phone"].undefined
    assert found["matched_email"].value == MATCH.line + 1000


def counts_of(plan_):
    return [n for n in plan_.released if n.split(":")[0] in {"people", "n"} or n == "matched"]


@pytest.mark.parametrize(("plan_", "count"), [(p, n) for p in PLANS for n in counts_of(p)], ids=str)
def test_a_cell_is_suppressed_when_any_of_its_counts_misses_the_line_by_one(plan_, count):
    enough = dict.fromkeys(plan_.released, (plan_.line,) * len(plan_.cells))
    short = enough | {count: (plan_.line - 1, *enough[count][1:])}

    assert not any(c.suppressed for c in estimate(plan_, Statistics(values=enough)))
    first, *others = estimate(plan_, Statistics(values=short))
    assert first.suppressed
    assert not any(c.suppressed for c in others)
    assert all(v is None for _, v in first.statistics)
    blanks = {(f.value, f.low, f.high, f.noise_sd, f.sampling_se) for f in first.figures}
    assert blanks == {(None,) * 5}


@given(
    plan_=st.sampled_from(PLANS),
    data=st.data(),
)
def test_the_shape_of_an_answer_depends_on_the_plan_alone(plan_, data):
    numbers = st.integers(-(10**6), 10**9)
    values = {n: tuple(data.draw(numbers) for _ in plan_.cells) for n in plan_.released}
    found = estimate(plan_, Statistics(values=values))
    released = estimate(
        plan_, Statistics(values=dict.fromkeys(plan_.released, (10**6,) * len(plan_.cells)))
    )

    assert tuple(c.cell for c in found) == plan_.cells
    for cell, other in zip(found, released, strict=True):
        assert [n for n, _ in cell.statistics] == list(plan_.released)
        assert [(f.name, f.unit) for f in cell.figures] == [(f.name, f.unit) for f in other.figures]


@given(plan_=st.sampled_from(PLANS), data=st.data())
def test_raw_noisy_integers_are_kept_as_they_came(plan_, data):
    values = {
        n: tuple(data.draw(st.integers(plan_.line, 10**9)) for _ in plan_.cells)
        for n in plan_.released
    }

    for i, cell in enumerate(estimate(plan_, Statistics(values=values))):
        assert dict(cell.statistics) == {n: v[i] for n, v in values.items()}


def test_noise_is_added_to_exactly_what_was_planned():
    exact = Statistics(values=dict.fromkeys(BUYERS_BY_CITY.released, (500, 500, 500)))
    noisy = add_noise(BUYERS_BY_CITY, exact)

    assert list(noisy.values) == list(BUYERS_BY_CITY.released)
    assert all(len(v) == 3 for v in noisy.values.values())
    assert noisy != exact


def test_statistics_other_than_planned_are_never_noised():
    exact = dict.fromkeys(BUYERS.released, (1,))

    with pytest.raises(AssertionError, match="statistics"):
        add_noise(BUYERS, Statistics(values=exact | {"n:holdout": (1,)}))
    with pytest.raises(AssertionError, match="cells"):
        add_noise(BUYERS, Statistics(values=exact | {"n:test": (1, 2)}))


def test_figures_have_twelve_significant_digits_and_no_minus_zero():
    assert rounded(1 / 3) == 0.333333333333
    assert rounded(123456789012345.0) == 123456789012000.0
    assert math.copysign(1, rounded(-0.0)) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_figure_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        rounded(value)

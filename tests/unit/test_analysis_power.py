"""Plans under an assumption: what they promise, what they refuse, the least loss for a wish."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.expected import expected_release
from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import plan
from cleanroom.analysis.power import half_width, least_loss, outlook
from cleanroom.analysis.request import Statistics
from cleanroom.model.aim import Aim, Assumption, Wish
from cleanroom.model.errors import FieldInvalid, PrecisionOutOfReach
from cleanroom.privacy.loss import NANO
from support import allowances
from support.allowances import BY_CITY, terms

LOSS = 4 * NANO // 1000
BUYERS = Assumption(people=10_000, rate=0.02)
AMOUNT = Assumption(people=10_000, mean=80_000, sd=150_000)
CASES = {
    "match rate": (allowances.match_rate(), Assumption(people=10_000, matched=4_000)),
    "match rate by city": (
        allowances.match_rate(by_city=True),
        Assumption(people=10_000, matched=4_000),
    ),
    "segment size": (allowances.segment_size(BY_CITY), Assumption(people=900)),
    "buyers": (allowances.sales_lift("buyers"), BUYERS),
    "buyers by city": (allowances.sales_lift("buyers", by_city=True), BUYERS),
    "amount": (allowances.sales_lift(), AMOUNT),
    "overlap": (allowances.overlap(), Assumption(people=1_000_000, matched=300_000)),
    "overlap of five by city": (
        allowances.overlap(others=4, by_city=True),
        Assumption(people=100_000, matched=60_000),
    ),
    "conversion": (allowances.conversion(), Assumption(people=10_000, rate=0.1)),
    "share of visits by tier": (
        allowances.share_of_sales(by_tier=True),
        Assumption(people=20_000, mean=3, rate=0.3),
    ),
}
every_case = pytest.mark.parametrize(("allowance", "assumed"), CASES.values(), ids=CASES)


def by_name(found):
    return {f.name: f for f in found.figures}


@every_case
def test_expected_figures_are_those_the_same_statistics_would_be_released_as(allowance, assumed):
    planned = plan(allowance, LOSS)
    _, exact = expected_release(allowance, planned, assumed)
    values = {name: (value,) * len(planned.cells) for name, value in exact.items()}
    cell, *_ = estimate(planned, Statistics(values=values))

    assert set(exact) == set(planned.released)
    released = [f for f in cell.figures if f.name != "p_value"]
    assert list(outlook(allowance, planned, Aim(assumed=assumed)).figures) == released


@pytest.mark.parametrize(
    ("case", "assumed", "field"),
    [
        ("buyers", Assumption(people=10), "assume.rate"),
        ("buyers", Assumption(people=10, rate=0.1, sd=3), "assume.sd"),
        ("buyers", Assumption(people=10, rate=0.1, matched=3), "assume.matched"),
        ("buyers", Assumption(people=10, rate=0.1, correlation=0.5), "assume.correlation"),
        ("amount", Assumption(people=10, mean=3), "assume.sd"),
        ("amount", Assumption(people=10, mean=3, sd=3, rate=0.1), "assume.rate"),
        ("amount", Assumption(people=10, mean=1_500_001, sd=3), "assume.mean"),
        ("amount", Assumption(people=10, mean=-1, sd=3), "assume.mean"),
        ("match rate", Assumption(people=10), "assume.matched"),
        ("segment size", Assumption(people=10, matched=3), "assume.matched"),
        ("overlap", Assumption(people=10), "assume.matched"),
        ("overlap", Assumption(people=10, matched=3, rate=0.1), "assume.rate"),
        ("conversion", Assumption(people=10), "assume.rate"),
        ("conversion", Assumption(people=10, rate=0.1, mean=3), "assume.mean"),
        ("share of visits by tier", Assumption(people=10, rate=0.1), "assume.mean"),
        ("share of visits by tier", Assumption(people=10, rate=0.1, mean=61), "assume.mean"),
    ],
)
def test_an_assumption_says_exactly_what_the_question_needs(case, assumed, field):
    with pytest.raises(FieldInvalid) as refused:
        outlook(CASES[case][0], plan(CASES[case][0], LOSS), Aim(assumed=assumed))
    assert refused.value.field == field


def test_no_accuracy_is_promised_where_the_answer_is_a_value_of_a_grid():
    allowance = allowances.contribution_bound()
    aim = Aim(assumed=Assumption(people=1_000))
    with pytest.raises(FieldInvalid, match="no accuracy can be promised for this question"):
        outlook(allowance, plan(allowance, LOSS), aim)
    with pytest.raises(FieldInvalid, match="no accuracy can be promised for this question"):
        least_loss(allowance, aim, LOSS)


@pytest.mark.parametrize("people", [1, 2, 3, 10, 11])
@pytest.mark.parametrize("others", [2, 3, 4])
def test_people_by_pattern_add_up_however_few_there_are(people, others):
    allowance = allowances.overlap(others=others)
    assumed = Assumption(people=people, matched=max(1, people // 2))
    _, values = expected_release(allowance, plan(allowance, LOSS), assumed)

    assert sum(values.values()) == people
    assert min(values.values()) >= 0
    assert outlook(allowance, plan(allowance, LOSS), Aim(assumed=assumed)).suppressed


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 0},
        {"people": 2**33},
        {"people": 5, "matched": 6},
        {"people": 5, "matched": 0},
        {"people": 5, "rate": 0},
        {"people": 5, "rate": 1},
        {"people": 5, "rate": math.nan},
        {"people": 5, "mean": math.inf},
        {"people": 5, "sd": 0},
        {"people": 5, "sd": math.nan},
        {"people": 5, "correlation": 1},
    ],
)
def test_numbers_that_no_people_have_are_refused(wrong):
    with pytest.raises(FieldInvalid, match="assume"):
        Assumption(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"power": 1}, {"power": 0.04}, {"significance": 0}, {"significance": math.nan}],
)
def test_probabilities_that_are_none_are_refused(wrong):
    with pytest.raises(FieldInvalid):
        Aim(assumed=BUYERS, **wrong)


@pytest.mark.parametrize("width", [0, -1, math.inf, math.nan])
def test_a_wish_for_no_width_is_refused(width):
    with pytest.raises(FieldInvalid):
        Wish(figure="absolute_lift", half_width=width)


def test_without_noise_the_detectable_lift_is_the_textbooks():
    # Without noise and with equal variances: (z_0.975 + z_0.8) sqrt(2 sd^2 / n), sd 150,000.
    calm = plan(CASES["amount"][0], LOSS)
    calm = replace(
        calm, statistics=tuple(replace(s, scale=1e-9, noise_sd=1e-9) for s in calm.statistics)
    )
    (found,) = outlook(CASES["amount"][0], calm, Aim(assumed=AMOUNT)).detectable

    expected = (1.959964 + 0.841621) * math.sqrt(2 * 150_000**2 / 10_000)
    assert found.absolute == pytest.approx(expected, rel=1e-4)
    assert found.relative == pytest.approx(expected / 80_000, rel=1e-4)
    assert (found.figure, found.unit) == ("absolute_lift", "minor per person")


def test_more_power_and_a_stricter_test_need_a_larger_lift():
    planned = plan(CASES["buyers"][0], LOSS)

    def smallest(**options):
        (found,) = outlook(CASES["buyers"][0], planned, Aim(assumed=BUYERS, **options)).detectable
        return found.absolute

    assert smallest() < smallest(power=0.9) < smallest(power=0.9, significance=0.01)


def test_a_lift_that_no_bound_leaves_room_for_is_undefined_with_its_reason():
    few = Assumption(people=40, rate=0.9)
    found = outlook(CASES["buyers"][0], plan(CASES["buyers"][0], LOSS // 1000), Aim(assumed=few))

    assert found.detectable[0].absolute is None
    assert "room" in found.detectable[0].undefined
    assert found.suppressed


def test_a_relative_lift_says_why_it_would_not_be_given():
    found = by_name(
        outlook(CASES["buyers"][0], plan(CASES["buyers"][0], LOSS // 100), Aim(assumed=BUYERS))
    )

    assert "uncertain" in found["relative_lift"].undefined


WISHES = {
    "buyers": ("absolute_lift", 0.01),
    "amount": ("absolute_lift", 60_000.0),
    "match rate": ("match_rate_exposures", 0.01),
    "segment size": ("people", 30.0),
    "overlap": ("in_all", 150.0),
    "conversion": ("ropo_conversion", 0.01),
    "share of visits by tier": ("ropo_share_of_sales", 0.05),
}


@pytest.mark.parametrize("case", WISHES)
def test_the_least_loss_fulfils_the_wish_and_one_nano_rho_less_does_not(case):
    allowance, assumed = CASES[case]
    name, width = WISHES[case]
    aim = Aim(assumed=assumed, wish=Wish(figure=name, half_width=width))
    most = default_nano_rho(allowance)
    least = least_loss(allowance, aim, most)

    def width_at(nano_rho):
        found = outlook(allowance, plan(allowance, nano_rho), aim)
        return math.inf if found.suppressed else half_width(by_name(found)[name])

    assert 1 < least < most
    assert width_at(least) <= width < width_at(least - 1)


@given(
    people=st.integers(2_000, 10**6),
    rate=st.floats(0.005, 0.6),
    width=st.floats(0.002, 0.5),
    case=st.sampled_from(["buyers", "buyers by city"]),
)
def test_a_wish_is_fulfilled_or_refused_with_what_would_suffice(people, rate, width, case):
    allowance = CASES[case][0]
    assumed = Assumption(people=people, rate=rate)
    aim = Aim(assumed=assumed, wish=Wish(figure="absolute_lift", half_width=width))
    most = default_nano_rho(allowance)
    try:
        least = least_loss(allowance, aim, most)
    except PrecisionOutOfReach as refusal:
        needed = int(refusal.people.split()[0])
        more = Aim(assumed=Assumption(people=needed, rate=rate), wish=aim.wish)
        assert least_loss(allowance, more, most) <= most
        fewer = Aim(assumed=Assumption(people=needed - 1, rate=rate), wish=aim.wish)
        with pytest.raises(PrecisionOutOfReach):
            least_loss(allowance, fewer, most)
    else:
        found = outlook(allowance, plan(allowance, least), aim)
        assert half_width(by_name(found)["absolute_lift"]) <= width


def test_a_refusal_names_the_best_precision_and_the_most_that_may_be_offered():
    narrow = (terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(1, 100)),)
    allowance = allowances.sales_lift("buyers", ledgers=narrow)
    aim = Aim(assumed=BUYERS, wish=Wish(figure="absolute_lift", half_width=0.0005))
    with pytest.raises(PrecisionOutOfReach) as refused:
        least_loss(allowance, aim, default_nano_rho(allowance))

    best = by_name(outlook(allowance, plan(allowance, default_nano_rho(allowance)), aim))[
        "absolute_lift"
    ]
    assert refused.value.best == f"+-{half_width(best):.4g}"
    assert "people in place of 10000 would suffice" in str(refused.value)


def test_a_count_is_as_noisy_however_many_people_there_are():
    aim = Aim(assumed=Assumption(people=900), wish=Wish(figure="people", half_width=0.1))
    with pytest.raises(PrecisionOutOfReach, match="no number of people would suffice"):
        least_loss(CASES["segment size"][0], aim, LOSS)


def test_a_cell_that_would_be_suppressed_fulfils_no_wish():
    allowance = allowances.segment_size(BY_CITY)
    aim = Aim(assumed=Assumption(people=49), wish=Wish(figure="people", half_width=10**6))
    with pytest.raises(PrecisionOutOfReach, match="no interval at all"):
        least_loss(allowance, aim, default_nano_rho(allowance))


def test_a_wish_for_a_figure_that_the_question_does_not_have_is_refused_with_those_it_has():
    aim = Aim(assumed=BUYERS, wish=Wish(figure="p_value", half_width=0.1))
    with pytest.raises(FieldInvalid, match="absolute_lift"):
        least_loss(CASES["buyers"][0], aim, LOSS)


def test_without_a_wish_the_loss_is_what_was_offered():
    assert least_loss(CASES["buyers"][0], Aim(assumed=BUYERS), LOSS) == LOSS

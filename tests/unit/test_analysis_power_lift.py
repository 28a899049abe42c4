"""Plans of every design, outcome and adjustment of a lift under an assumption."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cleanroom.analysis.estimate import estimate, names_of_a_cell
from cleanroom.analysis.expected import expected_release
from cleanroom.analysis.plan import plan
from cleanroom.analysis.power import half_width, least_loss, outlook
from cleanroom.analysis.request import Statistics
from cleanroom.model.aim import Aim, Assumption, Wish
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.lift import AVERAGE_ORDER, Adjustment, Design
from cleanroom.privacy.loss import NANO
from support import allowances
from support.allowances import BY_SEGMENT, before, terms

LOSS = 50 * NANO // 1000
WIDE = (terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(4)),)
SUM = {"people": 100_000, "mean": 80_000, "sd": 150_000}
SHARE = {"people": 50_000, "rate": 0.08}


def lift(outcome="amount", *, asked=None, **options):
    return allowances.sales_lift(outcome, ledgers=WIDE, asked=asked, **options)


EXPOSED = {"design": Design.RANDOMIZED_ENCOURAGEMENT, "exposed_by": "impressions"}
SEEN = {"design": Design.OBSERVATIONAL, "exposed_by": "impressions"}
STRATA = {"adjustment": Adjustment.POST_STRATIFIED, "strata": ("exposures.segment",)}
CASES = {
    "encouraged buyers": (lift("buyers", asked=EXPOSED), SHARE | {"exposed": 0.6}),
    "encouraged amount": (lift(asked=EXPOSED), SUM | {"exposed": 0.6}),
    "observed buyers": (lift("buyers", asked=SEEN), SHARE),
    "observed amount": (lift(asked=SEEN), SUM),
    "new buyers": (lift("new_buyers", asked=before()), SHARE),
    "average order": (
        lift(AVERAGE_ORDER, visits_bound=60),
        SUM | {"visits": 2.0, "visits_sd": 2.5, "correlation": 0.8},
    ),
    "cuped buyers": (lift("buyers", asked=before(Adjustment.CUPED)), SHARE | {"correlation": 0.5}),
    "cuped amount": (lift(asked=before(Adjustment.CUPED)), SUM | {"correlation": 0.8}),
    "two stages": (
        lift(asked=before(Adjustment.CUPED_TWO_STAGE)),
        SUM | {"correlation": 0.8},
    ),
    "two stages by city": (
        lift(asked=before(Adjustment.CUPED_TWO_STAGE), by_city=True),
        SUM | {"correlation": 0.8},
    ),
    "change": (
        lift(asked=before(Adjustment.CHANGE_SCORE)),
        {"people": 100_000, "sd": 150_000, "correlation": 0.8},
    ),
    "strata": (lift(asked=STRATA, strata=(BY_SEGMENT,)), SUM),
}
every_case = pytest.mark.parametrize("name", CASES)


def foreseen(name, **changed):
    allowance, numbers = CASES[name]
    aim = Aim(assumed=Assumption(**(numbers | changed)))
    return outlook(allowance, plan(allowance, LOSS), aim)


def judged(found):
    names = ("absolute_lift", "itt", "absolute_difference")
    return next(f for f in found.figures if f.name in names)


@every_case
def test_expected_figures_are_those_the_same_statistics_would_be_released_as(name):
    allowance, numbers = CASES[name]
    planned, values = expected_release(allowance, plan(allowance, LOSS), Assumption(**numbers))
    pooled = {n: v for n, v in values.items() if n.endswith(":pooled")}
    strata = [""] if not planned.strata else [f"/{s[0]}" for s in planned.strata]
    columns = {
        n: tuple(values[f"{n}{s}"] for s in strata) * len(planned.cells) for n in planned.released
    }
    first, *_ = estimate(planned, Statistics(values=columns), pooled)

    assert set(values) == {*names_of_a_cell(planned), *pooled}
    assert not first.suppressed
    promised = foreseen(name).figures
    released = {f.name: f for f in first.figures}
    assert promised
    assert all(released[f.name] == f for f in promised)


@every_case
def test_a_lift_has_a_smallest_one_that_is_seen(name):
    found = foreseen(name)
    (smallest,) = found.detectable

    assert smallest.absolute is not None, smallest.undefined
    assert smallest.figure == judged(found).name
    # Without a lift the two half-widths differ by (z_0.975 + z_0.8) / z_0.975 alone.
    assert 1.35 < smallest.absolute / half_width(judged(found)) < 1.6


@every_case
def test_a_wish_costs_less_than_all_and_is_fulfilled(name):
    allowance, numbers = CASES[name]
    figure = judged(foreseen(name))
    wish = Wish(figure=figure.name, half_width=2 * half_width(figure))
    aim = Aim(assumed=Assumption(**numbers), wish=wish)
    least = least_loss(allowance, aim, LOSS)

    assert least < LOSS
    found = outlook(allowance, plan(allowance, least), aim)
    assert half_width(judged(found)) <= wish.half_width


@every_case
def test_what_is_assumed_is_what_the_question_reads(name):
    allowance, numbers = CASES[name]
    for missing in numbers.keys() - {"people"}:
        fewer = Assumption(**{k: v for k, v in numbers.items() if k != missing})
        with pytest.raises(FieldInvalid, match=f"assume.{missing}"):
            outlook(allowance, plan(allowance, LOSS), Aim(assumed=fewer))


@pytest.mark.parametrize("name", ["cuped amount", "two stages", "change"])
def test_the_stronger_the_correlation_the_narrower_the_interval(name):
    weak, strong = (judged(foreseen(name, people=3_000_000, correlation=rho)) for rho in (0.1, 0.9))

    assert strong.sampling_se < 0.6 * weak.sampling_se
    assert half_width(strong) < half_width(weak)


def test_a_residual_has_less_variance_by_the_square_of_the_correlation():
    plain = lift()
    assumed = Aim(assumed=Assumption(**(SUM | {"people": 3_000_000})))
    unadjusted = judged(outlook(plain, plan(plain, LOSS), assumed))
    adjusted = judged(foreseen("two stages", people=3_000_000))

    assert adjusted.sampling_se / unadjusted.sampling_se == pytest.approx(0.6, rel=0.02)

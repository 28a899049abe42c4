"""What a plan promises of an adjusted lift is what is then released, on data as assumed.

Outcomes before and after are drawn as the assumption says; noise and estimate are the real ones.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cleanroom.analysis.plan import plan
from cleanroom.analysis.power import half_width, outlook
from cleanroom.model.aim import Aim, Assumption
from cleanroom.model.lift import Adjustment, Design
from cleanroom.privacy.loss import NANO
from support import allowances
from support.allowances import before, terms
from support.releases import release

COUNT, PEOPLE, RHO = 800, 4_000, 0.8
MEAN, SD, BOUND = 3_000.0, 700.0, 8_000
WITHIN = 0.03
MARGIN = 6 * (0.8 * 0.2 / COUNT) ** 0.5
LOSS = 2 * NANO  # theta is found well: with less, the floor under its residual widens the answer
WIDE = (terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(50)),)


def lift(outcome="amount", **asked):
    return allowances.sales_lift(outcome, bound=BOUND, ledgers=WIDE, asked=asked)


def before_and_after(draw, shift):
    """Draw whole, non-negative outcomes: the bounds are more than four sd away."""
    covariance = SD**2 * np.array([[1, RHO], [RHO, 1]])
    x, y = draw.multivariate_normal([MEAN, MEAN + shift], covariance, PEOPLE).T
    return (np.rint(np.clip(v, 0, BOUND)).astype(np.int64) for v in (x, y))


def cuped(moved, seed):
    draw = np.random.default_rng(seed)
    kinds = ("n", "s", "q", "x", "qx", "px")
    exact = {f"{k}:{a}": [] for a in ("control", "test") for k in kinds}
    for _ in range(COUNT):
        for arm, shift in (("control", 0.0), ("test", moved)):
            x, y = before_and_after(draw, shift)
            sums = (PEOPLE, y.sum(), (y**2).sum(), x.sum(), (x**2).sum(), (x * y).sum())
            for kind, value in zip(kinds, sums, strict=True):
                exact[f"{kind}:{arm}"].append(int(value))
    return exact


def change(moved, seed):
    draw = np.random.default_rng(seed)
    exact = {f"{k}:{a}": [] for a in ("control", "test") for k in "nsq"}
    for _ in range(COUNT):
        for arm, shift in (("control", 0.0), ("test", moved)):
            x, y = before_and_after(draw, shift)
            found = np.clip(y - x, -BOUND, BOUND)
            for kind, value in (("n", PEOPLE), ("s", found.sum()), ("q", (found**2).sum())):
                exact[f"{kind}:{arm}"].append(int(value))
    return exact


def encouraged(moved, seed):
    """Buyers of whom half of the test arm are reached; the lift works through them."""
    draw = np.random.default_rng(seed)
    reached = draw.binomial(PEOPLE, 0.5, COUNT)
    of_reached = draw.binomial(reached, 0.3 + 2 * moved)
    return {
        "n:control": np.full(COUNT, PEOPLE),
        "n:test": np.full(COUNT, PEOPLE),
        "e:control": np.zeros(COUNT),
        "e:test": reached,
        "s:control": draw.binomial(PEOPLE, 0.3, COUNT),
        "s:test": of_reached + draw.binomial(PEOPLE - reached, 0.3),
        "r:control": np.zeros(COUNT),
        "r:test": of_reached,
    }


CASES = {
    "cuped": (
        lift(**before(Adjustment.CUPED)),
        Assumption(people=PEOPLE, mean=MEAN, sd=SD, correlation=RHO),
        cuped,
    ),
    "change": (
        lift(**before(Adjustment.CHANGE_SCORE)),
        Assumption(people=PEOPLE, sd=SD, correlation=RHO),
        change,
    ),
    "encouraged": (
        lift("buyers", design=Design.RANDOMIZED_ENCOURAGEMENT, exposed_by="impressions"),
        Assumption(people=PEOPLE, rate=0.3, exposed=0.5),
        encouraged,
    ),
}
every_case = pytest.mark.parametrize(("allowance", "assumed", "draw"), CASES.values(), ids=CASES)


@every_case
def test_the_half_widths_promised_are_those_released(allowance, assumed, draw):
    found = plan(allowance, LOSS)
    assert found.square_unit == 1
    released = release(found, draw(0.0, 1))

    for promised in outlook(allowance, found, Aim(assumed=assumed)).figures:
        if promised.name.endswith("_control") or promised.undefined:
            continue  # nobody of control is reached, and the rest is as of the test arm
        widths = [half_width(r[promised.name]) for r in released]
        assert np.median(widths) == pytest.approx(half_width(promised), rel=WITHIN), promised.name


@every_case
def test_the_smallest_detectable_lift_is_detected_as_often_as_the_power_says(
    allowance, assumed, draw
):
    found, aim = plan(allowance, LOSS), Aim(assumed=assumed)
    (smallest,) = outlook(allowance, found, aim).detectable
    released = release(found, draw(smallest.absolute, 2))
    seen = np.mean([r["p_value"].value < aim.significance for r in released])

    assert seen == pytest.approx(aim.power, abs=MARGIN)

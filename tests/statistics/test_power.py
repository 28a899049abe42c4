"""What a plan promises is what is then released, on data that match the assumption.

Outcomes are drawn as the assumption says; noise, suppression and estimate are the real ones.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cleanroom.analysis.limits import nano_rho_for_epsilon
from cleanroom.analysis.plan import plan
from cleanroom.analysis.power import half_width, outlook
from cleanroom.model.aim import Aim, Assumption
from support import allowances
from support.releases import release

COUNT = 2_000
WITHIN = 0.03  # relative, for the median over releases, each of which estimates its variance
MARGIN = 6 * (0.8 * 0.2 / COUNT) ** 0.5
GAMMA = {"mean": 2_000.0, "sd": 2_500.0}  # minor units, mostly far below the bound
BOUND = 50_000


def planned(allowance, epsilon):
    return plan(allowance, nano_rho_for_epsilon(allowance, Fraction(epsilon)))


def buyers(people, rate, lift, seed):
    draw = np.random.default_rng(seed)
    exact = {}
    for arm, chance in (("control", rate), ("test", rate + lift)):
        exact[f"n:{arm}"] = np.full(COUNT, people)
        exact[f"s:{arm}"] = draw.binomial(people, chance, size=COUNT)
    return exact


def amounts(people, lift, seed):
    """Outcomes of a gamma distribution; the lift is added to everybody, so that the sd stays."""
    draw = np.random.default_rng(seed)
    shape, scale = (GAMMA["mean"] / GAMMA["sd"]) ** 2, GAMMA["sd"] ** 2 / GAMMA["mean"]
    exact = {f"{s}:{a}": np.zeros(COUNT, np.int64) for a in ("control", "test") for s in "nsq"}
    for arm, shift in (("control", 0.0), ("test", lift)):
        for i in range(COUNT):
            found = np.minimum(np.rint(draw.gamma(shape, scale, people) + shift), BOUND)
            found = found.astype(np.int64)
            exact[f"n:{arm}"][i] = people
            exact[f"s:{arm}"][i] = found.sum()
            exact[f"q:{arm}"][i] = (np.rint(found / UNIT).astype(np.int64) ** 2).sum()
    return exact


BUYING = allowances.sales_lift("buyers", stages=2)
BUYERS = planned(BUYING, "0.5")
WIDE = (allowances.terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(2)),)
SPENDING = allowances.sales_lift(bound=BOUND, stages=2, ledgers=WIDE)
AMOUNT = planned(SPENDING, "2")
UNIT = AMOUNT.square_unit
RATE = Aim(assumed=Assumption(people=4_000, rate=0.08))
SUM = Aim(assumed=Assumption(people=5_000, **GAMMA))
ALLOWANCES = {"people": BUYING, "minor": SPENDING}
CASES = {
    "buyers": (BUYERS, RATE, lambda lift, seed: buyers(4_000, 0.08, lift, seed)),
    "amount": (AMOUNT, SUM, lambda lift, seed: amounts(5_000, lift, seed)),
}
every_case = pytest.mark.parametrize(("found", "aim", "draw"), CASES.values(), ids=CASES)


@every_case
def test_the_half_widths_promised_are_those_released(found, aim, draw):
    released = release(found, draw(0.0, 1))

    for promised in outlook(ALLOWANCES[found.outcome_unit], found, aim).figures:
        widths = [half_width(r[promised.name]) for r in released]
        given = [w for w in widths if np.isfinite(w)]
        assert len(given) > 0.9 * COUNT, promised.name
        assert np.median(given) == pytest.approx(half_width(promised), rel=WITHIN), promised.name


@every_case
def test_the_smallest_detectable_lift_is_detected_as_often_as_the_power_says(found, aim, draw):
    (smallest,) = outlook(ALLOWANCES[found.outcome_unit], found, aim).detectable
    released = release(found, draw(smallest.absolute, 2))
    seen = np.mean([r["p_value"].value < aim.significance for r in released])

    assert seen == pytest.approx(aim.power, abs=MARGIN)


@every_case
def test_a_lift_two_thirds_as_large_is_detected_far_less_often(found, aim, draw):
    """The test above would notice a lift that is too small or a standard error forgotten."""
    (smallest,) = outlook(ALLOWANCES[found.outcome_unit], found, aim).detectable
    released = release(found, draw(smallest.absolute * 2 / 3, 3))
    seen = np.mean([r["p_value"].value < aim.significance for r in released])

    assert seen < aim.power - 3 * MARGIN


def test_the_half_widths_of_a_match_rate_are_those_released():
    allowance = allowances.match_rate(stages=2)
    found = planned(allowance, "0.5")
    aim = Aim(assumed=Assumption(people=2_000, matched=800))
    exact = {n: np.full(COUNT, 2_000) for n in found.released if n.startswith("people:")}
    exact |= {"matched": np.full(COUNT, 800)}
    exact |= {n: np.full(COUNT, 400) for n in found.released if n.startswith("matched:")}
    released = release(found, exact)

    for promised in outlook(allowance, found, aim).figures:
        widths = [half_width(r[promised.name]) for r in released]
        assert np.median(widths) == pytest.approx(half_width(promised), rel=WITHIN), promised.name

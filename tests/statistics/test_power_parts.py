"""What a plan promises of a lift over strata, or in two stages, is what is then released.

Outcomes are drawn as the assumption says; noise, the choice between the stages, and estimates
are the real ones.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.noise import add_noise
from cleanroom.analysis.plan import plan
from cleanroom.analysis.power import half_width, outlook
from cleanroom.analysis.request import Statistics
from cleanroom.model.aim import Aim, Assumption
from cleanroom.model.lift import Adjustment
from cleanroom.privacy.loss import NANO
from support import allowances
from support.allowances import before, terms
from support.moments import People, released_in_two_stages

PEOPLE, MEAN, SD, RHO, BOUND = 4_000, 3_000.0, 700.0, 0.8, 8_000
LOSS = 2 * NANO
WITHIN = 0.03
WIDE = (terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(50)),)
ARMS = ("control", "test")


def lift(**options):
    return allowances.sales_lift("amount", bound=BOUND, ledgers=WIDE, **options)


OVER_STRATA = lift(
    strata=(allowances.BY_SEGMENT,),
    asked={"adjustment": Adjustment.POST_STRATIFIED, "strata": ("exposures.segment",)},
)
IN_TWO_STAGES = lift(asked=before(Adjustment.CUPED_TWO_STAGE))


def over_strata(moved, count, seed):
    """Draw people who are in each stratum alike; two numbers of a cell follow each other."""
    draw, asked = np.random.default_rng(seed), plan(OVER_STRATA, LOSS)
    exact = {name: [] for name in asked.released}
    for _ in range(count):
        for arm, shift in zip(ARMS, (0.0, moved), strict=True):
            first = draw.random(PEOPLE) < 0.5
            y = np.rint(np.clip(draw.normal(MEAN + shift, SD, PEOPLE), 0, BOUND)).astype(np.int64)
            for here in (first, ~first):
                sums = here.sum(), y[here].sum(), (y[here] ** 2).sum()
                for kind, value in zip("nsq", sums, strict=True):
                    exact[f"{kind}:{arm}"].append(int(value))
    wide = replace(asked, cells=tuple((str(i),) for i in range(count)))
    values = {name: tuple(column) for name, column in exact.items()}
    cells = estimate(wide, add_noise(wide, Statistics(values=values)))
    assert not any(cell.suppressed for cell in cells)
    return [{f.name: f for f in cell.figures} for cell in cells]


def in_two_stages(moved, count, seed):
    draw, asked = np.random.default_rng(seed), plan(IN_TWO_STAGES, LOSS)
    return [
        released_in_two_stages(asked, IN_TWO_STAGES, LOSS, _drawn(draw, moved))
        for _ in range(count)
    ]


def _drawn(draw, moved) -> People:
    covariance = SD**2 * np.array([[1, RHO], [RHO, 1]])
    arm = np.repeat([0, 1], PEOPLE)
    x, y = draw.multivariate_normal([MEAN, MEAN], covariance, 2 * PEOPLE).T
    x, y = (np.rint(np.clip(v, 0, BOUND)).astype(np.int64) for v in (x, y + moved * arm))
    return People(arm=arm, y=y, x=x)


CASES = {
    "strata": (OVER_STRATA, Assumption(people=PEOPLE, mean=MEAN, sd=SD), over_strata, 600),
    "two stages": (
        IN_TWO_STAGES,
        Assumption(people=PEOPLE, mean=MEAN, sd=SD, correlation=RHO),
        in_two_stages,
        200,
    ),
}
every_case = pytest.mark.parametrize(
    ("allowance", "assumed", "draw", "count"), CASES.values(), ids=CASES
)


@every_case
def test_the_half_widths_promised_are_those_released(allowance, assumed, draw, count):
    found = plan(allowance, LOSS)
    assert found.square_unit == 1
    released = draw(0.0, count, 1)
    figures = outlook(allowance, found, Aim(assumed=assumed)).figures
    promised = [f for f in figures if f.undefined is None and f.low is not None]

    assert {"absolute_lift", "incremental_total"} <= {f.name for f in promised}
    for figure in promised:
        widths = [half_width(r[figure.name]) for r in released]
        assert np.median(widths) == pytest.approx(half_width(figure), rel=WITHIN), figure.name


@every_case
def test_the_smallest_detectable_lift_is_detected_as_often_as_the_power_says(
    allowance, assumed, draw, count
):
    found, aim = plan(allowance, LOSS), Aim(assumed=assumed)
    (smallest,) = outlook(allowance, found, aim).detectable
    released = draw(smallest.absolute, count, 2)
    seen = np.mean([r["p_value"].value < aim.significance for r in released])

    assert seen == pytest.approx(aim.power, abs=6 * (0.8 * 0.2 / count) ** 0.5)
    assert smallest.absolute < MEAN / 10

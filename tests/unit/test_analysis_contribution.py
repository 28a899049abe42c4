"""A contribution bound from noisy people per cell of a grid: its place, interval and figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.contribution import locate
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.loss import NANO
from support import allowances

LOSS = 4 * NANO // 1000
PLAN = plan(allowances.contribution_bound(grid=(100, 1_000, 10_000)), LOSS)


def figures(plan_, *people):
    values = {name: (n,) for name, n in zip(plan_.released, people, strict=True)}
    (cell,) = estimate(plan_, Statistics(values=values))
    return cell, {f.name: f for f in cell.figures}


def test_the_bound_is_the_first_grid_value_whose_share_reaches_the_quantile():
    _, found = figures(PLAN, 50_000, 30_000, 15_000, 5_000)
    bound = found["bound"]

    assert bound.value == 10_000  # exactly 95 %
    assert bound.unit == "minor"
    assert found["people"].value == 100_000
    assert (found["people_above"].value, found["share_above"].value) == (5_000, 0.05)


def test_a_quantile_that_the_noise_cannot_tell_has_an_interval_of_grid_values():
    _, found = figures(PLAN, 50_000, 44_990, 4_000, 1_010)
    assert (found["bound"].value, found["bound"].low, found["bound"].high) == (
        10_000,
        1_000,
        10_000,
    )
    _, sure = figures(PLAN, 50_000, 30_000, 19_000, 1_000)
    assert (sure["bound"].value, sure["bound"].low, sure["bound"].high) == (10_000,) * 3


def test_a_quantile_above_the_grid_is_the_policys_bound():
    _, found = figures(PLAN, 10_000, 10_000, 10_000, 10_000)
    assert found["bound"].value == 1_500_000
    assert "suppression line" in found["people_above"].undefined


def test_noise_of_shares_and_sums_adds_up():
    _, found = figures(PLAN, 50_000, 30_000, 15_000, 5_000)
    sd = PLAN.statistics[0].noise_sd

    assert found["people"].noise_sd == pytest.approx(2 * sd)
    assert found["people_above"].noise_sd == pytest.approx(sd)
    wide = sd * (0.95**2 + 3 * 0.05**2) ** 0.5 / 100_000
    assert found["share_above"].noise_sd == pytest.approx(wide)


def test_few_people_above_are_not_told_and_few_in_all_suppress_the_answer():
    _, found = figures(PLAN, 50_000, 30_000, 20_000, PLAN.line - 1)
    assert found["people_above"].value is found["share_above"].value is None
    cell, _ = figures(PLAN, PLAN.line - 1, 0, 0, 0)
    assert cell.suppressed
    assert {v for _, v in cell.statistics} == {None}


def test_a_cell_of_the_grid_below_the_line_is_withheld_alone():
    cell, found = figures(PLAN, 50_000, PLAN.line - 1, 50_000, 50_000)
    assert dict(cell.statistics)["up_to:1000"] is None
    assert dict(cell.statistics)["up_to:100"] == 50_000
    assert found["bound"].value == 1_500_000


counts = st.lists(st.integers(-500, 5_000), min_size=1, max_size=20)


@given(people=counts, share=st.floats(0.01, 0.99), noise=st.floats(0.1, 300))
def test_the_place_found_lies_in_its_interval_on_the_grid(people, share, noise):
    place = locate(people, share, noise, 0.95)
    assert 0 <= place.low <= place.found <= place.high < len(people)


@given(
    people=st.lists(st.integers(0, 500), min_size=1, max_size=20).filter(any),
    share=st.integers(1, 99),
)
def test_without_noise_the_place_is_the_quantile_and_nothing_else(people, share):
    place = locate(people, share / 100, 1e-9, 0.95)
    reached = np.cumsum(people) * 100
    exact = int(np.argmax(reached >= share * sum(people)))
    # On a tie the interval may begin there and end later, as floating point decides.
    assert place.low <= exact <= place.high
    if not any(reached == share * sum(people)):
        assert (place.low, place.found, place.high) == (exact,) * 3


def test_more_noise_makes_the_interval_wider_never_narrower():
    people = [400, 300, 200, 100, 50, 25, 12, 6, 3, 1]
    places = [locate(people, 0.9, noise, 0.95) for noise in (0.1, 2, 10, 50, 250)]
    widths = [place.high - place.low for place in places]
    assert widths == sorted(widths)
    assert widths[-1] > widths[0]


def test_the_same_counts_give_the_same_bound_whatever_the_plan_costs():
    cheap = plan(allowances.contribution_bound(), LOSS // 100)
    _, found = figures(replace(cheap, line=1), 50_000, 30_000, 15_000, 5_000)
    assert found["bound"].value == 10_000
    assert found["bound"].low <= 10_000 <= found["bound"].high

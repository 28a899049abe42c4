"""People with at least a number: suffix sums of noisy cells, their noise, and what they withhold."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.loss import NANO
from cleanroom.privacy.whole_noise import half_width
from support import allowances
from support.allowances import BY_CITY, BY_FREQUENCY, BY_SPEND

LOSS = 4 * NANO // 1000
REACH = plan(allowances.segment_size(BY_FREQUENCY), LOSS)
BY_CITY_TOO = plan(allowances.segment_size(BY_CITY, BY_FREQUENCY), LOSS)
BOTH = plan(allowances.segment_size(BY_FREQUENCY, BY_SPEND), LOSS)


def figures(plan_, *people):
    cells = estimate(plan_, Statistics(values={plan_.released[0]: people}))
    return [{f.name: f for f in cell.figures} for cell in cells]


def test_reach_counts_a_bucket_and_all_above_it_with_all_their_noise():
    found = figures(REACH, 5000, 2000, 1500, 1000)
    sd = REACH.statistics[0].noise_sd

    assert [f["people"].value for f in found] == [5000, 2000, 1500, 1000]
    assert [f["people_at_least"].value for f in found] == [9500, 4500, 2500, 1000]
    for terms, cell in zip((4, 3, 2, 1), found, strict=True):
        reach = cell["people_at_least"]
        assert reach.noise_sd == pytest.approx(sd * math.sqrt(terms))
        half = reach.high - reach.value
        assert half == half_width(sd, terms, 0.95) >= 1.959964 * sd * math.sqrt(terms) - 0.5
        assert (reach.unit, reach.sampling_se) == ("people", None)


def test_other_dimensions_stay_as_they_are_in_the_cell():
    line = BY_CITY_TOO.line
    people = [line + 10**i for i in range(len(BY_CITY_TOO.cells))]
    found = figures(BY_CITY_TOO, *people)
    by_cell = dict(zip(BY_CITY_TOO.cells, found, strict=True))
    exact = dict(zip(BY_CITY_TOO.cells, people, strict=True))

    for (city, often), cell in by_cell.items():
        values = BY_FREQUENCY.domain.values
        above = [exact[city, v] for v in values[values.index(often) :]]
        assert cell["people_at_least"].value == sum(above)


def test_two_bucketed_dimensions_have_a_figure_each():
    people = [BOTH.line + 10**i for i in range(len(BOTH.cells))]
    found = dict(zip(BOTH.cells, figures(BOTH, *people), strict=True))
    exact = dict(zip(BOTH.cells, people, strict=True))
    cell = found["2-4", "0.01-14,999.99"]

    assert cell["people_at_least_impressions"].value == (
        exact["2-4", "0.01-14,999.99"] + exact["5+", "0.01-14,999.99"]
    )
    assert cell["people_at_least_amount"].value == (
        exact["2-4", "0.01-14,999.99"] + exact["2-4", "15,000+"]
    )


def test_a_sum_that_would_tell_a_suppressed_cell_is_withheld_with_its_reason():
    few = REACH.line - 1
    zero, one, two, most = figures(REACH, 5000, 2000, few, 1000)

    assert most["people_at_least"].value == 1000
    for cell in (zero, one):
        assert cell["people_at_least"].value is None
        assert "suppressed" in cell["people_at_least"].undefined
    assert {f.value for f in two.values()} == {None}
    assert {f.undefined for f in two.values()} == {None}


@given(people=st.lists(st.integers(-(10**6), 10**9), min_size=4, max_size=4))
def test_what_is_shown_never_gives_a_suppressed_cell_by_a_difference(people):
    found = figures(REACH, *people)
    for i, cell in enumerate(found):
        hidden = any(n < REACH.line for n in people[i:])
        assert (cell["people_at_least"].value is None) == hidden


def test_a_segment_size_without_buckets_has_no_reach():
    plain = plan(allowances.segment_size(BY_CITY), LOSS)
    assert set(figures(plain, 900, 900, 900)[0]) == {"people"}

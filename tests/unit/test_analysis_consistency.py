"""Consistent values: the closest that fit together, beside the raw ones and never instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis import consistency, estimate
from cleanroom.analysis.canonical import canonical_json
from cleanroom.analysis.consistency import adding_up
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.intervals import Estimate
from cleanroom.privacy.loss import NANO
from support import allowances

LOSS = 4 * NANO // 1000
MATCH = plan(allowances.match_rate(), LOSS)
BUYERS = plan(allowances.sales_lift("buyers", by_city=True), LOSS)

noisy = st.builds(
    Estimate, value=st.integers(-500, 5_000), noise_variance=st.sampled_from([1.0, 4.0, 90.0, 1e4])
)


def released(plan_, **changed):
    values = dict.fromkeys(plan_.released, 3 * plan_.line) | changed
    columns = {n: (v,) * len(plan_.cells) for n, v in values.items()}
    return estimate.estimate(plan_, Statistics(values=columns))


def loss_of(total, parts, found):
    away = zip((total, *parts), found, strict=True)
    return sum((x - e.value) ** 2 / e.noise_variance for e, x in away)


def test_key_types_that_add_up_are_left_alone():
    total, *parts = (Estimate(value=v, noise_variance=1.0) for v in (90, 50, 30, 10))
    assert adding_up(total, parts) == (90, 50, 30, 10)


def test_what_is_missing_is_shared_by_noise_variance():
    total = Estimate(value=100, noise_variance=1.0)
    parts = [Estimate(value=40, noise_variance=1.0), Estimate(value=30, noise_variance=3.0)]
    # 30 are missing: a fifth is taken off the total, a fifth and three fifths go to the parts.
    assert adding_up(total, parts) == pytest.approx((94, 46, 48))


def test_a_part_that_would_be_negative_is_zero_and_the_others_make_up_for_it():
    total = Estimate(value=100, noise_variance=1.0)
    parts = [Estimate(value=-40, noise_variance=1.0), Estimate(value=106, noise_variance=1.0)]
    assert adding_up(total, parts) == pytest.approx((103, 0, 103))


@given(total=noisy, parts=st.lists(noisy, min_size=1, max_size=6), data=st.data())
def test_parts_add_up_and_nothing_that_does_is_closer(total, parts, data):
    found = adding_up(total, parts)

    assert found[0] == pytest.approx(sum(found[1:]), abs=1e-6)
    assert min(found) >= 0
    moved = [max(0.0, x + data.draw(st.floats(-50, 50))) for x in found[1:]]
    other = (sum(moved), *moved)
    assert loss_of(total, parts, found) <= loss_of(total, parts, other) * (1 + 1e-9) + 1e-6


def test_key_types_of_a_match_rate_add_up_to_the_matched():
    (cell,) = released(MATCH, matched=2_000, **{"matched:email": 1_500, "matched:phone": 400})
    found = dict(cell.consistent)
    keys = [n for n in found if n.startswith("matched:")]

    assert found["matched"] == pytest.approx(sum(found[n] for n in keys), rel=1e-9)
    assert found["people:exposures"] == 3 * MATCH.line


def test_with_a_key_type_withheld_the_others_are_held_to_no_sum():
    (cell,) = released(MATCH, **{"matched:email": MATCH.line - 1})
    found = dict(cell.consistent)

    assert found["matched:email"] is None
    assert found["matched"] == found["matched:phone"] == 3 * MATCH.line


def test_buyers_below_zero_become_none_and_the_figures_do_not():
    cell, *_ = released(BUYERS, **{"s:control": -7})

    assert dict(cell.consistent)["s:control"] == 0
    assert dict(cell.statistics)["s:control"] == -7
    assert next(f for f in cell.figures if f.name == "buyers_control").value == -7


@given(data=st.data(), plan_=st.sampled_from([MATCH, BUYERS]))
def test_raw_values_are_bytewise_the_same_without(data, plan_):
    columns = {
        n: tuple(data.draw(st.integers(-50, 5_000)) for _ in plan_.cells) for n in plan_.released
    }
    with_it = estimate.estimate(plan_, Statistics(values=columns))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimate, "consistent", lambda _plan, names, _: consistency.blank(names))
        without = estimate.estimate(plan_, Statistics(values=columns))

    def raw(cells):
        return [canonical_json({"s": c.statistics, "u": c.suppressed}) for c in cells]

    assert raw(with_it) == raw(without)
    assert [c.figures for c in with_it] == [c.figures for c in without]


@given(data=st.data())
def test_it_reads_what_the_cell_releases_and_nothing_withheld(data):
    """A reader of the measurement comes to the same numbers, so they cost no privacy."""
    columns = {n: (data.draw(st.integers(-50, 2_000)),) for n in MATCH.released}
    (cell,) = estimate.estimate(MATCH, Statistics(values=columns))
    seen = {n: v for n, v in cell.statistics if v is not None}
    names = MATCH.released
    again = consistency.consistent(MATCH, names, seen) if seen else consistency.blank(names)

    assert cell.consistent == again
    assert [n for n, _ in cell.consistent] == list(MATCH.released)

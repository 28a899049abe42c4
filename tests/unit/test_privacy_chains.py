"""Corners surround what they must, and what one record moves is never less than any value's."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.lift_charges import Bounds
from cleanroom.analysis.lift_together import _SLACK, _corners
from cleanroom.privacy.chains import Heads, Sums, moved_together
from cleanroom.privacy.sensitivity import Removed, partner_sum, partner_sum_in_one_cell

ONE = Fraction(1)


def inside(point, corners) -> bool:
    """Whether a convex polygon holds a point: no side of it separates them."""
    for a, b in combinations(corners, 2):
        sides = [_turn(a, b, c) for c in corners]
        if all(s >= 0 for s in sides) and _turn(a, b, point) < 0:
            return False
        if all(s <= 0 for s in sides) and _turn(a, b, point) > 0:
            return False
    return True


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def root(value, unit) -> int:
    return (value + unit // 2) // unit  # half up, as the engine rounds


@given(data=st.data(), high=st.integers(0, 2**20), low=st.integers(-(2**20), 0))
def test_corners_surround_every_value_with_its_rounded_square(data, high, low):
    """The root in parts of the widest one, its square above the corners' sides; the value near."""
    widest = max(high, -low, 1)
    within = Bounds(low=low, high=high or 1)
    unit = square_unit(widest)
    assert within.unit == square_unit(max(within.high, -low))
    most, least = -(-high // unit), -(low // unit)
    value = data.draw(st.integers(low, high))
    z, whole = root(value, unit), 2 * max(most, least, 1)

    assert -least <= z <= most
    assert inside((2 * z, (2 * z) ** 2), _corners(-2 * least, 2 * most))
    slack = _SLACK if unit > 1 else 0
    assert abs(Fraction(value * whole, widest) - 2 * z) <= slack


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", range(1, 7))
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (-2, 1)])
def test_a_single_sum_moves_as_far_as_its_sensitivity(stages, removed, low, high):
    alone = Sums(weights=(ONE,), points=((low,), (high,)), slacks=(0,))
    pooled = Sums(weights=(ONE,), points=((low,), (high,)), slacks=(0,), pooled=True)

    assert moved_together(stages, removed, (alone,)) == partner_sum(stages, high, removed, low=low)
    in_one_cell = partner_sum_in_one_cell(stages, high, removed, low=low)
    assert moved_together(stages, removed, (pooled,)) == in_one_cell


@pytest.mark.parametrize("stages", range(1, 7))
def test_people_move_as_far_as_their_sensitivity(stages):
    found = {
        (matched, pooled, removed): moved_together(
            stages, removed, (Heads(weight=ONE, matched=matched, pooled=pooled),)
        )
        for matched, pooled, removed in product((False, True), (False, True), Removed)
    }

    assert found[False, False, Removed.OWN] == 1
    assert found[False, False, Removed.PARTNER] == 0
    assert found[True, False, Removed.OWN] == min(stages, 2)
    assert found[True, False, Removed.PARTNER] == 1
    assert found[True, True, Removed.OWN] == found[True, True, Removed.PARTNER] == 1


def test_slack_moves_every_sum_a_little_further():
    def moved(slack):
        sums = Sums(weights=(ONE,), points=((-100,), (100,)), slacks=(slack,))
        return moved_together(1, Removed.OWN, (sums,))

    assert (moved(0), moved(3)) == (100**2, 103**2)


@pytest.mark.parametrize("stages", [0, 7])
def test_a_number_of_stages_without_a_proof_is_refused(stages):
    with pytest.raises(ValueError, match="stages"):
        moved_together(stages, Removed.OWN, (Heads(weight=ONE),))

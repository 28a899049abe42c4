"""The suppression line against the exact distribution of the noise."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.privacy.suppression import line


def passes(gap: int, scale: float) -> float:
    """P(noise >= gap), from the pmf itself."""
    far = math.ceil(40 * scale) + gap
    weights = {x: math.exp(-(x**2) / (2 * scale**2)) for x in range(-far, far + 1)}
    return sum(w for x, w in weights.items() if x >= gap) / sum(weights.values())


@given(
    people=st.integers(1, 200),
    miss=st.sampled_from([Fraction(1, 10**n) for n in (1, 3, 6, 9)]),
    scale=st.floats(0.3, 40.0),
)
def test_a_count_below_the_minimum_passes_with_at_most_the_miss_probability(people, miss, scale):
    gap = line(people, miss, scale) - (people - 1)

    assert passes(gap, scale) <= miss
    # Not much too high either: two steps lower, the promise would be broken.
    assert gap <= 2 or passes(gap - 2, scale) > miss


def test_the_line_rises_with_noise_and_falls_with_the_miss_probability():
    lines = [line(50, Fraction(1, 10**6), s) for s in (1.0, 5.0, 25.0)]

    assert lines == sorted(set(lines))
    assert line(50, Fraction(1, 10), 5.0) < line(50, Fraction(1, 10**6), 5.0)


@pytest.mark.parametrize(
    ("people", "miss", "scale"),
    [
        (0, Fraction(1, 10), 1.0),
        (5, Fraction(0), 1.0),
        (5, Fraction(3, 4), 1.0),
        (5, Fraction(1, 10), 0.0),
        (5, Fraction(1, 10), float("nan")),
    ],
)
def test_a_line_without_meaning_is_refused(people, miss, scale):
    with pytest.raises(ValueError, match="line"):
        line(people, miss, scale)

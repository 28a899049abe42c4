"""The suppression line against the exact distribution of the noise."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.privacy.suppression import line, line_of_sum


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


def sum_passes(gap: int, scale: float, terms: int) -> float:
    """P(sum of `terms` independent noises >= gap), by convolving the pmf itself."""
    far = math.ceil(12 * scale) + 1
    pmf = np.exp(-(np.arange(-far, far + 1, dtype=float) ** 2) / (2 * scale**2))
    pmf /= pmf.sum()
    total = pmf
    for _ in range(terms - 1):
        total = np.convolve(total, pmf)
    return float(total[terms * far + gap :].sum()) if gap <= terms * far else 0.0


@pytest.mark.parametrize("terms", [1, 2, 5, 30])
@pytest.mark.parametrize("scale", [0.3, 1.0, 6.0])
@pytest.mark.parametrize("miss", [Fraction(1, 2), Fraction(1, 100), Fraction(1, 10**6)])
def test_a_sum_of_counts_below_the_minimum_passes_with_at_most_the_miss_probability(
    terms, scale, miss
):
    gap = line_of_sum(50, miss, scale, terms) - 49

    assert sum_passes(gap, scale, terms) <= miss
    # A line for one count would be broken by the sum, so that the terms do matter.
    one = line(50, miss, scale) - 49
    if terms == 30 and scale >= 1 and miss < Fraction(1, 2):
        assert sum_passes(one, scale, terms) > miss


def test_the_line_of_one_count_is_that_of_a_sum_of_one():
    assert line_of_sum(50, Fraction(1, 1000), 7.0, 1) == line(50, Fraction(1, 1000), 7.0)

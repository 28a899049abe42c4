"""Intervals of counts against the exact probabilities of whole-number noise, at every scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.figures import counted
from cleanroom.privacy.intervals import Estimate
from cleanroom.privacy.whole_noise import half_width

SCALES = [0.3, 0.4, 0.5, 0.7, 0.9, 1.0, 1.3, 1.7, 2.2, 3.0, 4.1, 5.5, 7.4, 10.0]
LEVELS = [0.8, 0.95, 0.99]


def probabilities(scale, terms=1):
    """Of integers -far..far, by numpy's convolution: not the code's own."""
    far = int(12 * scale) + 3
    weights = np.exp(-(np.arange(-far, far + 1.0) ** 2) / (2 * scale**2))
    one = found = weights / weights.sum()
    for _ in range(terms - 1):
        found = np.convolve(found, one)
    return found


def covers(scale, half, terms=1) -> float:
    chances = probabilities(scale, terms)
    middle = len(chances) // 2
    return float(chances[middle - half : middle + half + 1].sum())


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scale", SCALES)
def test_an_interval_of_a_count_covers_at_least_as_often_as_it_says_and_no_wider(scale, level):
    half = half_width(scale, 1, level)

    assert covers(scale, half) >= level
    assert half == 0 or covers(scale, half - 1) < level


def test_a_normal_interval_would_not():
    low, high = Estimate(value=0, noise_variance=1.0).interval(0.95)

    assert covers(1.0, int(min(-low, high))) < 0.89


@pytest.mark.parametrize("scale", SCALES)
def test_a_figure_says_so_of_every_noise_that_may_come(scale):
    """The truth is zero: add up the probabilities of the noises whose interval holds it."""
    chances = probabilities(scale)
    middle = len(chances) // 2
    told = 0.0
    for noise in range(-middle, middle + 1):
        figure = counted("people", "people", noise, scale, 0.95)
        told += float(chances[middle + noise]) * (figure.low <= 0 <= figure.high)

    assert told >= 0.95


@pytest.mark.parametrize("terms", [2, 3, 7, 16])
@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 2.2, 4.9, 12.0])
def test_an_interval_of_a_sum_covers_at_least_as_often_as_it_says(scale, terms):
    half = half_width(scale, terms, 0.95)
    spare = 1 if scale * terms**0.5 <= 20 else 3

    assert covers(scale, half, terms) >= 0.95
    assert half < spare or covers(scale, half - spare, terms) < 0.95


@given(scale=st.floats(20.0, 300.0), level=st.floats(0.7, 0.9999))
def test_beyond_it_is_the_bound_that_is_proved_and_hardly_wider(scale, level):
    half = half_width(scale, 1, level)

    assert covers(scale, half) >= level
    assert covers(scale, half - 2) < level


@given(st.floats(0.05, 1e4), st.floats(1.0, 2.0))
def test_less_noise_never_widens(scale, factor):
    assert half_width(scale, 1, 0.95) <= half_width(scale * factor, 1, 0.95)


@pytest.mark.parametrize(("scale", "terms", "level"), [(0, 1, 0.95), (1, 0, 0.95), (1, 1, 0.5)])
def test_what_has_no_interval_is_refused(scale, terms, level):
    with pytest.raises(ValueError, match="scale"):
        half_width(scale, terms, level)

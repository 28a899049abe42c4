"""D1: the noise itself against the exact probability mass of the discrete Gaussian.

A goodness-of-fit test must be able to fail, so the same one is shown to reject noise that is a
little too small or too large.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from cleanroom.privacy.mechanism import DiscreteGaussian, scale_for
from cleanroom.privacy.suppression import line
from privacy.checks import ALPHA, Check, hold, hold_twice, sized
from privacy.distinguish import clopper_pearson
from privacy.goodness import has_the_law, within_the_line

DRAWS = sized(1_000_000, 100_000)
SOME = sized(200_000, 30_000)
SCALES = (8.0, 123.456)
SMALL = (0.7, 1.0, 2.5)  # each bin holds few integers, or one


def drawn(scale, count=DRAWS):
    return np.array(DiscreteGaussian(scale).add_noise([0] * count))


@pytest.mark.parametrize("scale", SCALES)
def test_noise_has_exactly_the_promised_distribution(scale):
    hold_twice(lambda: within_the_line(f"scale {scale}", drawn(scale), scale))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
def test_noise_of_another_scale_is_rejected(scale, factor):
    # Out of the report's sight: these are meant to fail.
    assert not within_the_line("another scale", drawn(scale * factor, 20_000), scale).holds


@pytest.mark.parametrize("scale", SMALL)
def test_noise_of_a_small_scale_has_the_exact_probability_of_every_integer(scale):
    hold(has_the_law(f"scale {scale}", drawn(scale, SOME), scale))


@pytest.mark.parametrize("scale", SMALL)
@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
def test_a_small_scale_that_is_another_is_rejected(scale, factor):
    assert not has_the_law("another scale", drawn(scale * factor, 20_000), scale).holds


def test_noise_of_neighbouring_elements_is_independent():
    noise = drawn(10.0, SOME) / 10
    product = abs(float((noise[1:] * noise[:-1]).mean()))
    hold(
        Check(
            part="D1",
            name="product of neighbouring noise",
            statistic=product,
            bound=6.2 / math.sqrt(len(noise)),
            draws=len(noise),
            false_alarm=ALPHA,
        )
    )


def test_the_noise_of_a_planned_scale_is_never_too_small():
    scale, exact = scale_for(5, Fraction(1, 40)), math.sqrt(5 * 40 / 2)
    hold(has_the_law("a planned scale", drawn(scale, SOME), exact))


def test_a_count_just_below_the_minimum_passes_as_seldom_as_promised():
    miss, scale = Fraction(1, 100), 6.0
    limit = line(50, miss, scale)
    noisy = np.array(DiscreteGaussian(scale).add_noise([49] * SOME))
    low, high = clopper_pearson(int((noisy >= limit).sum()), len(noisy), ALPHA)
    hold(
        Check(
            part="D1",
            name="passing a line from below",
            statistic=low,
            bound=float(miss),
            draws=len(noisy),
            false_alarm=ALPHA,
        )
    )
    assert high >= float(miss) / 2  # the line is not needlessly high

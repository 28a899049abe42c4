"""The noise itself against the exact probability mass of the discrete Gaussian.

A goodness-of-fit test must be able to fail, so the same test is shown to reject noise that is a
little too small or too large. The line, df + 6 sqrt(2 df), is six standard deviations of the
statistic under the null.
"""

from __future__ import annotations

import math
import os
from fractions import Fraction

import numpy as np
import pytest

from cleanroom.privacy.mechanism import DiscreteGaussian, scale_for
from cleanroom.privacy.suppression import line

DRAWS = 1_000_000 if os.environ.get("CLEANROOM_SLOW") else 200_000
BINS = 25


def probabilities(scale):
    """Return integers and their exact probabilities; the tails beyond 12 scales are below 1e-30."""
    far = math.ceil(12 * scale) + 2
    integers = np.arange(-far, far + 1)
    weights = np.exp(-(integers**2) / (2 * scale**2))
    return integers, weights / weights.sum()


def bins(scale):
    """Return inner edges and probabilities of about BINS equally likely bins of integers."""
    integers, chance = probabilities(scale)
    cumulated = np.cumsum(chance)
    cuts = np.unique(np.searchsorted(cumulated, np.arange(1, BINS) / BINS))
    edges = integers[cuts] + 0.5
    return edges, np.diff(np.concatenate([[0], cumulated[cuts], [1]]))


def misfit(draws, scale) -> tuple[float, float]:
    """Return the chi-squared statistic of `draws` against `scale`, and its line."""
    edges, chance = bins(scale)
    seen = np.bincount(np.searchsorted(edges, draws), minlength=len(chance))
    expected = chance * len(draws)
    df = len(chance) - 1
    assert df >= 10, "too few bins to judge"
    return float(((seen - expected) ** 2 / expected).sum()), df + 6 * math.sqrt(2 * df)


def drawn(scale, count=DRAWS):
    return np.array(DiscreteGaussian(scale).add_noise([0] * count))


@pytest.mark.parametrize("scale", [8.0, 123.456])
def test_noise_has_exactly_the_promised_distribution(scale):
    statistic, limit = misfit(drawn(scale), scale)

    assert statistic <= limit


@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
def test_noise_of_another_scale_is_rejected(factor):
    statistic, limit = misfit(drawn(8.0 * factor, 20_000), 8.0)

    assert statistic > 2 * limit


def test_noise_of_a_small_scale_has_the_exact_probability_of_every_integer():
    draws = drawn(0.7, DRAWS // 4)
    integers, chance = probabilities(0.7)
    likely = chance * len(draws) > 20
    expected = chance[likely] * len(draws)
    seen = np.array([(draws == i).sum() for i in integers[likely]])

    assert np.all(np.abs(seen - expected) <= 6 * np.sqrt(expected))


def test_noise_of_neighbouring_elements_is_independent():
    noise = drawn(10.0, 50_000) / 10

    assert abs((noise[1:] * noise[:-1]).mean()) < 6 / math.sqrt(len(noise))


def test_the_noise_of_a_planned_scale_is_never_too_small():
    scale = scale_for(5, Fraction(1, 40))
    statistic, limit = misfit(drawn(scale, 50_000), math.sqrt(5 * 40 / 2))

    assert statistic <= limit


def test_a_count_just_below_the_minimum_passes_as_seldom_as_promised():
    miss, scale = Fraction(1, 100), 6.0
    limit = line(50, miss, scale)
    noisy = np.array(DiscreteGaussian(scale).add_noise([49] * 50_000))
    passed = (noisy >= limit).mean()

    assert passed <= float(miss) + 6 * math.sqrt(0.01 * 0.99 / len(noisy))
    assert passed >= float(miss) / 2  # the line is not needlessly high

"""Noise against the exact probabilities of the discrete Gaussian; must not know who drew it."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import chi2, norm

from privacy.checks import ALPHA, Check

BINS = 25
_WIDE = 1_000.0  # from here on the density tells a bin's probability to one part in a million
_LEAST = 20  # expected draws in a bin


def probabilities(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return integers and their exact probabilities; the tails beyond 12 scales are below 1e-30."""
    far = math.ceil(12 * scale) + 2
    integers = np.arange(-far, far + 1)
    weights = np.exp(-(integers**2) / (2 * scale**2))
    return integers, weights / weights.sum()


def bins(scale: float, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inner edges and probabilities of about BINS equally likely bins of integers.

    Fewer where the draws are, so that each bin expects enough of them.
    """
    count = max(4, min(BINS, draws // (2 * _LEAST)))
    if scale > _WIDE:
        edges = np.round(norm.ppf(np.arange(1, count) / count) * scale) + 0.5
        return edges, np.diff(np.concatenate([[0], norm.cdf(edges / scale), [1]]))
    integers, chance = probabilities(scale)
    cumulated = np.cumsum(chance)
    cuts = np.unique(np.searchsorted(cumulated, np.arange(1, count) / count))
    # A last bin that holds next to nothing goes to its neighbour.
    cuts = cuts[(cumulated[cuts] * draws > _LEAST) & ((1 - cumulated[cuts]) * draws > _LEAST)]
    return integers[cuts] + 0.5, np.diff(np.concatenate([[0], cumulated[cuts], [1]]))


def misfit(draws: np.ndarray, scale: float) -> tuple[float, int]:
    """Return the chi-square statistic of `draws` against `scale`, and its degrees of freedom."""
    edges, chance = bins(scale, len(draws))
    seen = np.bincount(np.searchsorted(edges, draws), minlength=len(chance))
    expected = chance * len(draws)
    return float(((seen - expected) ** 2 / expected).sum()), len(chance) - 1


def has_the_law(name: str, draws: np.ndarray, scale: float) -> Check:
    """Return the check that `draws` are of the discrete Gaussian, wrong with ALPHA."""
    found, df = misfit(draws, scale)
    return Check(
        part="D1",
        name=name,
        statistic=found,
        bound=float(chi2.isf(ALPHA, df)),
        draws=len(draws),
        false_alarm=ALPHA,
    )


def within_the_line(name: str, draws: np.ndarray, scale: float) -> Check:
    """Return the check with the line df + 6 sqrt(2 df): six standard deviations of the statistic.

    Chi-square's tail is heavier than the normal one, so this is its own probability.
    """
    found, df = misfit(draws, scale)
    line = df + 6 * math.sqrt(2 * df)
    return Check(
        part="D1",
        name=name,
        statistic=found,
        bound=line,
        draws=len(draws),
        false_alarm=float(chi2.sf(line, df)),
    )

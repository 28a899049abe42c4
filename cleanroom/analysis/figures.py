"""Estimates as released figures; must not know which question they answer."""

from __future__ import annotations

import math

from cleanroom.model.measurement import Figure
from cleanroom.privacy.intervals import Estimate
from cleanroom.privacy.whole_noise import half_width

# Fewer than a float holds, so that a last bit that differs between machines does not change the
# canonical JSON of a measurement.
SIGNIFICANT_DIGITS = 12


def rounded(value: float) -> float:
    """Return `value` at 12 significant digits, never minus zero; ValueError unless finite."""
    if not math.isfinite(value):
        raise ValueError("a figure is a finite number")
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0


def figure(name: str, unit: str, estimate: Estimate, level: float, *, sampled: bool) -> Figure:
    """Return an estimate with its interval; `sampled` when chance in people counts as well."""
    low, high = estimate.interval(level)
    return Figure(
        name=name,
        unit=unit,
        value=rounded(estimate.value),
        low=rounded(low),
        high=rounded(high),
        noise_sd=rounded(math.sqrt(estimate.noise_variance)),
        sampling_se=rounded(math.sqrt(estimate.sampling_variance)) if sampled else None,
    )


def counted(
    name: str, unit: str, value: float, scale: float, level: float, terms: int = 1
) -> Figure:
    """Return a sum of `terms` noisy whole numbers, whose interval carries their noise alone."""
    half = half_width(scale, terms, level)
    return Figure(
        name=name,
        unit=unit,
        value=rounded(value),
        low=rounded(value - half),
        high=rounded(value + half),
        noise_sd=rounded(scale * math.sqrt(terms)),
        sampling_se=None,
    )


def undefined(name: str, unit: str, why: str) -> Figure:
    """Return a figure that has no value, and why."""
    return Figure(
        name=name,
        unit=unit,
        value=None,
        low=None,
        high=None,
        noise_sd=None,
        sampling_se=None,
        undefined=why,
    )


def slug(label: str) -> str:
    """Return a dataset's label as part of a figure's name; labels have no underscores."""
    return label.replace("-", "_")

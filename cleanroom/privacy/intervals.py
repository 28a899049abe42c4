"""Two-sided intervals from estimates and variances; must not know where either came from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

# Above this, a ratio's denominator is too close to zero for its interval to mean anything.
FIELLER_LIMIT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its two independent sources of variance."""

    value: float
    noise_variance: float
    sampling_variance: float = 0.0

    @property
    def variance(self) -> float:
        """Noise and sampling together: an interval that forgets one covers too seldom."""
        return self.noise_variance + self.sampling_variance

    def minus(self, other: Estimate) -> Estimate:
        """Return the difference of two independent estimates."""
        return Estimate(
            value=self.value - other.value,
            noise_variance=self.noise_variance + other.noise_variance,
            sampling_variance=self.sampling_variance + other.sampling_variance,
        )

    def interval(self, level: float) -> tuple[float, float]:
        """Return the symmetric normal interval."""
        half = quantile(level) * math.sqrt(self.variance)
        return self.value - half, self.value + half


def quantile(level: float) -> float:
    """Return z with P(|Y| <= z) = level for a standard normal Y; 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + level) / 2)


def p_value(difference: Estimate) -> float:
    """Return the two-sided normal p-value against no difference; 1 when nothing varies."""
    if difference.variance == 0:
        return 1.0
    return math.erfc(abs(difference.value) / math.sqrt(2 * difference.variance))


def fieller_g(denominator: Estimate, level: float) -> float:
    """Return g = z^2 Var(b) / b^2 (F54); infinite for a denominator of zero."""
    if denominator.value == 0:
        return math.inf
    return (quantile(level) ** 2) * denominator.variance / denominator.value**2


def fieller(
    numerator: Estimate, denominator: Estimate, level: float, covariance: float = 0.0
) -> tuple[float, float]:
    """Return the interval of numerator / denominator, two estimates with this covariance (F54).

    With r = a / b and g = z^2 v_b / b^2:

        [ r - g c / v_b  +-  z / b sqrt(v_a - 2 r c + r^2 v_b - g (v_a - c^2 / v_b)) ] / (1 - g)

    Requires `fieller_g(denominator, level) < FIELLER_LIMIT` and a positive denominator; raises
    ValueError otherwise.
    """
    g = fieller_g(denominator, level)
    if g >= FIELLER_LIMIT or denominator.value <= 0:
        raise ValueError("the denominator is too uncertain for a ratio")
    ratio = numerator.value / denominator.value
    top, bottom, both = numerator.variance, denominator.variance, covariance
    slope = both / bottom if bottom > 0 else 0.0
    spread = top - 2 * ratio * both + ratio**2 * bottom - g * (top - slope * both)
    half = quantile(level) / denominator.value * math.sqrt(max(0.0, spread))
    middle = ratio - g * slope
    return (middle - half) / (1 - g), (middle + half) / (1 - g)


def ratio(numerator: Estimate, denominator: Estimate) -> Estimate:
    """Return numerator / denominator, independent, with delta-method variances.

    Raises ZeroDivisionError for a denominator of zero.
    """
    value = numerator.value / denominator.value
    square = denominator.value**2

    def spread(top: float, bottom: float) -> float:
        return (top + value**2 * bottom) / square

    return Estimate(
        value=value,
        noise_variance=spread(numerator.noise_variance, denominator.noise_variance),
        sampling_variance=spread(numerator.sampling_variance, denominator.sampling_variance),
    )

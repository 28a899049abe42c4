"""Numbers that remember how they depend on released statistics: the delta method, mechanically.

Must not know what the statistics mean. Every formula of a lift is written once, as arithmetic;
its slopes follow, and with them the variance from noise and from chance, and the covariance of
two figures that share statistics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from cleanroom.privacy.intervals import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A value and its first derivative by each statistic it was made of."""

    value: float
    slopes: Mapping[str, float]

    def __add__(self, other: Traced) -> Traced:
        """Return the sum."""
        return self._with(self.value + other.value, other, 1.0, 1.0)

    def __sub__(self, other: Traced) -> Traced:
        """Return the difference."""
        return self._with(self.value - other.value, other, 1.0, -1.0)

    def __mul__(self, other: Traced) -> Traced:
        """Return the product."""
        return self._with(self.value * other.value, other, other.value, self.value)

    def __truediv__(self, other: Traced) -> Traced:
        """Return the quotient; raises ZeroDivisionError."""
        value = self.value / other.value
        return self._with(value, other, 1 / other.value, -value / other.value)

    def times(self, factor: float) -> Traced:
        """Return the product with a number that has no error."""
        return Traced(
            value=self.value * factor, slopes={n: s * factor for n, s in self.slopes.items()}
        )

    def _with(self, value: float, other: Traced, mine: float, theirs: float) -> Traced:
        slopes = {name: slope * mine for name, slope in self.slopes.items()}
        for name, slope in other.slopes.items():
            slopes[name] = slopes.get(name, 0.0) + slope * theirs
        return Traced(value=value, slopes=slopes)


def statistic(name: str, value: float) -> Traced:
    """Return a released statistic itself."""
    return Traced(value=value, slopes={name: 1.0})


def known(value: float) -> Traced:
    """Return a number without error."""
    return Traced(value=value, slopes={})


def total(parts: Iterable[Traced]) -> Traced:
    """Return the sum of parts."""
    found = known(0.0)
    for part in parts:
        found += part
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Variances of the noise by statistic, and covariances of chance by pair of them.

    Noise is independent between statistics. A statistic that is not named has neither.
    """

    noise: Mapping[str, float]
    chance: Mapping[tuple[str, str], float]

    def estimate(self, number: Traced) -> Estimate:
        """Return the number with both its variances."""
        return Estimate(
            value=number.value,
            noise_variance=self._noise(number, number),
            # Rounding may leave a difference of equal terms just below zero.
            sampling_variance=max(0.0, self._chance(number, number)),
        )

    def covariance(self, a: Traced, b: Traced) -> float:
        """Return the covariance of two numbers, from both sources."""
        return self._noise(a, b) + self._chance(a, b)

    def noise_sd(self, number: Traced) -> float:
        """Return the standard deviation that the noise gives a number."""
        return math.sqrt(self._noise(number, number))

    def summed(self, number: Traced) -> tuple[float, int] | None:
        """Return the noise variance of one term and how many there are, of a sum of equals.

        None for what is no plain sum of released numbers that have the same noise.
        """
        variances = {self.noise.get(name, 0.0) for name in number.slopes}
        if set(number.slopes.values()) != {1.0} or len(variances) > 1 or variances == {0.0}:
            return None
        return variances.pop(), len(number.slopes)

    def _noise(self, a: Traced, b: Traced) -> float:
        shared = a.slopes.keys() & b.slopes.keys()
        return sum(a.slopes[n] * b.slopes[n] * self.noise.get(n, 0.0) for n in sorted(shared))

    def _chance(self, a: Traced, b: Traced) -> float:
        pairs = product(sorted(a.slopes), sorted(b.slopes))
        return sum(a.slopes[m] * b.slopes[n] * self.chance.get((m, n), 0.0) for m, n in pairs)

"""The noisy numbers of one arm of a lift, and how chance between people moves them.

Must not know designs or which figures are made of them. With n people, sums S of values and Q of
their squares or products, all noisy:

    cov(a, b) = Q_ab / n - (S_a / n)(S_b / n)      chance of S_a and S_b: n cov(a, b)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom.analysis.traced import Traced, statistic

SQUARES = {"s": "q", "x": "qx", "v": "qv"}
_FLOOR = 0.1
PRODUCTS = {("s", "x"): "px", ("s", "v"): "pv", ("s", "e"): "r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Noisy statistics by full name, their noise variances, and the units of squares.

    `shares` are the kinds whose values are yes or no, which are their own squares.
    """

    values: Mapping[str, int]
    noise: Mapping[str, float]
    units: Mapping[str, int]  # by kind of sum
    shares: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One group of people: an arm, one stratum of an arm, or everybody."""

    numbers: Numbers
    group: str  # what follows the kind in a statistic's name: "test", "test/ufa"

    def sum(self, kind: str) -> Traced:
        """Return a released count or sum."""
        name = self.name(kind)
        return statistic(name, self.numbers.values[name])

    def mean(self, kind: str = "s") -> Traced:
        """Return a sum over the people."""
        return self.sum(kind) / self.people

    def name(self, kind: str) -> str:
        """Return the full name of a statistic."""
        return f"{kind}:{self.group}"

    @property
    def people(self) -> Traced:
        """Return the people."""
        return self.sum("n")

    def chance(self, *kinds: str) -> dict[tuple[str, str], float]:
        """Return the covariances of the sums of these kinds."""
        found = {}
        for a in kinds:
            for b in kinds:
                spread = self.variance(a) if a == b else self.covariance(a, b)
                found[self.name(a), self.name(b)] = self.people.value * spread
        return found

    def variance(self, kind: str) -> float:
        """Return the variance of a value between people, but at least what the noise leaves open.

        Of yes and no: m (1 - m), with m kept one person away from none and all, or an arm in
        which nobody was seen to buy would claim to know that nobody can. Of sums: Q/n - m^2, but
        at least a tenth of the noise sd that Q brings to it (public), because noise may make it
        negative. A higher floor would only widen: wherever Q's noise counts, that of S counts
        more, and it is in every interval.
        """
        people, mean = self.people.value, self.mean(kind).value
        if kind in self.numbers.shares:
            edge = min(0.5, 1 / people)
            inside = min(max(mean, edge), 1 - edge)
            return inside * (1 - inside)
        return max(self._square(kind) - mean**2, _FLOOR * self.square_noise(kind))

    def covariance(self, a: str, b: str) -> float:
        """Return the covariance of two values between people, at most what their variances allow."""
        pair = (a, b) if (a, b) in PRODUCTS else (b, a)
        found = self._product(*pair) - self.mean(a).value * self.mean(b).value
        most = math.sqrt(self.variance(a) * self.variance(b))
        return min(max(found, -most), most)

    def square_noise(self, kind: str) -> float:
        """Return the noise sd of the mean square of a value."""
        if kind in self.numbers.shares:
            return math.sqrt(self.numbers.noise[self.name(kind)]) / self.people.value
        return self._noise_of(SQUARES[kind], self.numbers.units[kind] ** 2)

    def product_noise(self, a: str, b: str) -> float:
        """Return the noise sd of the mean product of two values."""
        return self._noise_of(PRODUCTS[a, b], self._unit(a, b))

    def residual(self, theta: float) -> float:
        """Return the variance of y - theta x between people, as far as it was found."""
        cross = 2 * theta * self.covariance("s", "x")
        return self.variance("s") - cross + theta**2 * self.variance("x")

    def residual_noise(self, theta: float) -> float:
        """Return the noise sd of that variance."""
        cross = 2 * theta * self.product_noise("s", "x")
        squares = self.square_noise("s"), theta**2 * self.square_noise("x")
        return math.hypot(*squares, cross)

    def _noise_of(self, kind: str, unit: int) -> float:
        return math.sqrt(self.numbers.noise[self.name(kind)]) * unit / self.people.value

    def _square(self, kind: str) -> float:
        value = self.numbers.values[self.name(SQUARES[kind])]
        return value * self.numbers.units[kind] ** 2 / self.people.value

    def _product(self, a: str, b: str) -> float:
        value = self.numbers.values[self.name(PRODUCTS[a, b])]
        return value * self._unit(a, b) / self.people.value

    def _unit(self, a: str, b: str) -> int:
        # `r` is the plain sum over the exposed.
        return 1 if PRODUCTS[a, b] == "r" else self.numbers.units[a] * self.numbers.units[b]

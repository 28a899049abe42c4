"""The discrete Gaussian mechanism on integer vectors: the one door to OpenDP.

Must not know what the integers count. Entropy is OpenDP's own, read from the operating system's
generator inside the library; no seed goes in, because noise that could be repeated could be
subtracted.

Requires: all integers that one release adds noise to form one vector, of which one person record
moves the squared L2 norm by at most `l2_squared`.
Ensures: the release is `l2_squared * rho_per_unit`-zCDP (CKS20, Theorem 14 for vectors).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

# An OpenDP exception with a backtrace takes about 100 ms: a caller could time refusals.
os.environ["RUST_BACKTRACE"] = "0"

# The variable must be set before the library loads.
import opendp.prelude as dp
from opendp.mod import GLOBAL_FEATURES

dp.enable_features("contrib")

NAME = "discrete_gaussian"
CLAMP = 2**62  # OpenDP's i64 saturates above; the clamp leaves room for the noise
_CACHED_SCALES = 512
_MAX_SCALE = 2.0**52


class DiscreteGaussian:
    """Integer noise with P(x) proportional to exp(-x^2 / (2 scale^2)), independent by element.

    Safe to share between threads (OpenDP measurements are).
    """

    __slots__ = ("_measurement", "rho_per_unit", "scale")

    def __init__(self, scale: float) -> None:
        """Raise ValueError for a scale that is not finite, not positive or has no finite loss."""
        _assert_environment()
        if not (math.isfinite(scale) and 0 < scale <= _MAX_SCALE):
            raise ValueError("a noise scale is finite and more than zero")
        self.scale = scale
        self._measurement = _measurement(scale)
        self.rho_per_unit = _rho_per_unit(self._measurement, scale)

    def add_noise(self, values: Sequence[int]) -> list[int]:
        """Return `values` with noise; the length is the same.

        Values are clamped to +-2^62 first: OpenDP does not check its domain, and a clamp never
        moves two worlds further apart.
        """
        clamped = [min(max(int(v), -CLAMP), CLAMP) for v in values]
        noisy = [int(v) for v in self._measurement(clamped)] if clamped else []
        if len(noisy) != len(values):
            raise AssertionError("the mechanism returned another number of values")
        return noisy


def scale_for(l2_squared: int, rho: Fraction) -> float:
    """Return the least scale found at which a release costs no more than `rho`.

    Closed form sqrt(l2_squared / (2 rho)), then raised by parts in 1e16 until OpenDP's own
    accounting agrees. Raises ValueError for zero loss or zero sensitivity.
    """
    if l2_squared <= 0 or rho <= 0:
        raise ValueError("noise needs a sensitivity and a loss above zero")
    start = math.sqrt(l2_squared / (2 * rho))
    scale, step = start, start * 2.0**-53
    while l2_squared * DiscreteGaussian(scale).rho_per_unit > rho:
        scale, step = start + step, step * 2
    return scale


@lru_cache(maxsize=_CACHED_SCALES)
def _measurement(scale: float) -> dp.Measurement:
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="i64")
    return dp.m.make_gaussian(*space, scale=scale)


def _rho_per_unit(measurement: dp.Measurement, scale: float) -> Fraction:
    """Return the loss for a squared sensitivity of one: never below 1 / (2 scale^2)."""
    told = float(measurement.map(1))
    if not (math.isfinite(told) and told > 0):
        raise ValueError("a noise scale has a finite loss above zero")
    return max(Fraction(told), 1 / (2 * Fraction(scale) ** 2))


def _assert_environment() -> None:
    """Only vetted features, and no slow exceptions: whoever widens either must come here."""
    if set(GLOBAL_FEATURES) - {"contrib"}:
        raise AssertionError("OpenDP features other than contrib are enabled")
    if os.environ.get("RUST_BACKTRACE") != "0":
        raise AssertionError("RUST_BACKTRACE must be 0 while noise is drawn")

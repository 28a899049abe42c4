"""The public line that a noisy count of people must reach before its cell is released.

Must not know any count: the line follows from the policy and the noise scale alone, so that the
decision reads noisy numbers only and costs no privacy.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

# Bound on the relative error of the platform's erfc, which is good to a few units in 2^53.
_ERFC_SLACK = Fraction(10**12 + 1, 10**12)


def line(minimum_people: int, miss_probability: Fraction, scale: float) -> int:
    """Return L: a true count below `minimum_people` becomes >= L with at most that probability.

    With t = L - (minimum_people - 1) and X the noise, P(X >= t) <= P(Y >= t - 1) for Y normal
    with standard deviation `scale` and every integer t >= 1 (CKS20, Proposition 25: each atom is
    below the density to its left, and the discrete normaliser is above the continuous one).
    L is the smallest integer for which this bound is at most `miss_probability`.
    Raises ValueError for a probability outside (0, 1/2], a minimum below 1 or a scale of zero.
    """
    if minimum_people < 1 or not 0 < miss_probability <= Fraction(1, 2) or not scale > 0:
        raise ValueError("a line needs a minimum, a miss probability up to 1/2 and a scale")
    above = max(1, math.floor(scale * -NormalDist().inv_cdf(float(miss_probability))) - 1)
    while _tail(above, scale) > miss_probability:
        above += 1
    return minimum_people - 1 + above


def line_of_sum(minimum_people: int, miss_probability: Fraction, scale: float, terms: int) -> int:
    """Return the line for a number of people that is the sum of `terms` noisy counts.

    A sum of discrete Gaussians is none, but sub-Gaussian with the summed variance (CKS20,
    Corollary 17): P(X >= t) <= exp(-t^2 / (2 terms scale^2)), which has to be at most the
    miss probability. Raises ValueError as `line` does.
    """
    if terms == 1:
        return line(minimum_people, miss_probability, scale)
    line(minimum_people, miss_probability, scale)  # checks the arguments
    odds = math.log(miss_probability.denominator) - math.log(miss_probability.numerator)
    # One more than the ceiling covers the rounding of the logarithms and the root.
    above = math.ceil(scale * math.sqrt(2 * terms * odds)) + 1
    return minimum_people - 1 + above


def _tail(above: int, scale: float) -> Fraction:
    """Return an upper bound on P(X >= above), above >= 1."""
    return Fraction(math.erfc((above - 1) / (scale * math.sqrt(2))) / 2) * _ERFC_SLACK

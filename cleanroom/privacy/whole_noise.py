"""How far whole-number noise reaches: quantiles of sums of discrete Gaussians.

Must not know what is counted. A normal interval of a count forgets that noise is whole numbers:
where its scale is small, that covers too seldom (0.88 instead of 0.95 at scale one).
"""

from __future__ import annotations

import math
from functools import lru_cache

from cleanroom.privacy.intervals import quantile

_EXACT = 20.0  # up to here probabilities are added up; beyond, the bound is hardly wider
_FAR = 9.0  # scales, beyond which there is less than 1e-18 on either side
_ROUNDING = 1e-12  # of floating-point sums of probabilities


@lru_cache(maxsize=4096)
def half_width(scale: float, terms: int, level: float) -> int:
    """Return t with P(|X| <= t) >= level, for X the sum of `terms` independent noises of a scale.

    Up to a scale of 20 it is the least such integer. Beyond, with sd s and z = `quantile(level)`,

        P(|X| > t)  <=  2 Q((t + 1/2) / s)        for t + 1/2 >= s

    because e^(-x^2 / 2 s^2) is convex from s on, so that each atom is at most its integral from
    half below to half above, and the discrete normaliser is at least the continuous one (CKS20,
    Fact 18): t = ceil(z s - 1/2). A sum of such noises has no larger variance and is all but a
    discrete Gaussian itself; one more covers the difference. Raises ValueError unless scale, terms and
    level are more than zero, and the level at least 0.7, where z >= 1.
    """
    if not (scale > 0 and terms > 0 and 0.7 <= level < 1):  # noqa: PLR2004 - z of one is at 0.683
        raise ValueError("noise has a scale, and an interval a level from 0.7 to 1")
    spread = scale * math.sqrt(terms)
    if spread > _EXACT:
        return math.ceil(quantile(level) * spread - 0.5) + (terms > 1)
    outside, reach = 1 - level - _ROUNDING, 0
    chances = _summed(_probabilities(scale), terms)
    middle = len(chances) // 2
    inside = chances[middle]
    while 1 - inside > outside:
        reach += 1
        inside += 2 * chances[middle + reach]
    return reach


def _probabilities(scale: float) -> list[float]:
    far = math.ceil(_FAR * scale) + 1
    weights = [math.exp(-(x * x) / (2 * scale * scale)) for x in range(-far, far + 1)]
    whole = math.fsum(weights)
    return [w / whole for w in weights]


def _summed(chances: list[float], terms: int) -> list[float]:
    """Return the probabilities of a sum of that many, by doubling."""
    found: list[float] | None = None
    while terms:
        if terms % 2:
            found = chances if found is None else _convolved(found, chances)
        terms //= 2
        chances = _convolved(chances, chances) if terms else chances
    if found is None:
        raise AssertionError("a sum has terms")
    return found


def _convolved(a: list[float], b: list[float]) -> list[float]:
    """Return the probabilities of a sum of two; what is far out and next to nothing is cut."""
    found = [0.0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        if x:
            for j, y in enumerate(b):
                found[i + j] += x * y
    middle = len(found) // 2
    edge = next(k for k in range(middle + 1) if found[k] > 1e-20 or k == middle)  # noqa: PLR2004
    return found[edge : len(found) - edge]

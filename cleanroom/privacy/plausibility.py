"""Whether released integers can be exact ones plus the noise that was stated, and one bit of it.

Must not know what the integers count. Requires: `Trial.scale` is that of the discrete Gaussian
which the release states, independent for each integer (privacy/mechanism.py).
Ensures: where the release was made so, `oddities` is empty with probability at least 1 - ALPHA,
whatever the exact integers are and whichever of them suppression withheld. So a release together
with the answer "plausible" is, up to ALPHA in total variation, the release alone: an honest
service tells nothing by it (docs/audit-report.md, "What a recomputation tells").

Every bound is one that holds for discrete Gaussians as they are, small scales included: the
energy by Chernoff's bound on the exact moment generating function, the largest deviation and the
sum by their being sub-Gaussian (CKS20, Corollary 17). Withheld integers were chosen by their own
noise. They add nothing to what must not be too large, which only lowers it; where what was
released must not be too small, or not lean to one side, the bound is a union over every choice of
as many.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Final

ALPHA: Final = Fraction(1, 10**12)
_CLOSED_FORM_FROM: Final = 2.0  # a scale whose theta function is its first term, to 1e-30
_REACH: Final = 80  # integers summed either side of zero below that scale
_GRID: Final = 120


class Oddity(StrEnum):
    """What honest noise of the stated scale does not do."""

    TOO_FAR = "the released values lie further from the data than the stated noise reaches"
    TOO_NEAR = "the released values lie closer to the data than the stated noise leaves them"
    ONE_FAR = "one released value lies further from the data than the stated noise reaches"
    ONE_SIDED = "the released values lean to one side, which the stated noise does not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One integer of a release: exact, as released (None if withheld), and its noise scale."""

    exact: int
    released: int | None
    scale: float

    @property
    def deviation(self) -> float:
        """How many scales the released value lies from the exact one; 0 for a withheld one."""
        return 0.0 if self.released is None else (self.released - self.exact) / self.scale


def oddities(trials: Sequence[Trial]) -> tuple[Oddity, ...]:
    """Return what the stated noise would not have done, with ALPHA to be wrong about any of it."""
    shown = [t for t in trials if t.released is not None]
    if not shown:
        return ()
    log_alpha = math.log(ALPHA / len(Oddity))
    log_choices = _log_choices(trials)
    energy = sum(t.deviation**2 for t in shown)
    largest = max(abs(t.deviation) for t in shown)
    sided = abs(sum(t.deviation for t in shown))
    bounds = {
        Oddity.TOO_FAR: _log_above(Counter(t.scale for t in trials), energy),
        Oddity.TOO_NEAR: log_choices + _log_below(Counter(t.scale for t in shown), energy),
        Oddity.ONE_FAR: math.log(2 * len(trials)) - largest**2 / 2,
        Oddity.ONE_SIDED: log_choices + math.log(2) - sided**2 / (2 * len(shown)),
    }
    return tuple(oddity for oddity, log_bound in bounds.items() if log_bound < log_alpha)


def _log_choices(trials: Sequence[Trial]) -> float:
    """Return the logarithm of how many sets could have been withheld, each with its own budget.

    A set is told by how many of each scale it has (at most n + 1 ways each) and which they are.
    """
    every = Counter(t.scale for t in trials)
    shown = Counter(t.scale for t in trials if t.released is not None)
    return math.fsum(math.log(n + 1) + _log_binomial(n, shown[s]) for s, n in every.items())


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_above(scales: Mapping[float, int], energy: float) -> float:
    """Return a bound on log P(sum of (x / scale)^2 >= energy)."""
    # exp(t e) has the mean theta(scale^2 / (1 - 2 t)) / theta(scale^2), finite for t < 1/2.
    grid = ((i + 0.5) / (2 * (_GRID + 1)) for i in range(_GRID))
    return min(0.0, *(_chernoff(scales, t, energy) for t in grid))


def _log_below(scales: Mapping[float, int], energy: float) -> float:
    """Return a bound on log P(sum of (x / scale)^2 <= energy)."""
    grid = (-(10 ** (-4 + 12 * i / _GRID)) for i in range(_GRID))
    return min(0.0, *(_chernoff(scales, t, energy) for t in grid))


def _chernoff(scales: Mapping[float, int], t: float, energy: float) -> float:
    growth = math.fsum(
        count * (_log_theta(scale / math.sqrt(1 - 2 * t)) - _log_theta(scale))
        for scale, count in scales.items()
    )
    return growth - t * energy


@lru_cache(maxsize=4096)
def _log_theta(scale: float) -> float:
    """Return the logarithm of the sum over all integers x of exp(-x^2 / (2 scale^2))."""
    if scale >= _CLOSED_FORM_FROM:  # Poisson's summation: the next term is exp(-2 pi^2 scale^2)
        return math.log(scale) + math.log(2 * math.pi) / 2
    return math.log(math.fsum(_weights(scale)))


def _weights(scale: float) -> Iterable[float]:
    return (math.exp(-(x * x) / (2 * scale * scale)) for x in range(-_REACH, _REACH + 1))

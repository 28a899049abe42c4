"""How one loss is shared among the statistics of a question, exactly.

Must not know what the statistics mean, nor whose ledgers pay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cleanroom.privacy.mechanism import DiscreteGaussian, scale_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One statistic: its weight and its squared L2 sensitivity to a record of each dataset."""

    weight: Fraction
    l2_squared: Mapping[str, int]

    def __post_init__(self) -> None:
        """A weight counts, and some record moves the statistic."""
        if self.weight <= 0 or max(self.l2_squared.values()) <= 0:
            raise ValueError("a statistic has a weight and a sensitivity above zero")

    @property
    def largest(self) -> int:
        """The sensitivity the noise must cover, whichever dataset loses a record."""
        return max(self.l2_squared.values())


def scales(shares: Sequence[Share], rho: Fraction) -> tuple[float, ...]:
    """Return a noise scale for each share, so that no dataset is charged more than `rho`.

    sigma_j^2 = D_j W / (2 rho w_j), with D_j the largest squared sensitivity of statistic j and
    W the largest, over datasets d, of sum_j w_j D_dj / D_j. A dataset is charged by its own
    sensitivities, so the counts of two owners' people do not thin each other out, and the
    dataset charged most is charged `rho`, less rounding.
    """
    total = max(_relative(shares, dataset) for dataset in _datasets(shares))
    return tuple(scale_for(s.largest, rho * s.weight / total) for s in shares)


def charge(shares: Sequence[Share], noise: Sequence[float], dataset: str) -> Fraction:
    """Return the rho that one record of `dataset` loses to the whole release.

    The sum over statistics of each one's own worst case: no neighbour can be worst for all of
    them at once and lose more than this.
    """
    return sum(
        (
            s.l2_squared.get(dataset, 0) * DiscreteGaussian(scale).rho_per_unit
            for s, scale in zip(shares, noise, strict=True)
        ),
        Fraction(0),
    )


def at_most(shares: Sequence[Share], rho: Fraction, dataset: str) -> Fraction:
    """Return the most that `charge` may be for the scales that `scales` gives at `rho`.

    It depends on how far the datasets' records move a statistic in proportion, not on how far:
    so a contribution bound that is chosen later, and moves all alike, never costs more than this.
    """
    total = max(_relative(shares, d) for d in _datasets(shares))
    return rho * _relative(shares, dataset) / total


def _relative(shares: Sequence[Share], dataset: str) -> Fraction:
    return sum(
        (s.weight * Fraction(s.l2_squared.get(dataset, 0), s.largest) for s in shares),
        Fraction(0),
    )


def _datasets(shares: Sequence[Share]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(d for s in shares for d in s.l2_squared))

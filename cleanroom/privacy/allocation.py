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


def scales(shares: Sequence[Share], rho: Fraction, moved: Fraction) -> tuple[float, ...]:
    """Return a noise scale for each share, so that no record loses more than `rho`.

    sigma_j^2 = D_j W / (2 rho w_j), with D_j the largest squared sensitivity of statistic j and W,
    `moved`, the most over all records of all datasets of sum_j w_j d_j / D_j, where d_j is what
    one and the same record moves. A dataset is charged by its own records, so the counts of two
    owners' people do not thin each other out, and who is charged most is charged `rho`.
    """
    return tuple(scale_for(s.largest, rho * s.weight / moved) for s in shares)


def apart(shares: Sequence[Share]) -> dict[str, Fraction]:
    """Return by dataset an upper bound of what one record moves, weighted: sum_j w_j D_dj / D_j.

    Each statistic's own worst case added up: exact where one record is the worst for all of them.
    """
    datasets = dict.fromkeys(d for s in shares for d in s.l2_squared)
    return {
        d: sum(
            (s.weight * Fraction(s.l2_squared.get(d, 0), s.largest) for s in shares), Fraction(0)
        )
        for d in datasets
    }


def check_covered(
    shares: Sequence[Share], noise: Sequence[float], rho: Fraction, moved: Fraction
) -> None:
    """Raise AssertionError where a scale is smaller than `scales` would give it."""
    for share, scale in zip(shares, noise, strict=True):
        if share.largest * DiscreteGaussian(scale).rho_per_unit > rho * share.weight / moved:
            raise AssertionError("the noise is less than was paid for")

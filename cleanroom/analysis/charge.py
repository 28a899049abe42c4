"""One statistic before noise, and the unit of its squares; must not know which question asks."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.privacy.allocation import Share

MAX_ROOT = 2**15  # squares of up to this, over 2^32 people, stay below 2^62


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One statistic before noise: released under `released`, charged once.

    Arms are disjoint, so both arms are one vector and one charge; so are the cells of a grid.
    `counts_people` marks the statistics that minimum aggregation reads; what it reads is a sum
    of `summed` of them.
    """

    name: str
    released: tuple[str, ...]
    contribution_bound: int
    share: Share
    counts_people: bool
    summed: int = 1


def square_unit(bound: int) -> int:
    """Return the unit in which outcomes up to `bound` are squared."""
    return max(1, -(-bound // MAX_ROOT))

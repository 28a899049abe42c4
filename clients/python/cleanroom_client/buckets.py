"""Counts and measures cut into cells, as a partner writes it; knows no connection and no policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.errors import QuestionInvalid
from cleanroom_client.events import Filters, Span, filters_proto, window_proto


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The edges at which a person's sum of a count or measure is cut: the least of each bucket.

    `edges=(1, 2, 3, 5)` makes the cells `0`, `1`, `2`, `3-4` and `5+`. Money is in minor units:
    1500000 for 15,000.00. Only events inside `window` that pass `filters` are summed.
    """

    edges: tuple[int, ...]
    window: Span | None = None
    filters: Filters = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse edges that are not ascending whole numbers."""
        object.__setattr__(self, "edges", ascending("edges", self.edges))

    def to_proto(self, dimension: str) -> pb.Buckets:
        """Return the request's form; raises QuestionInvalid for a window that is none."""
        return pb.Buckets(
            dimension=dimension,
            edges=self.edges,
            window=window_proto(self.window),
            filters=filters_proto(self.filters),
        )


Cut: TypeAlias = Buckets | Iterable[int]
"""Buckets, or their edges alone."""


def ascending(name: str, numbers: Iterable[int]) -> tuple[int, ...]:
    """Return whole numbers, each larger than the one before; raises QuestionInvalid."""
    found = tuple(numbers)
    whole = all(type(number) is int for number in found)
    if not found or not whole or any(a >= b for a, b in pairwise(found)):
        raise QuestionInvalid(f"{name}: expected whole numbers that ascend, as in 1, 2, 5")
    return found


def buckets_of(cuts: Mapping[str, Cut] | None) -> dict[str, Buckets]:
    """Return buckets by dimension; raises QuestionInvalid."""
    return {
        name: cut if isinstance(cut, Buckets) else Buckets(edges=tuple(cut))
        for name, cut in (cuts or {}).items()
    }


def buckets_proto(by: Iterable[str], buckets: Mapping[str, Buckets]) -> list[pb.Buckets]:
    """Return the request's form; raises QuestionInvalid for what is no dimension of `by`."""
    for name in buckets:
        if name not in tuple(by):
            raise QuestionInvalid(f"buckets: {name} is not in by, where it belongs too")
    return [one.to_proto(name) for name, one in buckets.items()]

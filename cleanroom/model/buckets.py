"""Numbers of a person cut into cells by public edges; must not know policies or data.

A person's number is the sum of a declared count or measure over their events. It lies in exactly
one bucket, so a bucketed dimension is an attribute of that person's record like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cleanroom.model.dataset import MAX_BOUND
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters, Window, canonical_filters
from cleanroom.model.names import check_dimension

MAX_EDGES = 50
MINOR_PER_MAJOR = 100  # kopecks to the rouble, cents to the dollar


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """How the number behind a `by` dimension is cut: below the first edge, between two, from the
    last on. An edge is the least number of the bucket that it begins, in units as they travel.

    Only events inside `window` that pass `filters` are summed.
    """

    dimension: str
    edges: tuple[int, ...]
    window: Window | None = None
    filters: Filters = ()

    def __post_init__(self) -> None:
        """Edges ascend; filters are kept sorted."""
        check_dimension(self.dimension, "buckets.dimension")
        check_ascending(self.edges, "buckets.edges")
        object.__setattr__(self, "filters", canonical_filters(self.filters))

    def place(self, number: int) -> int:
        """Return the position of the bucket that holds `number`."""
        return sum(number >= edge for edge in self.edges)


def check_ascending(numbers: Sequence[int], field: str) -> None:
    """Refuse other than 1 to MAX_EDGES strictly increasing integers that a bound may have."""
    rising = all(a < b for a, b in pairwise(numbers))
    if not 1 <= len(numbers) <= MAX_EDGES or not rising or max(map(abs, numbers)) > MAX_BOUND:
        raise FieldInvalid(
            field=field, expected=f"1 to {MAX_EDGES} integers, each larger than the one before"
        )


def canonical_buckets(by: Sequence[str], buckets: Sequence[Buckets]) -> tuple[Buckets, ...]:
    """Return `buckets` sorted by dimension; each must be one of `by`, and each once."""
    named = [b.dimension for b in buckets]
    if len(set(named)) != len(named) or not set(named) <= set(by):
        raise FieldInvalid(field="buckets", expected="dimensions as written in by, each once")
    return tuple(sorted(buckets, key=lambda b: b.dimension))


def labels(edges: Sequence[int], *, money: bool, signed: bool) -> tuple[str, ...]:
    """Return what each bucket is called, both ends included: `0`, `1-4`, `5+`.

    Money is written in major units (`0.01-149.99`, `150+`). Numbers that are not `signed` begin
    at zero. Different edges have different labels.
    """
    return (
        _first(edges[0], money=money, signed=signed),
        *(_between(a, b - 1, money=money) for a, b in pairwise(edges)),
        f"{number(edges[-1], money=money)}+",
    )


def number(value: int, *, money: bool) -> str:
    """Return an integer with its thousands apart; minor units as major ones, `1,500.50`."""
    if not money:
        return f"{value:,}"
    whole, rest = divmod(abs(value), MINOR_PER_MAJOR)
    return f"{'-' if value < 0 else ''}{whole:,}" + (f".{rest:02d}" if rest else "")


def _first(edge: int, *, money: bool, signed: bool) -> str:
    if not signed:
        return _between(0, edge - 1, money=money)
    return "0 or less" if edge == 1 else f"<{number(edge, money=money)}"


def _between(low: int, high: int, *, money: bool) -> str:
    if low == high:
        return number(low, money=money)
    # A minus sign beside a hyphen would be read as another number.
    link = "-" if low >= 0 else " to "
    return f"{number(low, money=money)}{link}{number(high, money=money)}"

"""Which events of a person count: a window of time and listed values; must not know outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column

MAX_FILTERS = 16
MAX_FILTER_VALUES = 1_000
MAX_VALUE = 64  # characters
MAX_TIME_S = 2**53 - 1  # what a canonical number holds

Filters: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Columns with the values of which an event must have one; each column once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Events with `from_s <= time < until_s` (unix seconds) count."""

    from_s: int
    until_s: int

    def __post_init__(self) -> None:
        """Refuse an empty window, and times that are none."""
        if not -MAX_TIME_S <= self.from_s < self.until_s <= MAX_TIME_S:
            raise FieldInvalid(field="window", expected="a start before its end, in unix seconds")

    @property
    def length_s(self) -> int:
        """How long it is."""
        return self.until_s - self.from_s


def canonical_filters(filters: Filters) -> Filters:
    """Return `filters` with columns and values sorted, values once; raises FieldInvalid."""
    if len(filters) > MAX_FILTERS or len({column for column, _ in filters}) != len(filters):
        raise FieldInvalid(field="filters", expected=f"at most {MAX_FILTERS}, each column once")
    for column, values in filters:
        check_column(column, "filters")
        if not 1 <= len(values) <= MAX_FILTER_VALUES or max(map(len, values)) > MAX_VALUE:
            raise FieldInvalid(
                field=f"filters.{column}",
                expected=f"1 to {MAX_FILTER_VALUES} values of at most {MAX_VALUE} characters",
            )
    return tuple(sorted((column, tuple(sorted(set(values)))) for column, values in filters))

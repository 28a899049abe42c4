"""What a dataset holds, as its policy declares it; must not know files, rows or storage."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import product

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column, check_label

# Sums of clipped values over 2^32 people stay below 2^62, where OpenDP's i64 saturates.
MAX_BOUND = 2**30
MAX_CELLS = 10_000


class KeyType(StrEnum):
    """Types of match keys that may be joined."""

    EMAIL = "email"
    PHONE = "phone"
    LOYALTY_ID = "loyalty_id"
    DEVICE_ID = "device_id"
    COOKIE = "cookie"
    EXTERNAL_ID = "external_id"


class Unit(StrEnum):
    """What a measure counts."""

    MINOR = "minor"  # money in minor units: kopecks, cents
    COUNT = "count"
    ROWS = "rows"  # no column: each row counts one


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A declared, closed list of values; a value's code is its position."""

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        """At least one value, each once."""
        check_column(self.name, "dimension")
        if not self.values or len(set(self.values)) != len(self.values):
            raise FieldInvalid(field=self.name, expected="a list of different values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """A per-person sum with the least and the most that one person may add to it.

    `min_per_person` is below zero where refunds count; without it nobody takes anything away.
    """

    name: str
    unit: Unit
    max_per_person: int
    min_per_person: int = 0

    def __post_init__(self) -> None:
        """The bounds must fit the integer mechanism."""
        check_column(self.name, "measure")
        if not 1 <= self.max_per_person <= MAX_BOUND:
            raise FieldInvalid(
                field=f"{self.name}.max_per_person", expected=f"an integer from 1 to {MAX_BOUND}"
            )
        if not -MAX_BOUND <= self.min_per_person <= 0:
            raise FieldInvalid(
                field=f"{self.name}.min_per_person", expected=f"an integer from -{MAX_BOUND} to 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSchema:
    """Columns of a dataset, in the order its policy declares them.

    `keys` are all key types of the collaboration, in order of priority; a row may lack any.
    """

    name: str
    owner: str
    keys: tuple[KeyType, ...]
    dimensions: tuple[Domain, ...] = ()
    has_arm: bool = False
    counts: tuple[Bounded, ...] = ()
    measures: tuple[Bounded, ...] = ()
    filters: tuple[Domain, ...] = ()
    timed: bool = False

    def __post_init__(self) -> None:
        """Names are labels; no column is declared twice."""
        check_label(self.name, "dataset")
        check_label(self.owner, "owner")
        columns = [d.name for d in (*self.dimensions, *self.filters)]
        columns += [b.name for b in (*self.counts, *self.measures)]
        if len(set(columns)) != len(columns):
            raise FieldInvalid(field=self.name, expected="each column declared once")

    def dimension(self, name: str) -> Domain | None:
        """Return the dimension called `name`, if declared."""
        return next((d for d in self.dimensions if d.name == name), None)

    def measure(self, name: str) -> Bounded | None:
        """Return the measure called `name`, if declared."""
        return next((m for m in self.measures if m.name == name), None)

    def count(self, name: str) -> Bounded | None:
        """Return the count called `name`, if declared."""
        return next((c for c in self.counts if c.name == name), None)

    def measure_in(self, unit: Unit) -> Bounded | None:
        """Return the first measure in that unit, if there is one."""
        return next((m for m in self.measures if m.unit is unit), None)

    @property
    def buying(self) -> Bounded | None:
        """The measure whose positive amount makes an event a purchase: money first, else the first.

        None when there is no measure at all.
        """
        return self.measure_in(Unit.MINOR) or next(iter(self.measures), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRef:
    """One sealed, immutable version of a dataset and the schema it was sealed under."""

    version: str
    schema: DatasetSchema


Cell = tuple[str, ...]


def cells(domains: tuple[Domain, ...]) -> tuple[Cell, ...]:
    """Return the full cross product of the domains in domain order; one empty cell for none.

    Raises FieldInvalid when there would be more than MAX_CELLS.
    """
    count = reduce(lambda n, d: n * len(d.values), domains, 1)
    if count > MAX_CELLS:
        raise FieldInvalid(field="by", expected=f"at most {MAX_CELLS} cells, this makes {count}")
    return tuple(product(*(d.values for d in domains)))

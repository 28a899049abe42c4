"""Reads which columns may break a dataset's answers down, and how much may be asked of it.

Must not know the other datasets or the parties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cleanroom.model.dataset import DatasetSchema
from cleanroom.model.question import Family
from cleanroom.policy.fields import Field
from cleanroom.policy.rules import Frequency, Limits

T = TypeVar("T")


def by_family(field: Field, read: Callable[[Field], T]) -> dict[Family, T]:
    """Return what `read` makes of the entry of each family that the mapping has."""
    if not field.present:
        return {}
    return {Family(name): read(f) for name, f in field.table().items() if f.present}


def breakdowns(field: Field, schema: DatasetSchema) -> dict[Family, tuple[str, ...]]:
    """Return the columns by which each family may be broken down; all are declared."""
    numbers = (*schema.counts, *schema.measures)
    names = (*(d.name for d in schema.dimensions), *(n.name for n in numbers))
    if field.present and not names:
        field.bad("found breakdowns, but the dataset declares no column for them: leave them out")
        return {}
    return by_family(field, lambda f: f.columns(names))


def limits(field: Field) -> Limits:
    """Return the most that one question may hold and that one asker may ask."""
    if not field.present:
        return Limits()
    keys = field.table()
    return Limits(
        filters_per_question=_most(keys["filters_per_question"]),
        breakdowns_per_question=_most(keys["breakdowns_per_question"]),
        questions=_frequency(keys["questions"]),
    )


def _most(field: Field) -> int | None:
    return field.integer() if field.present else None


def _frequency(field: Field) -> Frequency | None:
    if not field.present:
        return None
    keys = field.table()
    return Frequency(most=keys["most"].integer(), days=keys["days"].integer())

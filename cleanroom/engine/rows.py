"""Checks uploaded rows against their schema and keeps those that may be sealed.

Must not know people: a row is judged alone here.
Does not verify that tokens are points, nor that values are true.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom.engine.gathered import Gathered
from cleanroom.engine.layout import (
    NO_ARM,
    TEST,
    dimension_column,
    events_schema,
    filter_column,
    measure_column,
    wire_schema,
)
from cleanroom.model.consent import ALL_MARKS, ALL_PURPOSES, MARKS, cared
from cleanroom.model.dataset import DatasetSchema, Unit
from cleanroom.model.errors import FieldInvalid


def sealable_rows(
    tables: Iterable[pa.Table], schema: DatasetSchema, sealable: tuple[int, ...]
) -> Gathered:
    """Return the rows that serve one of `sealable`, checked, as they were uploaded.

    The result has the columns of `wire_schema` and the measures in `rows`.
    Raises FieldInvalid for a column that is not as declared.
    """
    if any(bits & ALL_PURPOSES == 0 for bits in sealable):
        raise ValueError("a set of purposes that a row must hold is never empty")
    rows = Gathered(pa.schema([*wire_schema(schema), *_measures_in_rows(schema)]))
    for table in tables:
        rows.add(usable(checked_rows(table, schema), sealable))
    return rows


def usable(table: pa.Table, sealable: tuple[int, ...]) -> pa.Table:
    """Return the rows that hold all bits of one of `sealable`."""
    held = np.asarray(table["purposes"])
    serves = np.zeros(len(held), dtype=np.bool_)
    for bits in sealable:
        serves |= (held & np.int64(cared(bits))) == bits
    return table if serves.all() else table.filter(pa.array(serves))


def checked_rows(table: pa.Table, schema: DatasetSchema) -> pa.Table:
    """Return the table with every declared column in order; raises FieldInvalid."""
    declared = wire_schema(schema)
    unknown = sorted(set(table.column_names) - set(declared.names))
    if unknown:
        raise FieldInvalid(field=unknown[0], expected="only columns that the policy declares")
    columns = [_column(table, field) for field in declared]
    complete = pa.table(columns, schema=declared)
    _check_ranges(complete, schema)
    for field in _measures_in_rows(schema):
        ones = pa.repeat(pa.scalar(1, field.type), table.num_rows)
        complete = complete.append_column(field, ones)
    return complete


def _measures_in_rows(schema: DatasetSchema) -> list[pa.Field]:
    names = (measure_column(m.name) for m in schema.measures if m.unit is Unit.ROWS)
    return [events_schema(schema).field(name) for name in names]


_DEFAULTS = {"arm": NO_ARM, "occurred_at": 0}


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if table.column_names.count(field.name) > 1:
        raise FieldInvalid(field=field.name, expected="the column once")
    if field.name not in table.column_names:
        if not field.nullable:
            raise FieldInvalid(field=field.name, expected=f"a column of {field.type}")
        column = pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    else:
        column = table[field.name]
    if column.type != field.type or (column.null_count and not field.nullable):
        missing = "" if field.nullable else ", none missing"
        raise FieldInvalid(field=field.name, expected=f"{field.type}{missing}")
    default = _DEFAULTS.get(field.name)
    return column if default is None else column.fill_null(pa.scalar(default, field.type))


def _check_ranges(table: pa.Table, schema: DatasetSchema) -> None:
    for domain in schema.dimensions:
        _check_range(table, dimension_column(domain.name), 0, len(domain.values) - 1)
    for domain in schema.filters:
        _check_range(table, filter_column(domain.name), 0, len(domain.values) - 1)
    _check_purposes(table)
    _check_range(table, "arm", NO_ARM, TEST if schema.has_arm else NO_ARM)


def _check_purposes(table: pa.Table) -> None:
    """Refuse purposes and bases that are not listed, as those of a newer sender may be."""
    held = np.asarray(table["purposes"])
    marks = held & np.int64(ALL_MARKS)
    unknown = held & np.int64(~(ALL_MARKS | ALL_PURPOSES))
    if unknown.any() or not np.isin(marks, list(MARKS.values())).all():
        expected = "bits of listed purposes and of one basis"
        raise FieldInvalid(field="purposes", expected=expected)


def _check_range(table: pa.Table, column: str, low: int, high: int) -> None:
    found = pc.min_max(table[column])
    if table.num_rows and not low <= found["min"].as_py() <= found["max"].as_py() <= high:
        raise FieldInvalid(field=column, expected=f"codes from {low} to {high}")

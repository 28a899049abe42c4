"""Checks uploaded rows against their schema and keeps those that may be sealed.

Must not know people: a row is judged alone here.
Does not verify that tokens are points, nor that values are true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from cleanroom.engine.layout import (
    NO_ARM,
    TEST,
    dimension_column,
    events_schema,
    filter_column,
    measure_column,
    token_column,
    wire_schema,
)
from cleanroom.model.dataset import DatasetSchema, KeyType, Unit
from cleanroom.model.errors import FieldInvalid
from cleanroom.ports.tables import TokenMap


class TokenMissing(RuntimeError):
    """An uploaded element has no final token; names the column only."""


def sealable_rows(
    rows: Iterable[pa.Table],
    schema: DatasetSchema,
    tokens: Mapping[KeyType, TokenMap | None],
    sealable: tuple[int, ...],
) -> pa.Table:
    """Return the rows that hold all bits of one of `sealable`, checked, with final tokens.

    The result has the columns of `wire_schema` and the measures in `rows`, all filled.
    Raises FieldInvalid for a column that is not as declared, TokenMissing.
    """
    if any(bits <= 0 for bits in sealable):
        raise ValueError("a set of purposes that a row must hold is never empty")
    checked = (_usable(checked_rows(table, schema), sealable) for table in rows)
    kept = pa.concat_tables([_empty(schema), *checked]).combine_chunks()
    for key, token_map in tokens.items():
        if token_map is not None and key in schema.keys:
            kept = _with_final_tokens(kept, token_column(key), token_map)
    return kept


def _usable(table: pa.Table, sealable: tuple[int, ...]) -> pa.Table:
    held = table["purposes"]
    serves = (pc.equal(pc.bit_wise_and(held, bits), bits) for bits in sealable)
    return table.filter(reduce(pc.or_, serves, pc.less(held, held)))  # starts from all False


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
    _check_range(table, "arm", NO_ARM, TEST if schema.has_arm else NO_ARM)


def _check_range(table: pa.Table, column: str, low: int, high: int) -> None:
    found = pc.min_max(table[column])
    if table.num_rows and not low <= found["min"].as_py() <= found["max"].as_py() <= high:
        raise FieldInvalid(field=column, expected=f"codes from {low} to {high}")


def _with_final_tokens(table: pa.Table, column: str, token_map: TokenMap) -> pa.Table:
    uploaded = table[column].combine_chunks()
    position = pc.index_in(uploaded, value_set=token_map.elements)
    if position.null_count != uploaded.null_count:
        raise TokenMissing(f"{column}: an uploaded element has no final token")
    index = table.column_names.index(column)
    return table.set_column(index, column, pc.take(token_map.tokens, position))


def _empty(schema: DatasetSchema) -> pa.Table:
    return pa.schema([*wire_schema(schema), *_measures_in_rows(schema)]).empty_table()

"""Leaves out the rows of people who withdrew; must not know how marks are kept.

Requires the marks of everybody who withdrew from the dataset. Ensures that no row stays that
is of a person, or holds a reference, that withdrew at or after the row's consent was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from cleanroom.engine.layout import token_column
from cleanroom.engine.order import Bytes, Flags, Ints, ranked, taken
from cleanroom.engine.people import Grouped, Identity, components, fixed_bytes, identity_of
from cleanroom.engine.rows import checked_rows, sealable_rows, usable
from cleanroom.model.dataset import DatasetSchema
from cleanroom.model.withdrawal import MARKED_BYTES, Marks

_NEVER = np.iinfo(np.int64).min


def staying_rows(
    read: Callable[[], Iterable[pa.Table]],
    schema: DatasetSchema,
    sealable: tuple[int, ...],
    marks: Marks,
) -> Iterable[pa.Table]:
    """Return the rows that may be sealed and whose person has not withdrawn since consenting.

    `read` gives the rows anew each time it is called. Who is a person is decided as sealing does:
    a row without a withdrawn reference of its own leaves with the rows it shares another one with.
    """
    stays = _staying(read(), schema, sealable, marks)
    return read() if stays is None else _filtered(read(), schema, sealable, stays)


def unmarked(table: pa.Table, marks: Marks) -> pa.Table:
    """Return the rows (of one chunk) that hold no reference withdrawn since their consent.

    Keeps rows that `staying_rows` leaves out for the sake of other rows, but none the other way.
    """
    times = np.full(table.num_rows, _NEVER)
    for name in table.column_names:
        if pa.types.is_fixed_size_binary(table.schema.field(name).type):
            column = table[name].combine_chunks()
            present = column.is_valid().to_numpy(zero_copy_only=False)
            found = _times(fixed_bytes(column)[present], marks)
            if found is not None:
                times[present] = np.maximum(times[present], found)
    stays = _after(np.asarray(table["consent_at"]), times)
    return table if stays.all() else table.filter(pa.array(stays))


def _filtered(
    tables: Iterable[pa.Table], schema: DatasetSchema, sealable: tuple[int, ...], stays: Flags
) -> Iterator[pa.Table]:
    start = 0
    for table in tables:
        rows = usable(checked_rows(table, schema), sealable)
        stop = start + rows.num_rows
        yield rows.filter(pa.array(stays[start:stop])).select(table.column_names)
        start = stop


def _staying(
    tables: Iterable[pa.Table], schema: DatasetSchema, sealable: tuple[int, ...], marks: Marks
) -> Flags | None:
    """Return which of the sealable rows (rows,) stay; None for all."""
    rows = sealable_rows(tables, schema, sealable)
    times = np.full(rows.count, _NEVER)
    identities: list[Identity] = []
    for name in ("ref", *(token_column(key) for key in schema.keys)):
        values, present = rows.fixed(name)
        ranks, places = ranked(values)
        found = _times(taken(values, places), marks)
        if found is not None:
            times[present] = np.maximum(times[present], found[ranks])
        identities.append(identity_of(ranks, taken(values, places, MARKED_BYTES), present))
    if (times == _NEVER).all():
        return None
    by_person = Grouped(components(identities, rows.count))
    withdrew = by_person.by_row(by_person.reduced(np.maximum, times))
    return _after(rows.integers()["consent_at"], withdrew)


def _times(values: Bytes, marks: Marks) -> Ints | None:
    """Return when each reference (n, width) withdrew, or None if none did."""
    hits = list(marks.hits(np.ascontiguousarray(values).reshape(-1).data, values.shape[1]))
    if not hits:
        return None
    times = np.full(len(values), _NEVER)
    positions, at_s = zip(*hits, strict=True)
    times[list(positions)] = at_s
    return times


def _after(consent_at: Ints, withdrew: Ints) -> Flags:
    stays: Flags = withdrew == _NEVER
    stays |= consent_at > withdrew
    return stays

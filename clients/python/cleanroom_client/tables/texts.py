"""Any Arrow column as text, so that every source is checked by one set of rules; no more."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def as_texts(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the values as a string array; null becomes the empty text.

    Whole floats lose their `.0` (a column of numbers with gaps is float in pandas), times become
    unix seconds (without a zone: UTC), bytes become hex digits.
    """
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.fill_null(_texts(flat), "")


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        # Unsafe only in that fractions of a second are dropped.
        zone = getattr(kind, "tz", None)
        seconds = column.cast(pa.timestamp("s", zone), safe=False)
        return seconds.cast(pa.int64()).cast(pa.string())
    if _is_plain(kind):
        return column.cast(pa.string())
    return _by_value(column)


def _by_value(column: pa.Array) -> pa.Array:
    """Write each different value once."""
    try:
        encoded = column.dictionary_encode()
    except pa.ArrowNotImplementedError:  # lists and the like
        return pa.array([_one(value) for value in column.to_pylist()], pa.string())
    texts = [_one(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _is_plain(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_integer,
        pa.types.is_decimal,
        pa.types.is_boolean,
        pa.types.is_null,
    )
    return any(test(kind) for test in tests)


def _one(value: object) -> str | None:
    match value:
        case None:
            return None
        case float() if value.is_integer():
            return str(int(value))
        case bytes():
            return value.hex()
        case _:
            return str(value)

"""The digest of a sealed version's content; must not know how the version is stored.

Bytes hashed (version 1): the domain line, then for each table its name, its number of rows and
its number of columns; for each column its name, its type, one validity byte for each row, and
the values in row order, little endian, zero where null. Texts and values are preceded by their
length in bytes; lengths and numbers are unsigned 64-bit little endian.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
import pyarrow as pa

from cleanroom.engine.people import fixed_bytes
from cleanroom.ports.tables import SealedTables

_DOMAIN = b"cleanroom/sealed-version/v1\n"


class _Sink(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...


def content_digest(tables: SealedTables) -> str:
    """Return the SHA-256 of the tables' content in hex; chunking does not matter."""
    digest = hashlib.sha256(_DOMAIN)
    named = (
        ("persons", tables.persons),
        ("events", tables.events),
        ("references", tables.references),
    )
    for name, table in named:
        _put(digest, name.encode())
        digest.update(_u64(table.num_rows) + _u64(table.num_columns))
        for column in table.column_names:
            _put(digest, column.encode())
            _put_column(digest, table[column].combine_chunks())
    return digest.hexdigest()


def _put_column(digest: _Sink, column: pa.Array) -> None:
    _put(digest, str(column.type).encode())
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    digest.update(valid.view(np.uint8).data)
    if pa.types.is_integer(column.type):
        integers = column.fill_null(0).to_numpy()
        _put(digest, integers.astype(integers.dtype.newbyteorder("<"), copy=False).data)
    else:
        values = fixed_bytes(column)
        zeroed = np.where(valid[:, None], values, np.uint8(0)) if column.null_count else values
        _put(digest, zeroed.data)


def _put(digest: _Sink, data: bytes | memoryview) -> None:
    digest.update(_u64(memoryview(data).nbytes))
    digest.update(data)


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")

"""Strict reading of one Arrow IPC stream whose sender is not trusted; must not know columns.

Arrow decompresses while it reads, and a column of nulls has any length for nothing, so a chunk of
1 MiB could ask for gigabytes before anything of it is looked at. Both are therefore found in the
messages' headers, before any buffer is touched: flatbuffers of Apache Arrow's format/Message.fbs,
which Arrow has verified.
"""

from __future__ import annotations

import struct

import pyarrow as pa

from cleanroom.model.errors import FieldInvalid

_MESSAGE_HEADER = 2  # Message.header, as numbered in Message.fbs
_BATCH_LENGTH, _BATCH_COMPRESSION = 0, 3  # of RecordBatch
_MESSAGES = frozenset({"schema", "record batch"})
_LEAST_ROW_BYTES = 24  # three consent columns of 8 bytes


def read_rows(data: bytes) -> pa.Table:
    """Return the rows of one uncompressed Arrow IPC stream; FieldInvalid for anything else."""
    try:
        _check_messages(data)
        table = pa.ipc.open_stream(data).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise FieldInvalid(field="data", expected="one Arrow IPC stream") from error
    return table


def _check_messages(data: bytes) -> None:
    rows = 0
    for message in pa.ipc.MessageReader.open_stream(data):
        if message.type not in _MESSAGES:
            raise FieldInvalid(field="data", expected="record batches without dictionaries")
        if message.type == "record batch":
            rows += _rows_of_plain_batch(message.metadata.to_pybytes())
    if rows * _LEAST_ROW_BYTES > len(data):
        raise FieldInvalid(field="data", expected="rows whose values are all in the chunk")


def _rows_of_plain_batch(metadata: bytes) -> int:
    """Return the rows that a record batch claims; raises FieldInvalid if it is compressed."""
    header = _field(metadata, _offset(metadata, 0), _MESSAGE_HEADER)
    if header is None:
        raise ValueError("a record batch without a header")
    batch = _offset(metadata, header)
    if _field(metadata, batch, _BATCH_COMPRESSION) is not None:
        raise FieldInvalid(field="data", expected="record batches without compression")
    length = _field(metadata, batch, _BATCH_LENGTH)
    (rows,) = (0,) if length is None else struct.unpack_from("<q", metadata, length)
    if rows < 0:
        raise ValueError("a record batch of less than no rows")
    return int(rows)


def _field(buffer: bytes, table: int, number: int) -> int | None:
    """Return where a table's field lies, None if it is absent (flatbuffers, "Tables")."""
    (back,) = struct.unpack_from("<i", buffer, table)
    vtable = table - back
    (size,) = struct.unpack_from("<H", buffer, vtable)
    slot = 4 + 2 * number  # behind the vtable's and the table's own size
    if slot + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", buffer, vtable + slot)
    return table + offset if offset else None


def _offset(buffer: bytes, position: int) -> int:
    (offset,) = struct.unpack_from("<I", buffer, position)
    return int(position + offset)

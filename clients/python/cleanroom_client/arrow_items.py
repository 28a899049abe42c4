"""Packed items as Arrow arrays and back, over the same memory; knows not what they are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cleanroom_client.packed import ITEM_BYTES, Packed, count_of

ITEM = pa.binary(ITEM_BYTES)


def pack(column: pa.FixedSizeBinaryArray) -> memoryview:
    """Return the values that are not null, in order; without nulls it is the array's own memory."""
    full = column.drop_null() if column.null_count else column
    if not len(full):
        return memoryview(b"")
    start = full.offset * ITEM_BYTES
    return memoryview(full.buffers()[1])[start : start + len(full) * ITEM_BYTES]


def unpack(packed: Packed) -> pa.FixedSizeBinaryArray:
    """Return the items as an array over the same memory; raises ValueError for a part of one."""
    return pa.Array.from_buffers(ITEM, count_of(packed), [None, pa.py_buffer(packed)])


def spread(packed: Packed, places: pa.Array) -> pa.FixedSizeBinaryArray:
    """Return each item at the next place that is not null in `places`, and null elsewhere.

    What lies under a null is zeros: it travels, so it must not be what was in memory before.
    Raises ValueError where there are not as many items as such places.
    """
    if count_of(packed) != len(places) - places.null_count:
        raise ValueError("there must be one item for each place")
    if not places.null_count:
        return unpack(packed)
    taken = places.is_valid().to_numpy(zero_copy_only=False)
    room = np.zeros((len(places), ITEM_BYTES), np.uint8)
    room[taken] = np.frombuffer(packed, np.uint8).reshape(-1, ITEM_BYTES)
    bits = np.packbits(taken, bitorder="little")
    buffers = [pa.py_buffer(bits), pa.py_buffer(room)]
    return pa.Array.from_buffers(ITEM, len(places), buffers, places.null_count)

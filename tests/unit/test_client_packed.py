"""Packed items to Arrow arrays and back."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_client.arrow_items import ITEM, pack, spread, unpack
from cleanroom_client.packed import count_of

_ITEMS = st.lists(st.none() | st.sampled_from([b"a" * 32, b"b" * 32, bytes(32)]), max_size=20)


@given(items=_ITEMS, start=st.integers(0, 4))
def test_packing_keeps_what_is_not_null_and_spreading_puts_it_back(items, start):
    column = pa.array(items, ITEM).slice(start)
    full = [item for item in items[start:] if item is not None]
    assert bytes(pack(column)) == b"".join(full)
    assert unpack(pack(column)).to_pylist() == full
    assert spread(pack(column), column).to_pylist() == items[start:]


def test_zeros_lie_under_a_null_whatever_was_there():
    places = pa.Array.from_buffers(
        ITEM, 3, [pa.py_buffer(bytes([0b101])), pa.py_buffer(b"secret" * 16)], 1
    )
    column = spread(b"\1" * 64, places)
    assert column.buffers()[1].to_pybytes() == b"\1" * 32 + bytes(32) + b"\1" * 32


def test_parts_of_items_and_other_numbers_are_refused():
    for part in (b"x", bytes(33), bytes(63)):
        with pytest.raises(ValueError, match="32 bytes each"):
            count_of(part)
        with pytest.raises(ValueError, match="32 bytes each"):
            unpack(part)
    for items in (0, 1, 3):
        with pytest.raises(ValueError, match="one item for each place"):
            spread(bytes(32 * items), pa.array([bytes(32), None, bytes(32)], ITEM))

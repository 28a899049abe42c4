"""Arrow IPC streams of a sender who is not trusted."""

from __future__ import annotations

import resource

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.engine.ipc import read_rows
from cleanroom.model.errors import FieldInvalid

CONSENT = ("purposes", "consent_at", "consent_until")
ZEROS = pa.table({name: pa.array([0, 1, 2], pa.int64()) for name in CONSENT})


def _stream(table, **options):
    sink = pa.BufferOutputStream()
    how = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, table.schema, options=how) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _most_memory_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_plain_stream_is_read_as_it_was_written():
    assert read_rows(_stream(ZEROS)) == ZEROS
    assert read_rows(_stream(ZEROS.slice(0, 0))).num_rows == 0


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_compressed_stream_is_refused_before_it_is_unpacked(codec):
    big = pa.table({name: np.zeros(2**22, dtype=np.int64) for name in CONSENT})
    bomb = _stream(big, compression=codec)
    del big
    before = _most_memory_mb()
    with pytest.raises(FieldInvalid, match="without compression"):
        read_rows(bomb)
    assert _most_memory_mb() - before < 32
    with pytest.raises(FieldInvalid, match="without compression"):
        read_rows(_stream(ZEROS, compression=codec))


def test_rows_that_are_only_claimed_are_refused():
    claimed = pa.table({"purposes": pa.nulls(2**22)})
    with pytest.raises(FieldInvalid, match="in the chunk"):
        read_rows(_stream(claimed))


def test_dictionaries_are_refused():
    table = ZEROS.append_column("city", pa.array(["a", "b", "a"]).dictionary_encode())
    with pytest.raises(FieldInvalid, match="without dictionaries"):
        read_rows(_stream(table))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_stream_is_refused_or_read_and_nothing_else(data):
    stream = bytearray(_stream(ZEROS))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(stream)))
    try:
        found = read_rows(bytes(stream[: max(cut, at)]))
    except FieldInvalid:
        return
    assert found.num_rows * 24 <= len(stream)

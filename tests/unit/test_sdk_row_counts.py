"""Hashes of rows and the count of those that repeat, exact or from a sample."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_client.content import content_digest
from cleanroom_client.tables.row_hashes import row_hashes
from cleanroom_client.tables.tally import Repeats

_LONG = "y" * 64
_TEXTS = st.sampled_from(["", "a", "a\0", "ab", "12345678", "123456789", _LONG, _LONG + "y", "é"])
_ROWS = st.lists(st.tuples(_TEXTS, _TEXTS), min_size=1, max_size=30)


def _columns(rows):
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]


@given(rows=_ROWS)
def test_rows_have_equal_hashes_exactly_where_they_are_equal(rows):
    hashes = row_hashes(_columns(rows)).tolist()
    same_rows = [[a == b for a in rows] for b in rows]
    assert [[a == b for a in hashes] for b in hashes] == same_rows


@given(rows=_ROWS, start=st.integers(0, 5))
def test_a_slice_has_the_hashes_of_its_rows(rows, start):
    whole = row_hashes(_columns(rows))
    parts = row_hashes([column.slice(start) for column in _columns(rows)])
    assert parts.tolist() == whole[start:].tolist()


def test_a_million_hashes_of_close_texts_do_not_collide():
    texts = pa.array([f"person{i}@example.com" for i in range(200_000)])
    assert len(np.unique(row_hashes([texts]))) == 200_000


@given(counts=st.lists(st.integers(0, 40), max_size=40), at_once=st.integers(1, 50))
def test_repeats_are_counted_exactly_while_there_is_room(counts, at_once):
    repeats = Repeats(most=50)
    for start in range(0, len(counts), at_once):
        repeats.add(np.array(counts[start : start + at_once], np.uint64))
        seen = counts[: start + at_once]
        assert repeats.count() == len(seen) - len(set(seen))


def test_above_its_room_the_count_is_an_estimate_in_bounded_memory():
    repeats = Repeats(most=4_096)
    entropy = np.random.default_rng(1)
    hashes = entropy.integers(0, 2**64, 80_000, np.uint64)
    for part in np.split(np.concatenate([hashes, hashes[:40_000]]), 24):
        repeats.add(part)
        assert repeats._count <= 4_096
        assert len(repeats._kept) <= 4_096 + 5_000
    assert repeats.count() == pytest.approx(40_000, rel=0.1)


@given(headers=st.lists(st.text(max_size=3), min_size=1, max_size=3, unique=True), rows=_ROWS)
def test_the_digest_of_a_table_is_over_counts_lengths_and_texts(headers, rows):
    first, *_ = _columns(rows)
    table = pa.table([first] * len(headers), names=headers)
    expected = hashlib.sha256(b"cleanroom-table/v1\0")
    for texts in (headers, *[[row[0] for row in rows]] * len(headers)):
        encoded = [text.encode() for text in texts]
        expected.update(len(encoded).to_bytes(8))
        expected.update(b"".join(len(text).to_bytes(4) for text in encoded) + b"".join(encoded))
    assert content_digest(table, ",") == expected.digest()

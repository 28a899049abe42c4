"""Sorting of rows: the same order as Python's own, for uniform and for chosen values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.engine import gathered, order
from cleanroom.engine.gathered import Gathered
from cleanroom.engine.order import ordering, ranked

_NUMBERS = st.sampled_from([-(2**63), -1, 0, 1, 2, 2**31, 2**63 - 1])
_ROWS = st.lists(st.tuples(_NUMBERS, _NUMBERS, st.integers(0, 2), _NUMBERS), max_size=40)


@given(rows=_ROWS)
def test_rows_are_ordered_by_each_column_in_turn_up_to_the_ends_of_64_bits(rows):
    columns = list(np.array(rows, dtype=np.int64).reshape(-1, 4).T)
    assert [rows[i] for i in ordering(columns)] == sorted(rows)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_narrow_columns_are_ordered_as_wide_ones(kind):
    column = np.array([5, -128, 127, 0, -1, 5], dtype=kind)
    assert column[ordering([column])].tolist() == [-128, -1, 0, 5, 5, 127]


@given(st.lists(st.integers(-3, 60), max_size=40) | st.permutations(range(30)))
def test_numbers_near_each_other_are_ordered_with_and_without_repeats(numbers):
    column = np.array(numbers, dtype=np.int32)
    assert column[ordering([column])].tolist() == sorted(numbers)
    assert sorted(ordering([column])) == list(range(len(numbers)))


@pytest.mark.parametrize("most", [0, 2**21])
def test_few_and_many_rows_are_ordered_and_ranked_alike(monkeypatch, most):
    """Of more rows than digits pay for, and of fewer."""
    monkeypatch.setattr(order, "MAX_WORDS", most)
    entropy = np.random.default_rng(most)
    _check_ranks([entropy.bytes(32) for _ in range(300)] * 2)
    column = entropy.integers(0, 2**31, 300).repeat(2)
    assert (column[ordering([column])] == np.sort(column)).all()


def _check_ranks(values):
    ranks, rows = ranked(np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 32))
    different = sorted(set(values))
    assert [values[i] for i in rows] == different
    assert [different[r] for r in ranks] == values


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=50))
def test_values_are_ranked_as_bytes(values):
    _check_ranks(values)


@pytest.mark.parametrize("shared", [8, 16, 24, 31])
def test_values_with_chosen_first_bytes_are_told_apart(shared):
    entropy = np.random.default_rng(shared)
    tails = [entropy.bytes(32 - shared) for _ in range(60)]
    heads = [b"\0" * shared, b"\xff" * shared, entropy.bytes(shared)]
    values = [heads[i % 3] + tails[i % 50] for i in range(200)]
    _check_ranks([*values, *(entropy.bytes(32) for _ in range(100))])


def test_columns_in_several_blocks_come_out_whole(monkeypatch):
    monkeypatch.setattr(gathered, "_BLOCK", 7)
    kind = pa.schema([pa.field("n", pa.int16()), pa.field("v", pa.binary(16))])
    values = [None if i % 3 == 0 else bytes([i]) * 16 for i in range(33)]
    rows = Gathered(kind)
    for begin, end in ((0, 5), (5, 5), (5, 26), (26, 33)):
        piece = pa.array(values[begin:end], pa.binary(16))
        rows.add(pa.table([pa.array(range(begin, end), pa.int16()), piece], schema=kind))
    found, present = rows.fixed("v")
    assert rows.integers()["n"].tolist() == list(range(33))
    assert present.tolist() == [v is not None for v in values]
    assert [bytes(row) for row in found] == [v for v in values if v is not None]

"""Shards of one padded size, and where in them an element lies."""

from __future__ import annotations

import secrets

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanroom.usecases import spread
from cleanroom.usecases.elements import room
from cleanroom.usecases.spread import (
    MIN_BUCKET,
    SHARD_ELEMENTS,
    ShardTooSmall,
    Spread,
    assert_room,
    bucket,
    padded,
    shard_size,
    shards_for,
)


def _points(n):
    return np.frombuffer(secrets.token_bytes(32 * n), dtype=np.uint8).reshape(-1, 32)


@given(st.integers(1, 10**8))
def test_padding_costs_at_most_an_eighth_and_hides_the_size_within_a_bucket(n):
    size = bucket(n)
    assert size >= n
    assert size == MIN_BUCKET or size <= n + max(1, n // 7)
    assert bucket(size) == size


@given(st.integers(0, 10**8))
def test_shards_are_of_bounded_size_and_cost_a_fiftieth_more_than_the_bucket(n):
    shards, size = shards_for(n), shard_size(n)
    assert shards & (shards - 1) == 0
    assert shards * room(size) >= (n if shards == 1 else padded(n))
    assert size <= 1.15 * SHARD_ELEMENTS
    if shards > 1:
        assert size > SHARD_ELEMENTS / 2
        assert shards * size <= 1.02 * padded(n)


@given(st.integers(0, 10**8) | st.integers(SHARD_ELEMENTS * 9 // 10, SHARD_ELEMENTS * 11 // 10))
@example(SHARD_ELEMENTS - 2_000)  # one bucket with what is planted, another without
def test_number_and_size_of_shards_say_no_more_than_one_of_eight_steps_in_a_doubling(n):
    most = room(padded(n))
    least = 0 if most == room(MIN_BUCKET) else room(_step_below(padded(n))) + 1
    assert least <= n <= most
    assert most - least >= most / 17
    shapes = {(shards_for(m), shard_size(m)) for m in (least, n, most)}
    assert len(shapes) == 1
    if shards_for(n) == 1:
        assert shapes == {(1, padded(n))}


def _step_below(size):
    """Return the next smaller bucket: a step is a power of two, 1/16 to 1/8 of the size."""
    step = 1 << (size - 1).bit_length() - 4
    return size - step


def test_a_shard_has_room_for_ten_standard_deviations():
    n, shards = 20_000_000, shards_for(20_000_000)
    mean = padded(n) / shards
    assert room(shard_size(n)) >= mean + 9.9 * mean**0.5
    with pytest.raises(ShardTooSmall):
        assert_room(shard_size(n), room(shard_size(n)) + 1)


@pytest.mark.parametrize("same", [slice(0, 0), slice(0, 16), slice(16, 32), slice(4, 30)])
def test_no_sender_can_choose_where_its_elements_lie(same):
    """Whatever part of them is alike: 8 shards of 2,000 within six standard deviations."""
    points = _points(16_000).copy()
    points[:, same] = 9
    places = Spread(key=secrets.token_bytes(32), parts=8).places(points)
    counts = np.bincount(places, minlength=8)
    assert len(counts) == 8
    assert abs(counts - 2_000).max() < 6 * 2_000**0.5


def test_a_place_depends_on_the_key_and_a_finer_one_lies_in_a_coarser():
    points, key = _points(1_000), secrets.token_bytes(32)
    fine, coarse = (Spread(key=key, parts=parts).places(points) for parts in (16, 4))
    assert (fine // 4 == coarse).all()
    other = Spread(key=secrets.token_bytes(32), parts=4).places(points)
    assert 150 < (other == coarse).sum() < 350
    assert Spread(key=key, parts=1).places(points).max() == 0


def test_a_spread_reads_what_it_wrote_and_refuses_the_rest():
    whole = Spread(key=bytes(range(32)), parts=32)
    assert Spread.from_bytes(whole.to_bytes()) == whole
    assert bytes(range(32)).hex() not in repr(whole)
    for bad in (b"", whole.to_bytes()[:-1], whole.to_bytes()[:32] + b"\0\0\0\3"):
        with pytest.raises(ValueError, match="spread"):
            Spread.from_bytes(bad)
    assert spread.KEY_BYTES == 32

"""Batches that a relay party sees, and the check of what it returns."""

from __future__ import annotations

import secrets

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.model.errors import BadElement, FieldInvalid, RelayMisbehaved
from cleanroom.usecases.elements import (
    _LOW_ORDER,
    check_answers,
    check_points,
    distinct,
    find,
    make_batch,
    room,
    size_for,
    unpack,
)
from cleanroom.usecases.spread import shard_size

P = 2**255 - 19


class SystemEntropy:
    def token_bytes(self, n):
        return secrets.token_bytes(n)

    def points(self, n):
        return [_point() for _ in range(n)]


def _point():
    return (9 + secrets.randbelow(P - 100)).to_bytes(32, "little")


def _points(n):
    return unpack(b"".join(_point() for _ in range(n)), "x")


def _honest(points):
    """Stand in for a secret: an injective map without fixed points."""
    return points ^ np.uint8(0x15) & np.uint8(0x7F)


def _batch(n=600, known=None):
    """Return a batch of n elements with padding, and the size it was to have."""
    size = shard_size(n)
    planted = _points(8) if known is None else known
    rows = np.concatenate([_points(room(size)), planted])
    return make_batch(rows, size, SystemEntropy())


def test_a_batch_restores_to_its_list_whatever_its_shuffle():
    size = shard_size(700)
    rows = _points(room(size) + 8)
    batch = make_batch(rows, size, SystemEntropy())
    assert len(batch.points) == size
    assert (check_answers(batch, _honest(batch.points), None, "x") == _honest(rows)).all()


def test_two_batches_of_one_list_come_in_different_orders():
    rows = _points(room(1024) + 8)
    a, b = (make_batch(rows, 1024, SystemEntropy()) for _ in range(2))
    assert not (a.points == b.points).all()


def test_every_row_is_sent_and_as_many_come_twice_whatever_they_are():
    """Padding too, else the number of repeats or their absence would tell it from elements."""
    counts = np.zeros(room(1024) + 8, dtype=int)
    for _ in range(60):
        batch = make_batch(_points(room(1024) + 8), 1024, SystemEntropy())
        often = np.bincount(batch.source)
        assert sorted(set(often)) == [1, 2]
        assert (often == 2).sum() == 36
        counts += often == 2
    thirds = [part.sum() for part in np.array_split(counts, 3)]
    assert min(thirds) > 60 * 36 / 3 * 0.8


@given(st.integers(1, 2**27))
def test_a_batch_has_room_for_what_it_is_made_for(elements):
    size = size_for(elements)
    assert room(size) >= elements > room(size - 1)


def test_an_honest_party_passes():
    batch = _batch()
    assert len(check_answers(batch, _honest(batch.points), None, "megamart")) == room(1024) + 8


def _two_keys(points):
    answers = _honest(points).copy()
    answers[len(points) // 2 :, 0] ^= 0x55
    return answers


def _equal_halves(points):
    answers = _honest(points).copy()
    answers[0, :16] = answers[1, :16]
    return answers


def _equal_words(points):
    """Two answers that share the word by which they are compared first, and differ after it."""
    answers = _honest(points).copy()
    same = (points == points[0]).all(axis=1)
    answers[same, :8] = answers[~same][0, :8]
    return answers


CHEATS = {
    "two answers with equal halves": _equal_halves,
    "unchanged": lambda p: p.copy(),
    "one answer for all": lambda p: np.tile(_honest(p[:1]), (len(p), 1)),
    "two keys": _two_keys,
    "rubbish": lambda p: _points(len(p)),
    "reversed": lambda p: _honest(p)[::-1],
    "rotated": lambda p: np.roll(_honest(p), 1, axis=0),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_party_that_does_not_use_one_key_is_named(cheat):
    batch = _batch()
    with pytest.raises(RelayMisbehaved) as caught:
        check_answers(batch, cheat(batch.points), None, "megamart")
    assert caught.value.party == "megamart"


def test_answers_that_differ_behind_their_first_word_are_different():
    batch = _batch()
    answers = _equal_words(batch.points)
    assert len(check_answers(batch, answers, None, "megamart")) == room(1024) + 8


def test_a_party_that_changes_its_key_between_batches_is_named():
    planted = _points(8)
    batch = _batch(known=planted)
    check_answers(batch, _honest(batch.points), _honest(planted), "megamart")
    with pytest.raises(RelayMisbehaved, match="two ways"):
        check_answers(batch, _honest(batch.points), _honest(planted) ^ np.uint8(1), "megamart")


def _shared_first_words(n):
    """Points that their sender gave one first word, two of each, far apart."""
    points = np.concatenate([_points(n)] * 2)
    points[:, :8] = 7
    return points


@pytest.mark.parametrize("make", [_points, _shared_first_words])
def test_distinct_points_are_those_of_a_set(make):
    points = np.concatenate([make(300)] * 2)
    found = [row.tobytes() for row in distinct(points)]
    assert len(found) == len(set(found))
    assert set(found) == {row.tobytes() for row in points}


def test_known_points_are_found_where_they_are():
    known, strange = distinct(_points(500)), _points(3)
    near = known[:1].copy()
    near[0, 31] ^= 1
    wanted = np.concatenate([known[7:9], strange, near])
    assert find(wanted, known).tolist() == [7, 8, -1, -1, -1, -1]
    assert find(wanted, known[:0]).tolist() == [-1] * 6


def test_good_points_pass():
    assert check_points(_points(500), "x") is None


BAD = {
    "top bit": (2**255 + 9).to_bytes(32, "little"),
    "p": P.to_bytes(32, "little"),
    "p + 1": (P + 1).to_bytes(32, "little"),
    "2^255 - 1": (2**255 - 1).to_bytes(32, "little"),
} | {f"low order {i}": u for i, u in enumerate(sorted(_LOW_ORDER))}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_point_is_refused_with_its_position(bad):
    packed = b"".join([*(_point() for _ in range(5)), bad])
    with pytest.raises(BadElement) as refused:
        check_points(unpack(packed, "tok_email"), "tok_email")
    assert (refused.value.field, refused.value.position) == ("tok_email", 5)


def test_the_largest_canonical_coordinate_that_is_not_of_low_order_passes():
    assert check_points(unpack((P - 2).to_bytes(32, "little"), "x"), "x") is None


def test_a_ragged_chunk_is_refused():
    with pytest.raises(FieldInvalid):
        unpack(bytes(33), "elements")

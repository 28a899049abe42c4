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
    MIN_BUCKET,
    Batch,
    bucket,
    check_answers,
    check_points,
    make_batch,
    restore,
    unpack,
)

P = 2**255 - 19
NONE = np.zeros((0, 32), dtype=np.uint8)


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


@given(st.integers(1, 10**8))
def test_padding_costs_at_most_an_eighth_and_hides_the_size_within_a_bucket(n):
    padded = bucket(n)
    assert padded >= n
    assert padded == MIN_BUCKET or padded <= n + max(1, n // 7)
    assert bucket(padded) == padded


def test_a_batch_restores_to_its_origin_whatever_its_shuffle():
    origin = _points(700)
    batch = make_batch(origin, _points(8), SystemEntropy())
    assert len(batch.points) == bucket(700 + 34 + 8)
    again = Batch.from_bytes(batch.to_bytes())
    assert (restore(again, again.points, 700) == origin).all()


def test_two_batches_of_one_origin_come_in_different_orders():
    origin = _points(600)
    a, b = (make_batch(origin, NONE, SystemEntropy()) for _ in range(2))
    assert not (a.points == b.points).all()


def test_every_batch_plants_repeats():
    batch = make_batch(_points(600), NONE, SystemEntropy())
    mine = batch.source[batch.source >= 0]
    assert len(mine) - len(np.unique(mine)) >= 32


def test_an_honest_party_passes():
    batch = make_batch(_points(600), NONE, SystemEntropy())
    known = batch.points[:3], _honest(batch.points[:3])
    check_answers(batch, _honest(batch.points), known, "megamart")
    assert len(batch.points) >= 600


def _two_keys(points):
    answers = _honest(points).copy()
    answers[len(points) // 2 :, 0] ^= 0x55
    return answers


def _equal_halves(points):
    answers = _honest(points).copy()
    answers[0, :16] = answers[1, :16]
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
    batch = make_batch(_points(600), NONE, SystemEntropy())
    with pytest.raises(RelayMisbehaved) as caught:
        check_answers(batch, cheat(batch.points), (NONE, NONE), "megamart")
    assert caught.value.party == "megamart"


def test_a_party_that_changes_its_key_between_batches_is_named():
    batch = make_batch(_points(600), _points(8), SystemEntropy())
    known = batch.points[:8], _honest(batch.points[:8]) ^ np.uint8(1)
    with pytest.raises(RelayMisbehaved, match="two ways"):
        check_answers(batch, _honest(batch.points), known, "megamart")


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

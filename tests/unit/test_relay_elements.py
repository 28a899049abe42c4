"""Batches that a relay party sees, and the check of what it returns."""

from __future__ import annotations

import dataclasses
import secrets
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.model.errors import BadElement, FieldInvalid, RelayMisbehaved
from cleanroom.usecases import pieces
from cleanroom.usecases.elements import (
    _LOW_ORDER,
    BASE_POINTS,
    _shuffled,
    check_answers,
    check_points,
    distinct,
    find,
    make_batch,
    planted_from,
    room,
    size_for,
    unpack,
)
from cleanroom.usecases.planted import Mask, multiples
from cleanroom.wiring.environment import SystemCurve, SystemEntropy

P = 2**255 - 19
SIZE = 1024
SECRET, OTHER = secrets.token_bytes(32), secrets.token_bytes(32)
ENTROPY, CURVE = SystemEntropy(), SystemCurve()


def _points(n):
    """Points of the curve's prime-order subgroup, as every honest list holds."""
    return unpack(b"".join(ENTROPY.points(n)), "x")


BASE = _points(BASE_POINTS)


def _honest(points, secret=SECRET):
    return multiples(points, secret, CURVE)


def _batch(rows=None, base=BASE):
    rows = _points(room(SIZE)) if rows is None else rows
    return make_batch([rows], base, SIZE, ENTROPY, CURVE)


def _sent(batch):
    return np.concatenate(list(batch.pieces()))


def _checked(batch, answers, known=None):
    return check_answers(batch, [answers], known, "megamart", CURVE)


def _caught(batch, answers, known=None):
    """Return why the answers were refused, or nothing."""
    try:
        _checked(batch, answers, known)
    except RelayMisbehaved as error:
        return f"{error.party}: {error.why}"
    return ""


def test_a_batch_restores_to_its_list_whatever_its_shuffle():
    rows = _points(room(SIZE))
    batch = _batch(rows)
    assert len(_sent(batch)) == SIZE
    answers, base = _checked(batch, _honest(_sent(batch)))
    assert (answers == _honest(rows)).all()
    assert (base.answers == _honest(multiples(BASE, batch.secret, CURVE))).all()


def test_two_batches_of_one_list_come_in_different_orders():
    rows = _points(room(SIZE))
    a, b = (_batch(rows) for _ in range(2))
    assert not (_sent(a) == _sent(b)).all()


class _TyingEntropy:
    """Draws first halves of which many are equal."""

    def __init__(self, halves):
        self._first = [np.array(halves, dtype=np.uint32).tobytes()]

    def token_bytes(self, n):
        return self._first.pop() if self._first else secrets.token_bytes(n)


@pytest.mark.parametrize("halves", [(1, 1, 1), (2, 1, 2)])
def test_numbers_whose_first_halves_tie_are_shuffled_by_the_rest(halves):
    """Each order that the halves leave open comes as often as the others."""
    drawn = Counter(tuple(_shuffled(3, _TyingEntropy(halves))) for _ in range(1200))
    if halves == (1, 1, 1):
        assert set(drawn) == set(permutations(range(3)))
    else:
        assert set(drawn) == {(1, 0, 2), (1, 2, 0)}
    assert min(drawn.values()) > 0.6 * 1200 / len(drawn)


def test_every_order_of_a_batch_is_as_likely():
    drawn = Counter(tuple(_shuffled(4, ENTROPY)) for _ in range(4800))
    assert set(drawn) == set(permutations(range(4)))
    assert min(drawn.values()) > 120  # of 200 expected: six standard deviations
    assert max(drawn.values()) < 290


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_batch_is_not_made_of_a_list_that_does_not_fill_it(wrong):
    """Else what follows would stand for other rows than the order says."""
    with pytest.raises(ValueError):  # noqa: PT011 - NumPy's own, or ours
        _batch(_points(room(SIZE) + wrong))


def test_a_batch_in_pieces_is_the_same(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_POINTS", 256)
    batch = _batch()
    assert [len(piece) for piece in batch.pieces()] == [256] * 4
    assert (batch.points_of(batch.source[[1, 700, 3]]) == _sent(batch)[[1, 700, 3]]).all()
    in_pieces = [_honest(piece) for piece in batch.pieces()]
    answers, _ = check_answers(batch, in_pieces, None, "megamart", CURVE)
    whole = dataclasses.replace(batch, pieces=lambda: [_sent(batch)])
    assert (answers == _checked(whole, _honest(_sent(batch)))[0]).all()
    in_pieces[2] = np.concatenate([in_pieces[2][:-1], list(batch.pieces())[2][-1:]])
    with pytest.raises(RelayMisbehaved, match="unchanged"):
        check_answers(batch, in_pieces, None, "megamart", CURVE)


def test_no_point_of_a_batch_comes_twice_nor_but_for_its_list_again_in_the_next():
    """A repeat that a party can see is one that it can answer like the first."""
    rows = _points(room(SIZE))
    first, second = ({p.tobytes() for p in _sent(_batch(rows))} for _ in range(2))
    assert len(first) == len(second) == SIZE
    assert first & second == {p.tobytes() for p in rows}
    assert not first & {p.tobytes() for p in BASE}


def test_every_row_is_sent_once_and_as_many_have_a_multiple_whatever_they_are():
    """Padding too, else the number of multiples would say how many elements there are."""
    counts = np.zeros(room(SIZE), dtype=int)
    rows = _points(room(SIZE))
    for _ in range(60):
        batch = _batch(rows)
        assert sorted(batch.source) == list(range(SIZE))
        assert len(set(batch.picks)) == len(batch.picks) == 128 + SIZE // 256
        counts[batch.picks] += 1
    thirds = [part.sum() for part in np.array_split(counts, 3)]
    assert min(thirds) > counts.sum() / 3 * 0.9


def test_what_is_planted_can_be_kept_as_bytes():
    batch = _batch()
    secret, picks = planted_from(batch.planted_bytes())
    assert secret == batch.secret
    assert picks.tolist() == batch.picks.tolist()


@given(st.integers(1, 2**27))
def test_a_batch_has_room_for_what_it_is_made_for(elements):
    size = size_for(elements)
    assert room(size) >= elements > room(size - 1)


def _two_keys(points):
    half = len(points) // 2
    return np.concatenate([_honest(points[:half]), _honest(points[half:], OTHER)])


def _key_by_point(points):
    return np.where(points[:, :1] & 1, _honest(points), _honest(points, OTHER))


def _permuted_by_point(points):
    """Give each point the answer of the next one in numeric order."""
    order = np.lexsort(points.T)
    answers = _honest(points).copy()
    answers[order] = answers[np.roll(order, 1)]
    return answers


def _some_equal_halves(points):
    """Every second answer shares its stored half with the one before, whichever are planted."""
    answers = _honest(points).copy()
    answers[::2, :16] = answers[1::2, :16]
    return answers


CHEATS = {
    "answers with equal halves": _some_equal_halves,
    "unchanged": lambda p: p.copy(),
    "one unchanged": lambda p: np.concatenate([p[:1], _honest(p[1:])]),
    "one answer for all": lambda p: np.tile(_honest(p[:1]), (len(p), 1)),
    "two keys": _two_keys,
    "two keys chosen by the element": _key_by_point,
    "permuted by the element": _permuted_by_point,
    "rubbish": lambda p: _points(len(p)),
    "reversed": lambda p: _honest(p)[::-1],
    "rotated": lambda p: np.roll(_honest(p), 1, axis=0),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_party_that_does_not_use_one_key_is_named(cheat):
    batch = _batch()
    assert _caught(batch, cheat(_sent(batch))).startswith("megamart: ")


def _places(batch, *rows):
    """Return where rows of the list stand in the batch."""
    place = np.argsort(batch.source)
    return [place[row] for row in rows]


def _unpicked(batch):
    return sorted(set(range(room(SIZE))) - set(batch.picks.tolist()))


@pytest.mark.parametrize("bytes_alike", [16, 32])
def test_one_answer_for_two_elements_is_found_without_any_planted_one(bytes_alike):
    batch = _batch()
    one, other = _places(batch, *_unpicked(batch)[:2])
    answers = _honest(_sent(batch)).copy()
    answers[one, :bytes_alike] = answers[other, :bytes_alike]
    assert _caught(batch, answers) == "megamart: two elements were answered in one way"


def test_answers_that_differ_behind_their_first_word_are_different():
    batch = _batch()
    one, other = _places(batch, *_unpicked(batch)[:2])
    answers = _honest(_sent(batch)).copy()
    answers[one, :8] = answers[other, :8]
    assert not _caught(batch, answers)


def test_wrong_answers_escape_exactly_where_no_planted_element_belongs_to_them():
    """Whence the odds of planted.py: r picks all miss k of n elements."""
    batch = _batch()
    honest, other = _honest(_sent(batch)), _honest(_sent(batch), OTHER)

    def caught(*rows):
        wrong = np.isin(batch.source, rows)[:, None]
        return bool(_caught(batch, np.where(wrong, other, honest)))

    picked, free = set(batch.picks.tolist()), _unpicked(batch)
    assert all(caught(row) for row in picked)
    assert not caught(*free)
    assert caught(*free, min(picked))


def test_a_party_that_changes_its_key_between_batches_is_named():
    first, second = _batch(), _batch()
    _, known = _checked(first, _honest(_sent(first)))
    assert not _caught(second, _honest(_sent(second)), known)
    assert "two ways" in _caught(second, _honest(_sent(second), OTHER), known)


def test_a_mask_comes_off_behind_any_number_of_secrets():
    rows = _points(40)
    masks = [Mask.fresh(ENTROPY) for _ in range(20)]
    for mask in masks:
        again = Mask.from_bytes(mask.to_bytes())
        masked = multiples(rows, mask.on, CURVE)
        assert not {p.tobytes() for p in masked} & {p.tobytes() for p in rows}
        passed = _honest(_honest(masked), OTHER)
        assert (multiples(passed, again.off, CURVE) == _honest(_honest(rows), OTHER)).all()
    assert len({mask.on for mask in masks}) == len(masks)


def test_a_mask_is_made_of_clamped_secrets_as_every_x25519_takes_them():
    for _ in range(50):
        mask = Mask.fresh(ENTROPY)
        for half in (mask.on, mask.off):
            assert half[0] & 7 == 0
            assert half[31] >> 6 == 1
    with pytest.raises(ValueError, match="64 bytes"):
        Mask.from_bytes(bytes(63))


def test_the_curve_gives_the_same_with_and_without_the_kernel(monkeypatch):
    rows = _points(20)
    native = _honest(rows)
    monkeypatch.setenv("CLEANROOM_KERNEL", "python")
    assert (_honest(rows) == native).all()
    key = X25519PrivateKey.from_private_bytes(SECRET)
    each = (key.exchange(X25519PublicKey.from_public_bytes(p.tobytes())) for p in rows)
    assert native.tobytes() == b"".join(each)


def _with_low_order(point):
    """Return the u-coordinate of P + (0, 0), the point of order 2: 1/u."""
    u = int.from_bytes(point.tobytes(), "little")
    return pow(u, -1, P).to_bytes(32, "little")


def test_an_uploader_cannot_have_a_party_named_by_points_that_every_secret_answers_alike():
    honest = _points(room(SIZE) // 2)
    rows = np.concatenate([honest, unpack(b"".join(map(_with_low_order, honest)), "x")])
    batch = _batch(rows)
    answers, _ = _checked(batch, _honest(_sent(batch)))
    assert len(np.unique(answers, axis=0)) == len(honest)
    onward = _batch(answers)
    assert not _caught(onward, _honest(_sent(onward), OTHER))


def _shared_first_words(n):
    """Points that their sender gave one first word, two of each, far apart."""
    points = np.concatenate([_points(n)] * 2)
    points[:, :8] = 7
    return points


@pytest.mark.parametrize("make", [_points, _shared_first_words])
def test_distinct_points_are_those_of_a_set(make):
    points = np.concatenate([make(300)] * 2)
    found = [row.tobytes() for row in distinct(points)]
    assert found == sorted({row.tobytes() for row in points})


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
    packed = b"".join([*ENTROPY.points(5), bad])
    with pytest.raises(BadElement) as refused:
        check_points(unpack(packed, "tok_email"), "tok_email")
    assert (refused.value.field, refused.value.position) == ("tok_email", 5)


def test_the_largest_canonical_coordinate_that_is_not_of_low_order_passes():
    assert check_points(unpack((P - 2).to_bytes(32, "little"), "x"), "x") is None


def test_a_ragged_chunk_is_refused():
    with pytest.raises(FieldInvalid):
        unpack(bytes(33), "elements")

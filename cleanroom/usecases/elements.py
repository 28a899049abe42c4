"""Packed curve points: hygiene, shuffled batches, and the check of what a party returns.

Must not know tasks or storage. Arrays are (n, 32) uint8, one little-endian u-coordinate a row.
Points are uniform unless their sender chose them, so rows are compared by their first 8 bytes,
and whole only where those are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cleanroom.model.errors import BadElement, FieldInvalid, RelayMisbehaved
from cleanroom.ports.environment import Curve, Entropy
from cleanroom.usecases.planted import (
    SECRET_BYTES,
    Points,
    multiples,
    same_but_for_low_order,
)

POINT_BYTES = 32
STORED_BYTES = 16  # of a token in a sealed version; chance makes no two halves equal
MIN_PICKS = 128  # plus one for every 256 elements; planted.py has the odds
BASE_POINTS = 8

Words = NDArray[np.uint64]  # (n, 4), the same bytes

_WORDS = POINT_BYTES // 8
_P = 2**255 - 19
# u-coordinates of low order in canonical form; X25519 maps them to zero (RFC 7748, section 6.1).
_ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
_LOW_ORDER = frozenset(u.to_bytes(POINT_BYTES, "little") for u in (0, 1, _P - 1, *_ORDER_8))
_LOW_FIRST = np.array([int.from_bytes(u[:8], "little") for u in _LOW_ORDER], dtype=np.uint64)
_LARGE_LAST = np.uint64(2**63 - 1)  # the last word of p, and of everything above p
_MAX_LOW_ORDER_CHECKS = 1024


def unpack(packed: bytes, field: str) -> Points:
    """Return packed points as rows; raises FieldInvalid unless the length is a multiple of 32."""
    if len(packed) % POINT_BYTES:
        raise FieldInvalid(field=field, expected=f"elements of {POINT_BYTES} bytes each")
    return np.frombuffer(packed, dtype=np.uint8).reshape(-1, POINT_BYTES)


def words_of(points: Points) -> Words:
    """Return the rows as four little-endian words each; a view where the rows lie together."""
    return np.ascontiguousarray(points).view(np.dtype("<u8")).reshape(-1, _WORDS)


def joined(parts: list[Points]) -> Points:
    """Return the rows of all parts, in order; none for no parts."""
    return np.concatenate(parts) if parts else np.zeros((0, POINT_BYTES), dtype=np.uint8)


def check_points(points: Points, field: str) -> None:
    """Raise BadElement for the first row that is non-canonical or of low order.

    Does not verify that a point is in the prime-order subgroup: the clamped scalar of X25519 is
    a multiple of the cofactor, and points of the twist only break their sender's own matches.
    """
    words = words_of(points)
    # Every bad point has the last word of p or a larger one, or the first of one of low order.
    suspects = words[:, _WORDS - 1] >= _LARGE_LAST
    for first in _LOW_FIRST:
        suspects |= words[:, 0] == first
    for position in np.flatnonzero(suspects):
        point = points[position].tobytes()
        if int.from_bytes(point, "little") >= _P:
            raise BadElement(field=field, position=int(position), why="not canonical")
        if point in _LOW_ORDER:
            raise BadElement(field=field, position=int(position), why="low order")


def distinct(points: Points) -> Points:
    """Return the different rows, ordered by their first word."""
    words = words_of(points)
    words = words.take(np.argsort(words[:, 0]), axis=0)  # far quicker than words[...] for rows
    ties = 1 + np.flatnonzero(words[1:, 0] == words[:-1, 0])
    if not len(ties):
        return words.view(np.uint8)
    if (words[ties] != words[ties - 1]).any():
        # Different rows with one first word: their sender made them so. Equal ones may be apart.
        words = words.take(np.lexsort(words.T[::-1]), axis=0)
    same = (words[ties] == words[ties - 1]).all(axis=1)  # ties are where they were
    kept = np.ones(len(words), dtype=np.bool_)
    kept[ties[same]] = False
    return words[kept].view(np.uint8)


def find(wanted: Points, known: Points) -> NDArray[np.int64]:
    """Return for each wanted row the position of an equal known row, or -1.

    Of known rows that share their first word only one is found; chance makes no two.
    """
    ours, theirs = words_of(wanted), words_of(known)
    if not len(theirs):
        return np.full(len(ours), -1, dtype=np.int64)
    order = np.argsort(theirs[:, 0])
    first = theirs[:, 0].take(order)
    place = np.minimum(np.searchsorted(first, ours[:, 0]), len(order) - 1)
    near = np.flatnonzero(first.take(place) == ours[:, 0])
    position = order.take(place.take(near))
    equal = (theirs.take(position, axis=0) == ours.take(near, axis=0)).all(axis=1)
    found = np.full(len(ours), -1, dtype=np.int64)
    found[near[equal]] = position[equal]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one party is sent: `points` in shuffled order.

    Point i stands for row `source[i]` of: the list; then the multiples, under `secret`, of its rows
    `picks`; then those of the party's base points.
    """

    points: Points
    source: NDArray[np.uint32]
    picks: NDArray[np.uint32]
    secret: bytes = field(repr=False)

    def planted_bytes(self) -> bytes:
        """Return what is secret of the batch but its order."""
        return self.secret + self.picks.tobytes()


def planted_from(data: bytes) -> tuple[bytes, NDArray[np.uint32]]:
    """Return secret and picks from `planted_bytes`."""
    return data[:SECRET_BYTES], np.frombuffer(data[SECRET_BYTES:], dtype=np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How a party answered its base points once: multiples of them under `secret`."""

    secret: bytes = field(repr=False)
    answers: Points


def room(size: int) -> int:
    """Return how many elements, padding included, a batch of `size` points has room for."""
    return size - BASE_POINTS - _picks(size)


def _picks(size: int) -> int:
    return MIN_PICKS + size // 256


def size_for(elements: int) -> int:
    """Return the least size of a batch that has room for so many elements."""
    size = elements + BASE_POINTS + _picks(elements)
    while room(size) < elements:
        size += 1
    return size


def make_batch(rows: Points, base: Points, size: int, entropy: Entropy, curve: Curve) -> Batch:
    """Return the rows and what is planted, freshly shuffled.

    Requires: the rows are `room(size)` in number, the base points BASE_POINTS.
    Ensures: the order is uniform; which rows have a multiple is uniform among all of them, padding
    included; so all that can be seen of the number of elements is the size.
    """
    picks = _choice(len(rows), _picks(size), entropy)
    secret = entropy.token_bytes(SECRET_BYTES)
    some = words_of(rows).take(picks, axis=0).view(np.uint8)
    everything = np.concatenate([rows, multiples(np.concatenate([some, base]), secret, curve)])
    source = np.argsort(_random_words(size, entropy)).astype(np.uint32)
    points = words_of(everything).take(source, axis=0).view(np.uint8)
    return Batch(points=points, source=source, picks=picks, secret=secret)


def _choice(n: int, count: int, entropy: Entropy) -> NDArray[np.uint32]:
    """Return `count` numbers below n, uniformly; a 64-bit remainder's bias is nil.

    They are different, unless n is smaller than it is for any bucket.
    """
    found = np.empty(0, dtype=np.uint64)
    if n < 2 * count:
        return (_random_words(count, entropy) % np.uint64(n)).astype(np.uint32)
    while True:
        more = _random_words(2 * count, entropy) % np.uint64(n)
        found = np.concatenate([found, more])
        _, first = np.unique(found, return_index=True)
        if len(first) >= count:
            return found[np.sort(first)[:count]].astype(np.uint32)


def _random_words(n: int, entropy: Entropy) -> NDArray[np.uint64]:
    return np.frombuffer(entropy.token_bytes(8 * n), dtype=np.uint64)


def check_answers(
    batch: Batch, answers: Points, known: Reference | None, party: str, curve: Curve
) -> tuple[Points, Reference]:
    """Return the answer of each row of the list, and how the base points were answered.

    Raises RelayMisbehaved unless one secret could have answered all of it: one must lie behind every
    row picked and its multiple, and behind the base points here and in the party's first batch
    (`known`); two rows must have two answers, in the half that is stored; none may come back as it
    was. Requires canonical answers, none of low order (`check_points`).
    Does not verify that answers are multiples at all, nor that they are free of a part of low
    order: a party that errs in the same way for every element only loses matches.
    """
    sent, got = words_of(batch.points), words_of(answers)
    unchanged = sent[:, 0] == got[:, 0]
    if (sent[unchanged] == got[unchanged]).all(axis=1).any():
        raise RelayMisbehaved(party=party, why="an element came back unchanged")
    place = np.empty(len(sent), dtype=np.uint32)
    place[batch.source] = np.arange(len(sent), dtype=np.uint32)
    result = got.take(place, axis=0).view(np.uint8)
    count = len(result) - len(batch.picks) - BASE_POINTS
    expected = multiples(result[batch.picks], batch.secret, curve)
    if (expected != result[count:-BASE_POINTS]).any():
        raise RelayMisbehaved(party=party, why="one element was answered in two ways")
    base = Reference(secret=batch.secret, answers=result[-BASE_POINTS:].copy())
    if known is not None and not _agree(base, known, curve):
        raise RelayMisbehaved(party=party, why="one element was answered in two ways")
    rows = sent.take(place[:count], axis=0).view(np.uint8)
    if not _one_to_one(rows, result[:count], curve):
        raise RelayMisbehaved(party=party, why="two elements were answered in one way")
    return result[:count], base


def _agree(one: Reference, other: Reference, curve: Curve) -> bool:
    """Tell whether one secret gave both: k s P raised to s' must be k s' P raised to s."""
    mine = multiples(one.answers, other.secret, curve)
    return bool((mine == multiples(other.answers, one.secret, curve)).all())


def _one_to_one(points: Points, answers: Points, curve: Curve) -> bool:
    """Tell whether different points have different answers, down to what a version stores.

    An uploader may send points that differ by a point of low order, which every secret answers
    in one way: that is no fault of the party's. They become one token, as equal elements do.
    """
    words = words_of(answers)
    order = np.argsort(words[:, 0])
    first = words[:, 0].take(order)
    near = np.flatnonzero(first[1:] == first[:-1])
    if not len(near):
        return True
    suspects = np.flatnonzero(np.isin(words[:, 0], first[near]))
    suspects = suspects[np.lexsort(words[suspects].T[::-1])]
    a, b = suspects[:-1], suspects[1:]
    half = STORED_BYTES // 8
    equal = (words[a, :half] == words[b, :half]).all(axis=1)
    a, b = a[equal], b[equal]
    if (words[a] != words[b]).any():
        return False
    # As many as tell a party apart; an uploader must not keep the service busy for each of a list.
    some = slice(_MAX_LOW_ORDER_CHECKS)
    return same_but_for_low_order(points[a[some]], points[b[some]], curve)

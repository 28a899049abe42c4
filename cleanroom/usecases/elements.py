"""Packed curve points: hygiene, shuffled batches, and the check of what a party returns.

Must not know tasks or storage. Arrays are (n, 32) uint8, one little-endian u-coordinate a row.
Points are uniform unless their sender chose them, so rows are compared by their first 8 bytes,
and whole only where those are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanroom.model.errors import BadElement, FieldInvalid, RelayMisbehaved
from cleanroom.ports.environment import Entropy

POINT_BYTES = 32
STORED_BYTES = 16  # of a token in a sealed version; chance makes no two halves equal
MIN_REPEATS = 32
KNOWN_PAIRS = 8

Points = NDArray[np.uint8]
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

    `source[i]` is the row of the list that point i stands for; every row is there, some twice.
    """

    points: Points
    source: NDArray[np.uint32]


def room(size: int) -> int:
    """Return how many elements, padding included, a batch of `size` points has room for.

    The rest are planted: points that come in every batch of a party, and repeats.
    """
    return size - KNOWN_PAIRS - _repeats(size)


def _repeats(size: int) -> int:
    return MIN_REPEATS + size // 256


def size_for(elements: int) -> int:
    """Return the least size of a batch that has room for so many elements."""
    size = elements + KNOWN_PAIRS + _repeats(elements)
    while room(size) < elements:
        size += 1
    return size


def make_batch(rows: Points, size: int, entropy: Entropy) -> Batch:
    """Return all rows, some of them twice, freshly shuffled.

    Requires: the rows are all different, and `room(size) + KNOWN_PAIRS` in number.
    Ensures: the order is uniform; which rows come twice is uniform among all of them, padding
    included; so all that can be seen of the number of elements is the size.
    """
    repeated = _choice(len(rows), size - len(rows), entropy)
    source = np.concatenate([np.arange(len(rows), dtype=np.uint32), repeated])
    source = source.take(np.argsort(_random_words(size, entropy)))
    return Batch(points=words_of(rows).take(source, axis=0).view(np.uint8), source=source)


def _choice(n: int, count: int, entropy: Entropy) -> NDArray[np.uint32]:
    """Return `count` different numbers below n, uniformly; a 64-bit remainder's bias is nil."""
    found = np.empty(0, dtype=np.uint64)
    while True:
        more = _random_words(2 * count, entropy) % np.uint64(n)
        found = np.concatenate([found, more])
        _, first = np.unique(found, return_index=True)
        if len(first) >= count:
            return found[np.sort(first)[:count]].astype(np.uint32)


def _random_words(n: int, entropy: Entropy) -> NDArray[np.uint64]:
    return np.frombuffer(entropy.token_bytes(8 * n), dtype=np.uint64)


def check_answers(batch: Batch, answers: Points, known: Points | None, party: str) -> Points:
    """Return the answer of each row of the list; raise RelayMisbehaved for answers of two keys.

    One point must have one answer, here and as remembered from earlier batches (`known`: the
    answers of the last KNOWN_PAIRS rows); two points must have two, in the half that is stored;
    none may come back as it was. Does not verify that the answers are multiples at all: wrong
    ones only fail to match.
    """
    sent, got = words_of(batch.points), words_of(answers)
    unchanged = sent[:, 0] == got[:, 0]
    if (sent[unchanged] == got[unchanged]).all(axis=1).any():
        raise RelayMisbehaved(party=party, why="an element came back unchanged")
    last = np.empty(len(sent) - _repeats(len(sent)), dtype=np.uint32)
    place = np.arange(len(sent), dtype=np.uint32)
    last[batch.source] = place  # of a row that was sent twice, the later place
    earlier = np.flatnonzero(last.take(batch.source) != place)
    result = got.take(last, axis=0)
    two_ways = (got[earlier] != result[batch.source[earlier]]).any()
    if two_ways or (known is not None and (result[-len(known) :] != words_of(known)).any()):
        raise RelayMisbehaved(party=party, why="one element was answered in two ways")
    if _has_equal_halves(result):
        raise RelayMisbehaved(party=party, why="two elements were answered in one way")
    return result.view(np.uint8)


def _has_equal_halves(words: Words) -> bool:
    first = np.sort(words[:, 0])
    shared = first[1:][first[1:] == first[:-1]]
    if not len(shared):
        return False
    halves = words[np.isin(words[:, 0], shared), : STORED_BYTES // 8]
    return len(np.unique(halves, axis=0)) < len(halves)

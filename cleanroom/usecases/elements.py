"""Packed curve points: hygiene, shuffled batches, and the check of what a party returns.

Must not know tasks or storage. Arrays are (n, 32) uint8, one little-endian u-coordinate a row.
Points are uniform unless their sender chose them, so rows are compared by their first 8 bytes,
and whole only where those are equal. Lists are kept in the order of their bytes, which is that
of big-endian numbers: sealing then finds each element where it looks for it (engine/tokens.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cleanroom.model.errors import BadElement, FieldInvalid, RelayMisbehaved
from cleanroom.ports.environment import Curve, Entropy
from cleanroom.usecases.pieces import cut
from cleanroom.usecases.planted import (
    SECRET_BYTES,
    Points,
    multiples,
    same_but_for_low_order,
)
from cleanroom.usecases.radix import Order, Words, by_low_half, in_runs, order_of

POINT_BYTES = 32
STORED_BYTES = 16  # of a token in a sealed version; chance makes no two halves equal
MIN_PICKS = 128  # plus one for every 256 elements; planted.py has the odds
BASE_POINTS = 8

_WORDS = POINT_BYTES // 8
_ROW = np.dtype((np.void, POINT_BYTES))  # moved as a whole, twice as fast as its bytes or words
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
    """Return the rows as words (n, 4), little-endian; a view where the rows lie together."""
    return np.ascontiguousarray(points).view(np.dtype("<u8")).reshape(-1, _WORDS)


def joined(parts: list[Points]) -> Points:
    """Return the rows of all parts, in order; none for no parts, and one part as it is."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros((0, POINT_BYTES), dtype=np.uint8)


def gathered(parts: Iterable[Points], out: Points) -> Points:
    """Fill `out` with the rows of all parts, of which one is in memory at a time; return it.

    Raises ValueError when there are more or fewer.
    """
    filled = 0
    for part in parts:
        out[filled : filled + len(part)] = part
        filled += len(part)
    if filled != len(out):
        raise ValueError("there are not as many points as there should be")
    return out


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
    """Return the different rows in ascending order of their bytes."""
    words = words_of(points)
    words = words.take(order_of(_leading(words)), axis=0)  # far quicker than words[...] for rows
    ties = 1 + np.flatnonzero(words[1:, 0] == words[:-1, 0])
    if not len(ties):
        return words.view(np.uint8)
    if (words[ties] != words[ties - 1]).any():
        # Different rows with one first word: their sender made them so. Equal ones may be apart.
        words = words.take(np.lexsort(words.byteswap().T[::-1]), axis=0)
    same = (words[ties] == words[ties - 1]).all(axis=1)  # ties are where they were
    kept = np.ones(len(words), dtype=np.bool_)
    kept[ties[same]] = False
    return words.compress(kept, axis=0).view(np.uint8)


def find(wanted: Points, known: Points) -> NDArray[np.int64]:
    """Return for each wanted row the position of an equal known row, or -1.

    Of known rows that share their first word only one is found; chance makes no two.
    Wanted rows in the order of their bytes are found faster.
    """
    ours, theirs = words_of(wanted), words_of(known)
    found = np.full(len(ours), -1, dtype=np.int64)
    if not len(theirs):
        return found
    first, leading = _leading(theirs), _leading(ours)
    order = order_of(first)
    first = first.take(order)
    place = np.minimum(np.searchsorted(first, leading), len(order) - 1)
    near = np.flatnonzero(first.take(place) == leading)
    position = order.take(place.take(near))
    equal = (theirs.take(position, axis=0) == ours.take(near, axis=0)).all(axis=1)
    found[near[equal]] = position[equal]
    return found


def _leading(words: Words) -> NDArray[np.uint64]:
    """Return the rows' first words as numbers that are ordered as bytes are, (n,)."""
    return words[:, 0].byteswap()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one party is sent: points in shuffled order, which `pieces` yields, each time anew.

    Point i stands for row `source[i]` of: the list; then the multiples, under `secret`, of its rows
    `picks`; then those of the party's base points.
    """

    pieces: Callable[[], Iterator[Points]] = field(repr=False)
    source: NDArray[np.uint32]
    picks: NDArray[np.uint32]
    secret: bytes = field(repr=False)

    def points_of(self, rows: Order) -> Points:
        """Return the points that stand for some rows, of which there are few, (n, 32)."""
        place = np.empty(len(self.source), dtype=np.intp)
        place[self.source] = np.arange(len(self.source))
        wanted, found, start = place[rows], np.empty((len(rows), POINT_BYTES), dtype=np.uint8), 0
        for piece in self.pieces():
            here = (wanted >= start) & (wanted < start + len(piece))
            found[here] = piece[wanted[here] - start]
            start += len(piece)
        return found

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


def make_batch(
    parts: Iterable[Points], base: Points, size: int, entropy: Entropy, curve: Curve
) -> Batch:
    """Return the rows of a list, which comes in parts, and what is planted, freshly shuffled.

    Requires: the rows are `room(size)` in number, which is checked, the base points BASE_POINTS.
    Ensures: the order is uniform; which rows have a multiple is uniform among all of them, padding
    included; so all that can be seen of the number of elements is the size.
    """
    count = room(size)
    everything = np.empty((size, POINT_BYTES), dtype=np.uint8)
    gathered(parts, out=everything[:count])
    picks = _choice(count, _picks(size), entropy)
    secret = entropy.token_bytes(SECRET_BYTES)
    some = words_of(everything).take(picks, axis=0).view(np.uint8)
    everything[count:] = multiples(np.concatenate([some, base]), secret, curve)
    source = _shuffled(size, entropy)

    def pieces() -> Iterator[Points]:
        for rows in cut(source):
            yield words_of(everything).take(rows, axis=0).view(np.uint8)

    return Batch(pieces=pieces, source=source.astype(np.uint32), picks=picks, secret=secret)


def _shuffled(n: int, entropy: Entropy) -> Order:
    """Return the numbers below n in an order that is uniform among all of them.

    It is that of n random numbers of 96 bits, of which chance makes no two equal: odds below
    n^2 / 2^97. The last 64 bits are drawn only for those that share the first 32, of which
    nothing else is known then, so it is as if all had been drawn.
    """
    numbers = np.frombuffer(entropy.token_bytes(4 * n), dtype=np.uint32)
    order = by_low_half(numbers)
    tied = np.flatnonzero(in_runs(numbers.take(order)))
    rows = order[tied]
    keys = np.stack([_random_words(len(rows), entropy), numbers[rows].astype(np.uint64)])
    order[tied] = rows[np.lexsort(keys)]  # the last key decides first
    return order


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
    batch: Batch,
    answers: Iterable[Points],
    known: Reference | None,
    party: str,
    curve: Curve,
) -> tuple[Points, Reference]:
    """Return the answer of each row of the list, and how the base points were answered.

    Raises RelayMisbehaved unless one secret could have answered all of it: one must lie behind every
    row picked and its multiple, and behind the base points here and in the party's first batch
    (`known`); two rows must have two answers, in the half that is stored; none may come back as it
    was. Requires canonical answers, none of low order (`check_points`), in pieces as long as the
    batch's.
    Does not verify that answers are multiples at all, nor that they are free of a part of low
    order: a party that errs in the same way for every element only loses matches.
    """
    result = _restored(batch, answers, party)
    count = len(result) - len(batch.picks) - BASE_POINTS
    expected = multiples(result[batch.picks], batch.secret, curve)
    if (expected != result[count:-BASE_POINTS]).any():
        raise RelayMisbehaved(party=party, why="one element was answered in two ways")
    base = Reference(secret=batch.secret, answers=result[-BASE_POINTS:].copy())
    if known is not None and not _agree(base, known, curve):
        raise RelayMisbehaved(party=party, why="one element was answered in two ways")
    if not _one_to_one(batch, result[:count], curve):
        raise RelayMisbehaved(party=party, why="two elements were answered in one way")
    return result[:count], base


def _restored(batch: Batch, answers: Iterable[Points], party: str) -> Points:
    """Return the answers in the order of the list; raises RelayMisbehaved for one unchanged."""
    result = np.empty((len(batch.source), POINT_BYTES), dtype=np.uint8)
    rows, start = result.view(_ROW)[:, 0], 0
    for piece, answered in zip(batch.pieces(), answers, strict=True):
        sent, got = words_of(piece), words_of(answered)
        unchanged = sent[:, 0] == got[:, 0]
        if (sent[unchanged] == got[unchanged]).all(axis=1).any():
            raise RelayMisbehaved(party=party, why="an element came back unchanged")
        rows[batch.source[start : start + len(sent)]] = got.view(_ROW)[:, 0]
        start += len(sent)
    return result


def _agree(one: Reference, other: Reference, curve: Curve) -> bool:
    """Tell whether one secret gave both: k s P raised to s' must be k s' P raised to s."""
    mine = multiples(one.answers, other.secret, curve)
    return bool((mine == multiples(other.answers, one.secret, curve)).all())


def _one_to_one(batch: Batch, answers: Points, curve: Curve) -> bool:
    """Tell whether different points have different answers, down to what a version stores.

    An uploader may send points that differ by a point of low order, which every secret answers
    in one way: that is no fault of the party's. They become one token, as equal elements do.
    """
    words = words_of(answers)
    first = words[:, 0].astype(np.uint32)
    order = by_low_half(first)
    suspects = order[in_runs(first.take(order))]
    suspects = suspects[np.lexsort(words[suspects].T[::-1])]
    a, b = suspects[:-1], suspects[1:]
    half = STORED_BYTES // 8
    equal = (words[a, :half] == words[b, :half]).all(axis=1)
    a, b = a[equal], b[equal]
    if not len(a):
        return True
    if (words[a] != words[b]).any():
        return False
    # As many as tell a party apart; an uploader must not keep the service busy for each of a list.
    some = slice(_MAX_LOW_ORDER_CHECKS)
    return same_but_for_low_order(batch.points_of(a[some]), batch.points_of(b[some]), curve)

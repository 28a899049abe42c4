"""Sorts and groups rows by integers and by fixed-width bytes; must not know what they mean.

NumPy rather than a query engine, because sealing asks for ranks, and these come from sorting
alone: tokens are uniform, so a few million are told apart by their first 32 bits (see
usecases/radix.py); of more, the first bits of a value and the row's number fit one 64-bit word
that NumPy sorts with vector instructions. Whole values are compared only where the bits are
equal. Hashing 32-byte values (Arrow's dictionaries, used here before) took six times the processor
time of sealing a million rows, and DuckDB's `dense_rank` over tokens took eight times as long as
`ranked`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cleanroom.usecases.radix import MAX_WORDS, by_low_half

Ints: TypeAlias = npt.NDArray[np.signedinteger[Any]]
Words: TypeAlias = npt.NDArray[np.uint64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Flags: TypeAlias = npt.NDArray[np.bool_]

_WORD_BITS, _HALF_BITS = 64, 32
_SPARSE = 4  # numbers below so many times their count are looked up in a table of them
_BLOCK = 1 << 20  # rows whose bytes are gathered at a time


def ordering(columns: Sequence[Ints]) -> Ints:
    """Return the rows (n,) in ascending order of the first column, then the second, and so on.

    Rows alike in all columns come in any order. Requires at least one column.
    """
    word, used = _packed(columns)
    order = _argsort(word)
    if used == len(columns):
        return order
    heads = _heads(word[order])
    tied = np.flatnonzero(_repeated(heads))
    if len(tied):  # the rest of the columns decides, among equals only
        run, rows = np.cumsum(heads[tied]), order[tied]
        rest = ordering([column[rows] for column in columns[used:]])
        order[tied] = rows[rest][_argsort(run[rest].astype(np.uint64))]
    return order


def starts_of(values: Ints) -> Ints:
    """Return where each run of equal values (n,) begins."""
    return np.flatnonzero(_heads(values))


def ranked(values: Bytes) -> tuple[Ints, Ints]:
    """Return the rank of each value among the different ones, and a row of each rank.

    `values` (n, width) are ordered as bytes; the width is a multiple of 8. Ranks (n,) count from
    0 without gaps; rows (u,) are in ascending order of their values.
    """
    words = values.view(">u8")
    order, heads = _prefix_order(words[:, 0].astype(np.uint64))
    follow = np.flatnonzero(~heads)
    other = follow[_different(values, order, follow)]
    if len(other):
        _untangle(words, order, heads, other)
    ranks = np.empty(len(values), dtype=order.dtype)
    ranks[order] = np.cumsum(heads, dtype=order.dtype) - 1
    return ranks, order[heads]


def taken(values: Bytes, rows: Ints, width: int | None = None) -> Bytes:
    """Return the first bytes (m, width) of some rows, all if no width is given; multiples of 8.

    Words are gathered several times as fast as bytes.
    """
    words = values.view(np.uint64)[:, : None if width is None else width // 8]
    return words.take(rows, axis=0).view(np.uint8)


def rank_type(rows: int) -> type[np.signedinteger[Any]]:
    """Return the narrowest type for numbers below eight times as many as there are rows."""
    return np.int32 if rows < 1 << 28 else np.int64


def _packed(columns: Sequence[Ints]) -> tuple[Words, int]:
    """Return as many leading columns as fit in one word, and how many these are."""
    word = np.zeros(len(columns[0]), dtype=np.uint64)
    free = _WORD_BITS
    for used, column in enumerate(columns):
        least, most = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        bits = (most - least).bit_length()
        if bits > free:
            return word, used
        free -= bits
        if bits:
            wide = column.astype(np.int64).view(np.uint64)  # two's complement: wraps correctly
            wide -= np.uint64(least % 2**_WORD_BITS)
            word = wide if bits == _WORD_BITS else (word << np.uint64(bits)) | wide
    return word, len(columns)


def _argsort(word: Words) -> Ints:
    """Return the ascending order of words; it is stable for words below their number."""
    count = len(word)
    most = int(word.max()) if count else 0
    if most < _SPARSE * count:
        placed = _placed(word, most)
        if len(placed) == count:
            return placed
    if most >> _HALF_BITS == 0 and count <= MAX_WORDS:
        return by_low_half(word).astype(rank_type(count))
    bits = np.uint64(max(count - 1, 1).bit_length())
    if most.bit_length() + int(bits) > _WORD_BITS:
        return np.argsort(word)
    keyed = (word << bits) | np.arange(count, dtype=np.uint64)
    keyed.sort()
    keyed &= (np.uint64(1) << bits) - np.uint64(1)
    return keyed.astype(rank_type(count))


def _placed(word: Words, most: int) -> Ints:
    """Return one row of each different word, in ascending order of the words, up to `most`.

    Where no two are alike, as people's numbers are before anything is reduced, that is the order
    of all rows, without a comparison.
    """
    at = np.full(most + 1, -1, dtype=rank_type(len(word)))
    at[word.view(np.int64)] = np.arange(len(word), dtype=at.dtype)
    return at[at >= 0]


def _prefix_order(prefix: Words) -> tuple[Ints, Flags]:
    """Return rows by the leading bits of their words, and where these bits change."""
    count = len(prefix)
    if count <= MAX_WORDS:
        prefix >>= np.uint64(_HALF_BITS)
        digits = by_low_half(prefix)
        return digits.astype(rank_type(count)), _heads(prefix.take(digits))
    bits = np.uint64(max(count - 1, 1).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    prefix &= ~low
    prefix |= np.arange(count, dtype=np.uint64)
    prefix.sort()
    order = (prefix & low).astype(rank_type(count))
    prefix >>= bits
    return order, _heads(prefix)


def _heads(values: npt.NDArray[Any]) -> Flags:
    heads = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=heads[1:])
    return heads


def _repeated(heads: Flags) -> Flags:
    """Return which members are in a run of more than one."""
    follows = ~heads
    follows[:-1] |= ~heads[1:]
    return follows


def _different(values: Bytes, order: Ints, places: Ints) -> Flags:
    """Return at which places of the order the whole value differs from the one before it."""
    words = values.view(np.uint64)
    different = np.empty(len(places), dtype=np.bool_)
    for begin in range(0, len(places), _BLOCK):
        here = places[begin : begin + _BLOCK]
        pair = words.take(order[here], axis=0), words.take(order[here - 1], axis=0)
        different[begin : begin + _BLOCK] = (pair[0] != pair[1]).any(axis=1)
    return different


def _untangle(words: npt.NDArray[Any], order: Ints, heads: Flags, other: Ints) -> None:
    """Put right, in place, the runs in which some value differs from the one before it."""
    run = np.cumsum(heads)
    tangled = np.zeros(int(run[-1]) + 1, dtype=np.bool_)
    tangled[run[other]] = True
    places = np.flatnonzero(tangled[run])
    mixed = words[order[places]].astype(np.uint64)  # (m, width / 8), native: numeric is byte order
    within = np.lexsort(mixed.T[::-1])
    order[places] = order[places][within]
    heads[places] = True
    same = (mixed[within][1:] == mixed[within][:-1]).all(axis=1)
    heads[places[1:][same]] = False

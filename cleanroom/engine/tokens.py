"""Puts final tokens in the place of uploaded elements; must not know people or points."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cleanroom.engine.order import Bytes, Ints, Words, ranked
from cleanroom.engine.people import fixed_bytes
from cleanroom.ports.tables import TokenMap
from cleanroom.usecases.radix import order_of


class TokenMissing(RuntimeError):
    """An uploaded element has no final token; names the column only."""


def final_tokens(elements: Bytes, parts: Iterable[TokenMap], column: str) -> Bytes:
    """Return the token (u, 32) of each element (u, 32); these are different and ascending.

    The parts are read one after another, so that no more than one of them needs to be in memory.
    An element comes in one of them; elements that were not uploaded make no difference, nor does
    the order of a part, though an ascending one is faster, and fastest is one that holds all
    elements from its first to its last. Raises TokenMissing.
    """
    prefixes = _prefixes(elements)
    clear = not (prefixes[1:] == prefixes[:-1]).any()
    tokens = np.zeros_like(elements)
    found = np.zeros(len(elements), dtype=np.bool_)
    for part in parts:
        brought, given = fixed_bytes(part.elements), fixed_bytes(part.tokens)
        run = _run(prefixes, brought)
        if np.array_equal(_words(elements[run]), _words(brought)):
            tokens[run], found[run] = given, True
            continue
        at, of_part = _places(elements, prefixes, brought) if clear else _slow(elements, brought)
        _words(tokens)[at] = _words(given).take(of_part, axis=0)
        found[at] = True
    if not found.all():
        raise TokenMissing(f"{column}: an uploaded element has no final token")
    return tokens


def _run(prefixes: Words, brought: Bytes) -> slice:
    """Return where what was brought would stand if it were elements in a row."""
    start = int(np.searchsorted(prefixes, _prefixes(brought[:1])[0])) if len(brought) else 0
    return slice(start, start + len(brought))


def _places(elements: Bytes, prefixes: Words, brought: Bytes) -> tuple[Ints, Ints]:
    """Return which elements were brought, and where, by first bytes that only one of them has."""
    wanted = _prefixes(brought)
    rows = order_of(wanted)  # in order, a search touches memory in order
    at = np.searchsorted(prefixes, wanted.take(rows))
    rows, at = rows[at < len(elements)], at[at < len(elements)]
    brought_words, own = (_words(v).take(i, axis=0) for v, i in ((brought, rows), (elements, at)))
    same = (brought_words == own).all(axis=1)
    return at[same], rows[same]


def _slow(elements: Bytes, brought: Bytes) -> tuple[Ints, Ints]:
    """Return the same where elements share their first bytes, as chosen ones may."""
    ranks, rows = ranked(np.concatenate([elements, brought]))
    count = len(elements)
    place = np.full(len(rows), -1)
    place[ranks[:count]] = np.arange(count)
    at = place[ranks[count:]]
    return at[at >= 0], np.flatnonzero(at >= 0)


def _prefixes(values: Bytes) -> Words:
    return _words(values)[:, 0].byteswap()  # numbers in the order of bytes


def _words(values: Bytes) -> Words:
    return values.view(np.dtype("<u8"))

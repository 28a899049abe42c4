"""Puts final tokens in the place of uploaded elements; must not know people or points."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cleanroom.engine.order import Bytes, Ints, Words, ranked
from cleanroom.engine.people import fixed_bytes
from cleanroom.ports.tables import TokenMap


class TokenMissing(RuntimeError):
    """An uploaded element has no final token; names the column only."""


def final_tokens(elements: Bytes, parts: Iterable[TokenMap], column: str) -> Bytes:
    """Return the token (u, 32) of each element (u, 32); these are different and ascending.

    The parts are read one after another, so that no more than one of them needs to be in memory.
    An element comes in one of them; elements that were not uploaded make no difference, nor does
    the order of a part, though an ascending one is faster. Raises TokenMissing.
    """
    prefixes = _prefixes(elements)
    clear = not (prefixes[1:] == prefixes[:-1]).any()
    tokens = np.zeros_like(elements)
    found = np.zeros(len(elements), dtype=np.bool_)
    for part in parts:
        brought = fixed_bytes(part.elements)
        at, of_part = _places(elements, prefixes, brought) if clear else _slow(elements, brought)
        tokens[at] = fixed_bytes(part.tokens)[of_part]
        found[at] = True
    if not found.all():
        raise TokenMissing(f"{column}: an uploaded element has no final token")
    return tokens


def _places(elements: Bytes, prefixes: Words, brought: Bytes) -> tuple[Ints, Ints]:
    """Return which elements were brought, and where, by first bytes that only one of them has."""
    wanted = _prefixes(brought)
    rows = np.arange(len(wanted))
    if (wanted[1:] < wanted[:-1]).any():  # in order, a search touches memory in order
        rows = np.argsort(wanted)
        wanted = wanted[rows]
    at = np.searchsorted(prefixes, wanted)
    rows, at = rows[at < len(elements)], at[at < len(elements)]
    same = (brought[rows].view(np.uint64) == elements[at].view(np.uint64)).all(axis=1)
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
    return values.view(">u8")[:, 0].astype(np.uint64)

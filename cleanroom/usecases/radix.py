"""Orders of many 64-bit words by their digits; must not know what the words stand for.

NumPy sorts 16-bit numbers in two passes of counting, which is four times as quick as comparing
64-bit ones as long as the words fit in the processor's cache. Uniform words are all but told apart
by two such digits; whoever chooses words to share them gets the order of an ordinary sort.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Order = NDArray[np.signedinteger[Any]]

MAX_WORDS = 1 << 21  # above, their places in memory are too far apart for digits to pay
_HALF = np.uint64(32)


def by_low_half(words: NDArray[np.unsignedinteger[Any]]) -> Order:
    """Return the order (n,) of words by their lower 32 bits; it is stable."""
    digits = words.astype(np.uint32).view(np.dtype((np.uint16, 2)))  # least significant first
    order = np.argsort(digits[:, 0], kind="stable")
    if digits[:, 1].any():
        order = order.take(np.argsort(digits[:, 1].take(order), kind="stable"))
    return order


def order_of(words: Words) -> Order:
    """Return the ascending order (n,) of words; equal ones stay as they come."""
    if len(words) > MAX_WORDS:
        return np.argsort(words, kind="stable")
    order = by_low_half(words >> _HALF)
    ascending = words.take(order)
    if (ascending[1:] < ascending[:-1]).any():
        # Words of one upper half lie together, so sorting what is tied keeps each run in place.
        tied = np.flatnonzero(in_runs(ascending >> _HALF))
        order[tied] = order[tied][np.argsort(ascending[tied], kind="stable")]
    return order


def in_runs(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of some values (n,) in order are equal to one beside them."""
    same = np.zeros(len(values), dtype=np.bool_)
    equal = values[1:] == values[:-1]
    same[1:] = equal
    same[:-1] |= equal
    return same

"""Dividing an upload's elements into shards of one padded size; must not know tasks or storage.

An element's place is a pseudorandom function of it under a secret key, so no sender can make one
shard larger than another, and no relay party can tell from an element's place whether it is
padding. (By the element's own first bits, which are uniform too, padding would have to share
them, or give itself away.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from cleanroom.usecases.elements import room, size_for, words_of
from cleanroom.usecases.planted import Points

KEY_BYTES = 32
SHARD_ELEMENTS = 1 << 20  # of the padded total, for each shard
MIN_BUCKET = 1024
BUCKETS_PER_DOUBLING = 8
_LOG_ODDS = 50.0  # a shard overflows with probability at most e^-50 < 2^-72


def bucket(n: int) -> int:
    """Return the padded size for n elements: eight steps in each doubling, 1024 at least."""
    if n <= MIN_BUCKET:
        return MIN_BUCKET
    step = 1 << max(0, (n - 1).bit_length() - 1) - BUCKETS_PER_DOUBLING.bit_length() + 1
    return -(-n // step) * step


def padded(total: int) -> int:
    """Return the bucket of so many elements and what is planted among them."""
    return bucket(size_for(total))


def shards_for(total: int) -> int:
    """Return the number of shards, a power of two that depends on `padded(total)` only."""
    return 1 << max(0, math.ceil(padded(total) / SHARD_ELEMENTS) - 1).bit_length()


def shard_size(total: int) -> int:
    """Return the size of each shard's batch, which depends on `padded(total)` only.

    One shard has a bucket's size itself. Of several each has room for its share of the bucket
    and for chance: the number of elements in a shard is binomial with a mean of at most the share
    m, and P(more than m + t) <= exp(-t^2 / 2(m + t/3)) (Bernstein; Boucheron, Lugosi, Massart,
    Concentration Inequalities, theorem 2.10), which is e^-50 for the t below.
    """
    shards = shards_for(total)
    if shards == 1:
        return padded(total)
    mean = padded(total) // shards
    third = _LOG_ODDS / 3
    return size_for(mean + math.ceil(third + math.sqrt(third**2 + 2 * mean * _LOG_ODDS)))


def assert_room(size: int, elements: int) -> None:
    """Raise ShardTooSmall when a batch has no room for so many elements."""
    if elements > room(size):
        raise ShardTooSmall("by chance one shard got too many elements: complete the upload again")


class ShardTooSmall(RuntimeError):
    """What chance does with odds below 2^-64 for a whole upload; another key mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Places elements into `parts`, a power of two, under a secret key."""

    key: bytes = field(repr=False)
    parts: int

    def __post_init__(self) -> None:
        """Refuse what cannot place anything."""
        if len(self.key) != KEY_BYTES or self.parts < 1 or self.parts & (self.parts - 1):
            raise ValueError(f"a spread has a key of {KEY_BYTES} bytes and 2^k parts")

    def places(self, points: Points) -> NDArray[np.uint16]:
        """Return the part of each point, (n,), 0..parts-1.

        CBC-MAC with AES-256 over two blocks: pseudorandom for messages of one length (Bellare,
        Kilian, Rogaway, JCSS 61(3), 2000, theorem 1). A part of 2k parts lies in one of k.
        """
        if self.parts == 1:
            return np.zeros(len(points), dtype=np.uint16)
        words = words_of(points)
        encrypt = Cipher(AES256(self.key), ECB()).encryptor().update  # noqa: S305 - see above
        first = np.frombuffer(encrypt(words[:, :2].tobytes()), dtype=np.uint64).reshape(-1, 2)
        second = encrypt((first ^ words[:, 2:]).tobytes())
        mac = np.frombuffer(second, dtype=np.uint64)[::2]
        return (mac >> np.uint64(65 - self.parts.bit_length())).astype(np.uint16)

    def to_bytes(self) -> bytes:
        """Return key and number of parts; the inverse of `from_bytes`."""
        return self.key + self.parts.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, data: bytes) -> Spread:
        """Read what `to_bytes` wrote; raises ValueError for anything else."""
        return cls(key=data[:KEY_BYTES], parts=int.from_bytes(data[KEY_BYTES:], "big"))

"""Multiples of points under the service's own secrets: to check a relay party, and to mask a list.

Must not know tasks or storage. Points are (n, 32) uint8, one little-endian u-coordinate a row;
secrets are 32 bytes and clamped by X25519 (RFC 7748, section 5), so all multiples commute.

Checking. A party that answers f(P) for a point P is held to f(sP) = s f(P) under a secret s of the
service, fresh for each batch. A point that comes twice is recognised by whoever compares what it
was sent; sP is not: to tell the pairs (P, sP) from pairs of random points is to solve decisional
Diffie-Hellman on Curve25519 (several pairs under one s are as hard: Naor, Reingold, J. ACM 51(2),
2004, lemma 4.4). So a party cannot answer planted points in one way and others in another, not
even where it chooses its answer by the point. With f(P) = kP for one k, the check always holds.

Odds: of n rows of which k are answered under another secret than the rest, or with each other's
answers, none of r rows picked at random is among the k with probability at most (1 - k/n)^r.

Masking. A list that goes to two parties or more is raised to a secret r before the first of them
and to r^-1 behind the last. Secrets commute, so without a mask two parties that collude could raise
what one was sent of a third's list to the other's secret, and find it again among what the one was
sent of the other's list. With it, every list that a party is sent is as random points to it, once
more by decisional Diffie-Hellman: nothing can be found again, in this upload or another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cleanroom.ports.environment import Curve, Entropy

Points = NDArray[np.uint8]

SECRET_BYTES = 32
_POINT_BYTES = 32
_ORDER = 2**252 + 27742317777372353535851937790883648493  # of the subgroup, RFC 7748, section 4.1
_COFACTOR = 8
_CLAMPED_FROM, _CLAMPED_TO = 2**254, 2**255


def multiples(points: Points, secret: bytes, curve: Curve) -> Points:
    """Return each point raised to the secret; requires that none is of low order."""
    packed = curve.multiply(np.ascontiguousarray(points).tobytes(), secret)
    return np.frombuffer(packed, dtype=np.uint8).reshape(-1, _POINT_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A secret and its inverse: raising to both gives back each point of the subgroup."""

    on: bytes = field(repr=False)
    off: bytes = field(repr=False)

    @classmethod
    def fresh(cls, entropy: Entropy) -> Mask:
        """Return a mask whose both halves are clamped secrets.

        The inverse has to be 1/r or -1/r modulo the order (x-coordinates know no sign), a multiple
        of the cofactor, and in the range of clamped secrets, which half of all numbers below
        eight times the order are: most r have one, and the rest are drawn again.
        """
        while True:
            on = _clamped(entropy.token_bytes(SECRET_BYTES))
            off = _inverse(on)
            if off is not None:
                return cls(on=on, off=off)

    def to_bytes(self) -> bytes:
        """Return both halves; the inverse of `from_bytes`."""
        return self.on + self.off

    @classmethod
    def from_bytes(cls, data: bytes) -> Mask:
        """Read what `to_bytes` wrote; raises ValueError for another length."""
        if len(data) != 2 * SECRET_BYTES:
            raise ValueError(f"a mask has {2 * SECRET_BYTES} bytes")
        return cls(on=data[:SECRET_BYTES], off=data[SECRET_BYTES:])


def _clamped(secret: bytes) -> bytes:
    number = int.from_bytes(secret, "little") % _CLAMPED_FROM + _CLAMPED_FROM
    return (number - number % _COFACTOR).to_bytes(SECRET_BYTES, "little")


def _inverse(secret: bytes) -> bytes | None:
    """Return a clamped secret that undoes a clamped one up to sign, if there is one."""
    inverse = pow(int.from_bytes(secret, "little"), -1, _ORDER)
    for root in (inverse, _ORDER - inverse):
        # The one number below eight times the order that is `root` modulo it and divisible by 8.
        number = root + _ORDER * (-root * pow(_ORDER, -1, _COFACTOR) % _COFACTOR)
        if _CLAMPED_FROM <= number < _CLAMPED_TO:
            return number.to_bytes(SECRET_BYTES, "little")
    return None


def same_but_for_low_order(a: Points, b: Points, curve: Curve) -> bool:
    """Tell whether every a[i] and b[i] differ by a point of low order, or not at all.

    Every secret maps two such points to one: clamping makes it a multiple of the cofactor.
    """
    any_secret = bytes(SECRET_BYTES)
    return bool((multiples(a, any_secret, curve) == multiples(b, any_secret, curve)).all())

"""The P-256 commutative cipher of Private Join and Compute and of OpenMined PSI, bit for bit.

Must not know collaborations, files or the relay: no policy names this cipher. It is for partners
who already run one of the two, whose other half speaks their messages (docs/interoperability.md).

Hash to the curve: the random oracle with SHA-256 and try-and-increment, as their `ECGroup` does
it. Points travel compressed (SEC 1, section 2.3.3): 33 bytes.

Side channels: the secret scalar is multiplied by OpenSSL's ECDH only, whose P-256 does not branch
on it. Plain Python integers see the scalar twice when a cipher is made, for k + 1 and for 1/k,
and otherwise only points that the other side gets or can compute. Hashing takes a time that
depends on the identifier, on its owner's machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec

from cleanroom_client.blinding.secret import Entropy, Hidden

KEY_BYTES: Final = 32
POINT_BYTES: Final = 33
P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1  # SEC 2, section 2.4.2
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CURVE: Final = ec.SECP256R1()
_FIELD_BYTES: Final = 32
_EVEN, _ODD = b"\x02", b"\x03"


class BadP256Point(ValueError):
    """Not the 33-byte compressed form of a point of P-256; names its place, never the bytes."""

    def __init__(self, position: int | None = None) -> None:
        """Keep the place when it is one of a list."""
        super().__init__(position)
        self.position = position

    def __str__(self) -> str:
        """Return one sentence."""
        where = "the point" if self.position is None else f"point {self.position}"
        return f"{where} is not a compressed P-256 point of {POINT_BYTES} bytes"


class P256Cipher(Hidden):
    """A secret exponent on P-256; commutes: a.re_encrypt(b.encrypt(x)) == b.re_encrypt(a.encrypt(x)).

    Whoever holds the key may test any identifier against what was encrypted under it.
    """

    __slots__ = ("_inverse", "_key")

    def __init__(self, raw: bytes) -> None:
        """Hold a scalar of 1 to ORDER - 1, 32 bytes, big-endian; raises ValueError."""
        scalar = int.from_bytes(raw)
        if len(raw) != KEY_BYTES or not 0 < scalar < ORDER:
            raise ValueError(f"a P-256 key has {KEY_BYTES} bytes and is from 1 to the order - 1")
        self._key = _Scalar(scalar)
        self._inverse = _Scalar(pow(scalar, -1, ORDER))

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """Return a fresh key from `entropy`, drawn again where it is out of range (odds 2^-32)."""
        while True:
            raw = entropy(KEY_BYTES)
            if 0 < int.from_bytes(raw) < ORDER:
                return cls(raw)

    def encrypt(self, items: Iterable[bytes]) -> list[bytes]:
        """Return each item hashed to the curve and raised to the secret, 33 bytes, in order."""
        return [self._key.times(_hashed(item)) for item in items]

    def re_encrypt(self, points: Iterable[bytes]) -> list[bytes]:
        """Return each point raised to the secret, in order; raises BadP256Point with its place."""
        return _each(self._key, points)

    def decrypt(self, points: Iterable[bytes]) -> list[bytes]:
        """Inverse of `re_encrypt`; raises BadP256Point with its place."""
        return _each(self._inverse, points)

    def reveal_to_keystore(self) -> bytes:
        """Return the 32 secret bytes."""
        return self._key.value.to_bytes(KEY_BYTES)


def hash_to_curve(item: bytes) -> bytes:
    """Return H(item), compressed, always with the even y: 33 bytes."""
    return _pack(_hashed(item).public_numbers())


def _hashed(item: bytes) -> ec.EllipticCurvePublicKey:
    """Try x = oracle(item), then x = oracle(x), and so on, until x^3 - 3x + b is a square.

    Their root is the even one: 2 as first byte makes OpenSSL take the same.
    """
    x = _random_oracle(item)
    while True:
        try:
            return _unpack(_EVEN + x.to_bytes(_FIELD_BYTES))
        except BadP256Point:
            # Without leading zeros, as `BigNum::ToBytes` writes it.
            x = _random_oracle(x.to_bytes((x.bit_length() + 7) // 8))


def _random_oracle(message: bytes) -> int:
    """Return SHA-256(1 ‖ message) ‖ SHA-256(2 ‖ message) modulo P (`Context::RandomOracle`).

    Two digests because it takes as many bits as P has and 256 more; none are left over.
    """
    digests = (hashlib.sha256(bytes([count]) + message).digest() for count in (1, 2))
    return int.from_bytes(b"".join(digests)) % P


class _Scalar:
    """Multiplies points of P-256 by k through ECDH, which gives x(kQ) and not y.

    Of the two points with that x, kQ is the one that Q added to (or taken from) gives x((k ± 1)Q),
    a second ECDH. OpenSSL multiplies both faster than pycryptodome multiplies one, and in a time
    that does not depend on k, which pycryptodome does not promise.
    """

    __slots__ = ("_beside", "_private", "_step", "value")

    def __init__(self, value: int) -> None:
        self.value = value
        self._step = 1 if value < ORDER - 1 else -1  # (k + 1)Q would be infinite
        self._private = ec.derive_private_key(value, _CURVE)
        self._beside = ec.derive_private_key(value + self._step, _CURVE)

    def times(self, point: ec.EllipticCurvePublicKey) -> bytes:
        q = point.public_numbers()
        x = self._private.exchange(ec.ECDH(), point)
        x_sum = int.from_bytes(self._beside.exchange(ec.ECDH(), point))
        even = _unpack(_EVEN + x).public_numbers()
        return (_EVEN if _adds_up(even, q, self._step, x_sum) else _ODD) + x


def _adds_up(
    r: ec.EllipticCurvePublicNumbers, q: ec.EllipticCurvePublicNumbers, step: int, x_sum: int
) -> bool:
    """Say whether x(r + step q) is `x_sum`: the chord's slope squared is the sum of the three x.

    Multiplied out, so that nothing is inverted. Where r and q have one x, k is 1 or ORDER - 1, and
    what remains, r.y = step q.y, is right as well.
    """
    rise, run = r.y - step * q.y, r.x - q.x
    return (rise * rise - (x_sum + r.x + q.x) * run * run) % P == 0


def _each(scalar: _Scalar, points: Iterable[bytes]) -> list[bytes]:
    return [scalar.times(_unpack(point, position)) for position, point in enumerate(points)]


def _unpack(point: bytes, position: int | None = None) -> ec.EllipticCurvePublicKey:
    if len(point) != POINT_BYTES or point[:1] not in {_EVEN, _ODD}:
        raise BadP256Point(position)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:  # no such point, or x is not below P
        raise BadP256Point(position) from None


def _pack(point: ec.EllipticCurvePublicNumbers) -> bytes:
    return (_ODD if point.y & 1 else _EVEN) + point.x.to_bytes(_FIELD_BYTES)

"""The real clock and the operating system's randomness; must not know who uses them."""

from __future__ import annotations

import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding.kernel import Kernel, chosen

_BYTES = 32
_FEW, _BULK = 64, 1 << 14
_TAG = b"CLEANROOM-V01-padding-with-curve25519_XMD:SHA-512_ELL2_NU_"


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The `Clock` port."""

    def now_s(self) -> int:
        """Return unix seconds."""
        return int(time.time())


@dataclass(frozen=True, slots=True)
class SystemEntropy:
    """The `Entropy` port."""

    def token_bytes(self, n: int) -> bytes:
        """Return n unpredictable bytes."""
        return secrets.token_bytes(n)

    def points(self, n: int) -> list[bytes]:
        """Return n random points of the prime-order subgroup, 32 bytes each.

        A clamped secret is a multiple of the cofactor (RFC 7748, section 5), so what it
        multiplies ends in the subgroup. With the native kernel, which the SDK brings along, they
        are made as elements are: hashed to the curve, then raised to a secret.
        """
        kernel = chosen()
        if kernel is None or n < _FEW:
            return [_public(X25519PrivateKey.generate()) for _ in range(n)]
        packed = b"".join(_in_bulk(kernel, min(_BULK, n - i)) for i in range(0, n, _BULK))
        return [packed[i : i + _BYTES] for i in range(0, len(packed), _BYTES)]


class SystemCurve:
    """The `Curve` port: the native kernel, which the SDK brings along, or `cryptography`."""

    __slots__ = ()

    def multiply(self, points: bytes, secret: bytes) -> bytes:
        """Return each packed u-coordinate raised to a secret; a long list on every core."""
        kernel = chosen()
        if kernel is None:
            key = X25519PrivateKey.from_private_bytes(secret)
            each = (points[i : i + _BYTES] for i in range(0, len(points), _BYTES))
            return b"".join(key.exchange(X25519PublicKey.from_public_bytes(p)) for p in each)
        size = _BULK * _BYTES
        parts = [points[at : at + size] for at in range(0, len(points), size)]
        if len(parts) == 1:
            return kernel.multiply(points, secret)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return b"".join(pool.map(lambda part: kernel.multiply(part, secret), parts))


def _in_bulk(kernel: Kernel, n: int) -> bytes:
    hashed = kernel.hash_to_curve(secrets.token_bytes(_BYTES * n), _TAG)
    return kernel.multiply(hashed, secrets.token_bytes(_BYTES))


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()

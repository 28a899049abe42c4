"""The real clock and the operating system's randomness; must not know who uses them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey


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

        A clamped secret is a multiple of the cofactor (RFC 7748, section 5), so a public key is
        in the subgroup.
        """
        return [_public(X25519PrivateKey.generate()) for _ in range(n)]


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()

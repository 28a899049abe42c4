"""The secrets of one party in one collaboration as primitives; knows no files and no lists.

Each type hides its bytes: no useful repr, no equality, no pickling. `reveal_to_keystore` is for
the keystore alone, and `blind` workers get their copy through a pipe of their own parent.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Never, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding.kernel import Kernel
from cleanroom_client.blinding.points import BadPoint, PointFault, check_point
from cleanroom_client.digests import Packed, hmac_items

if TYPE_CHECKING:
    import pyarrow as pa

SECRET_BYTES = 32
REFERENCE_BYTES = 16
_REFERENCE_DOMAIN = b"cleanroom/v1 person reference\0"

Entropy = Callable[[int], bytes]
"""Takes a count and returns that many bytes nobody can predict, such as `secrets.token_bytes`."""


class Hidden:
    """A secret without a face."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the type's name only."""
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        msg = f"{type(self).__name__} holds a secret and is never serialised"
        raise TypeError(msg)


def _check_secret(raw: bytes) -> bytes:
    if len(raw) != SECRET_BYTES:
        msg = f"a secret has {SECRET_BYTES} bytes, not {len(raw)}"
        raise ValueError(msg)
    return bytes(raw)


class BlindingKey(Hidden):
    """The secret exponent of one party in one collaboration (an X25519 scalar)."""

    __slots__ = ("_key",)

    def __init__(self, raw: bytes) -> None:
        """Hold 32 bytes; clamping (RFC 7748, section 5) happens at use. Raises ValueError."""
        self._key = X25519PrivateKey.from_private_bytes(_check_secret(raw))

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """Return a fresh key from 32 bytes of `entropy`."""
        return cls(entropy(SECRET_BYTES))

    def blind_one(self, u: bytes) -> bytes:
        """Return the point `u` (32 bytes) raised to the secret; raise BadPoint.

        Commutes: a.blind_one(b.blind_one(u)) == b.blind_one(a.blind_one(u)).
        """
        check_point(u)
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(u))
        except ValueError:  # `cryptography` refuses an all-zero result
            raise BadPoint(PointFault.ZERO_RESULT) from None

    def blind_packed(self, kernel: Kernel, points: bytes) -> bytes:
        """Return packed points raised to the secret; raises ValueError, see `Kernel.multiply`."""
        return kernel.multiply(points, self._key.private_bytes_raw())

    def reveal_to_keystore(self) -> bytes:
        """Return the 32 secret bytes."""
        return self._key.private_bytes_raw()


class SharedKey(Hidden):
    """The HMAC key the parties of one collaboration share, which the operator never sees."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        """Hold 32 bytes; raises ValueError."""
        self._raw = _check_secret(raw)

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """Return a fresh key from 32 bytes of `entropy`."""
        return cls(entropy(SECRET_BYTES))

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA256 of `message` (32 bytes)."""
        return hmac.digest(self._raw, message, "sha256")

    def macs(self, prefix: bytes, items: Packed) -> bytes:
        """Return, packed, the `mac` of `prefix` and each packed item (32 bytes); ValueError."""
        return hmac_items(self._raw, prefix, items)

    def reveal_to_keystore(self) -> bytes:
        """Return the 32 secret bytes; the envelope that wraps them for a party reads them too."""
        return self._raw


class PersonKey(Hidden):
    """What turns an owner's own person references into ones the service cannot read."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        """Hold 32 bytes; raises ValueError."""
        self._raw = _check_secret(raw)

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """Return a fresh key from 32 bytes of `entropy`."""
        return cls(entropy(SECRET_BYTES))

    def reference(self, person: str) -> bytes:
        """Return the 16-byte reference of `person`, the same for the same text."""
        message = _REFERENCE_DOMAIN + person.encode()
        return hmac.digest(self._raw, message, "sha256")[:REFERENCE_BYTES]

    def references(self, persons: pa.Array) -> pa.FixedSizeBinaryArray:
        """Return the `reference` of each text (string or large_string), null for none or empty."""
        from cleanroom_client.digests.text_hmacs import hmac_texts  # noqa: PLC0415 - loads Arrow

        return hmac_texts(self._raw, _REFERENCE_DOMAIN, persons, size=REFERENCE_BYTES)

    def reveal_to_keystore(self) -> bytes:
        """Return the 32 secret bytes."""
        return self._raw

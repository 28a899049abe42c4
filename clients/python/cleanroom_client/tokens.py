"""From identities to tokens by the policy's scheme; knows no files and no service."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from cleanroom_client.arrow_items import pack, unpack
from cleanroom_client.blinder import Blinder
from cleanroom_client.blinding import (
    BlindingKey,
    SharedKey,
    domain_tag,
    hmac_tokens,
    sha256_tokens,
)
from cleanroom_client.blinding.curve25519 import POINT_BYTES
from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.packed import Packed, count_of

_BASE_POINT = (9).to_bytes(POINT_BYTES, "little")  # RFC 7748, section 4.1

Done = Callable[[int], None]


class Tokens(Protocol):
    """Makes tokens under one secret; a context manager that ends what it started."""

    def __enter__(self) -> Self:
        """Return the maker."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what was started."""

    @property
    def fingerprint(self) -> bytes:
        """Bytes that differ between secrets and that nobody else can compute."""

    def make(self, identities: Packed, key_type: KeyType, done: Done) -> bytes:
        """Return one token for each identity, in order; both packed, 32 bytes an item.

        `done` hears how many more are done; what it raises ends the work.
        """


class PsiTokens(Blinder):
    """The scheme `psi`: a curve point raised to this party's secret."""

    def __init__(self, key: BlindingKey, collaboration: str, *, workers: int) -> None:
        """Keep the key and the collaboration that the tokens are for."""
        super().__init__(key, workers=workers)
        self._collaboration = collaboration

    @property
    def fingerprint(self) -> bytes:
        """The secret's public point, which is never sent."""
        return self._key.blind_one(_BASE_POINT)

    def make(self, identities: Packed, key_type: KeyType, done: Done) -> bytes:
        """Blind each different identity once: finding repeats costs a thirtieth of blinding."""
        encoded = unpack(identities).dictionary_encode()  # in order of first appearance
        dst = domain_tag(self._collaboration, key_type)
        tokens = self.blind(pack(encoded.dictionary), dst=dst, done=done)
        repeats = len(encoded) - len(encoded.dictionary)
        if not repeats:
            return tokens
        done(repeats)
        return bytes(pack(unpack(tokens).take(encoded.indices)))


class _Quick:
    """A scheme that starts nothing."""

    def __enter__(self) -> Self:
        """Return the maker."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to end."""


class HmacTokens(_Quick):
    """The scheme `hmac`: a keyed hash under the key the parties share."""

    def __init__(self, key: SharedKey, collaboration: str) -> None:
        """Keep the key and the collaboration that the tokens are for."""
        self._key = key
        self._collaboration = collaboration

    @property
    def fingerprint(self) -> bytes:
        """A keyed hash of nothing that is ever a token."""
        return self._key.mac(b"cleanroom/v1 upload fingerprint\0")

    def make(self, identities: Packed, key_type: KeyType, done: Done) -> bytes:
        """Hash each identity."""
        done(count_of(identities))
        return hmac_tokens(identities, self._key, key_type, self._collaboration)


class Sha256Tokens(_Quick):
    """The scheme `sha256`: the identities themselves."""

    @property
    def fingerprint(self) -> bytes:
        """There is no secret."""
        return b""

    def make(self, identities: Packed, _key_type: KeyType, done: Done) -> bytes:
        """Return the identities."""
        done(count_of(identities))
        return sha256_tokens(identities)


def digest_of(*parts: bytes) -> bytes:
    """Return SHA-256 over the parts, each behind its 4-byte length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4) + part)
    return digest.digest()

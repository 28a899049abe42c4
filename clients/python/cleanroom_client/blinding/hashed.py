"""Tokens of the schemes `hmac` and `sha256`; knows how neither key nor identity came about."""

from __future__ import annotations

from cleanroom_client.blinding.secret import SharedKey
from cleanroom_client.identifiers.kinds import KeyType

_DOMAIN = b"cleanroom/v1 hmac token\0"
_ITEM_BYTES = 32


def hmac_tokens(
    identities: bytes | memoryview,
    shared_key: SharedKey,
    key_type: KeyType,
    collaboration: str,
) -> bytes:
    """Return HMAC-SHA256 of each identity, bound to collaboration and key type.

    Packed items of 32 bytes in and out.
    Names of collaborations and key types hold no NUL, so the prefix is unambiguous.
    A party that colludes with the operator can test identifiers by dictionary.
    """
    prefix = _DOMAIN + f"{collaboration}\0{key_type}\0".encode()
    starts = range(0, len(identities), _ITEM_BYTES)
    return b"".join(shared_key.mac(prefix + identities[at : at + _ITEM_BYTES]) for at in starts)


def sha256_tokens(identities: bytes | memoryview) -> bytes:
    """Return the identities themselves (packed): anybody can invert them by dictionary.

    Only for a policy that says `allow_unsalted: true`.
    """
    return bytes(identities)

"""Tokens of the schemes `hmac` and `sha256`; knows how neither key nor identity came about."""

from __future__ import annotations

from cleanroom_client.blinding.secret import SharedKey
from cleanroom_client.digests import ITEM_BYTES, Packed
from cleanroom_client.identifiers.kinds import KeyType

_DOMAIN = b"cleanroom/v1 hmac token\0"


def hmac_tokens(
    identities: Packed,
    shared_key: SharedKey,
    key_type: KeyType,
    collaboration: str,
) -> bytes:
    """Return HMAC-SHA256 of each identity, bound to collaboration and key type.

    `identities` and tokens are packed, 32 bytes each; raises ValueError for another length.
    Names of collaborations and key types hold no NUL, so the prefix is unambiguous.
    A party that colludes with the operator can test identifiers by dictionary.
    """
    prefix = _DOMAIN + f"{collaboration}\0{key_type}\0".encode()
    return shared_key.macs(prefix, identities)


def sha256_tokens(identities: Packed) -> bytes:
    """Return the packed identities themselves: anybody can invert them by dictionary.

    Only for a policy that says `allow_unsalted: true`. Raises ValueError for another length.
    """
    tokens = bytes(identities)
    if len(tokens) % ITEM_BYTES:
        raise ValueError(f"identities have {ITEM_BYTES} bytes each")
    return tokens

"""Tokens of the schemes `hmac` and `sha256`; knows how neither key nor identity came about."""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom_client.blinding.secret import SharedKey
from cleanroom_client.identifiers.kinds import KeyType

_DOMAIN = b"cleanroom/v1 hmac token\0"


def hmac_tokens(
    identities: Sequence[bytes],
    shared_key: SharedKey,
    key_type: KeyType,
    collaboration: str,
) -> list[bytes]:
    """Return HMAC-SHA256 of each identity, bound to collaboration and key type (32 bytes each).

    Names of collaborations and key types hold no NUL, so the prefix is unambiguous.
    A party that colludes with the operator can test identifiers by dictionary.
    """
    prefix = _DOMAIN + f"{collaboration}\0{key_type}\0".encode()
    return [shared_key.mac(prefix + identity) for identity in identities]


def sha256_tokens(identities: Sequence[bytes]) -> list[bytes]:
    """Return the identities themselves (32 bytes each): anybody can invert them by dictionary.

    Only for a policy that says `allow_unsalted: true`.
    """
    return list(identities)

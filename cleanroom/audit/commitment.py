"""Salted commitments to content that may be dropped later; must not know what the content is.

Requires: the salt is 16 fresh random bytes.
Ensures: nobody opens a commitment to two payloads (SHA-256 is collision resistant), equal payloads
do not show, and whoever lacks the salt cannot search for a payload of low entropy.
Does not hide a low-entropy payload from a reader who holds the salt.
"""

from __future__ import annotations

import hashlib

from cleanroom.audit.errors import CommitmentInvalid

SALT_BYTES = 16
_DOMAIN = b"cleanroom-commit/v1\0"


def commit(salt: bytes, payload: bytes) -> bytes:
    """Return SHA-256("cleanroom-commit/v1" || 0x00 || salt || payload), 32 bytes.

    Raises CommitmentInvalid when the salt is not 16 bytes: its length is not encoded, so it is fixed.
    """
    if len(salt) != SALT_BYTES:
        raise CommitmentInvalid(why=f"the salt is not {SALT_BYTES} bytes long")
    return hashlib.sha256(_DOMAIN + salt + payload).digest()


def verify_commitment(*, commitment: bytes, salt: bytes, payload: bytes) -> None:
    """Verify that a commitment opens to this payload; raises CommitmentInvalid."""
    if commit(salt, payload) != commitment:
        raise CommitmentInvalid(why="it was made for other content or with another salt")

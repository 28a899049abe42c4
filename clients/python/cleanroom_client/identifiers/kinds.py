"""The types of match keys and the columns they may come from; must not know how values look."""

from __future__ import annotations

from enum import StrEnum

PROFILE = "uid2-2026"  # normalise.py says what it does


class KeyType(StrEnum):
    """A type of match key: tokens are only ever compared within one type."""

    EMAIL = "email"
    PHONE = "phone"
    LOYALTY_ID = "loyalty_id"
    DEVICE_ID = "device_id"
    COOKIE = "cookie"
    EXTERNAL_ID = "external_id"


class KeyColumn(StrEnum):
    """A column a match key may be read from: the key types, and two that come hashed already."""

    EMAIL = "email"
    PHONE = "phone"
    LOYALTY_ID = "loyalty_id"
    DEVICE_ID = "device_id"
    COOKIE = "cookie"
    EXTERNAL_ID = "external_id"
    EMAIL_SHA256 = "email_sha256"
    PHONE_SHA256 = "phone_sha256"

    @property
    def key_type(self) -> KeyType:
        """The key type that values of this column produce."""
        return KeyType(self.removesuffix("_sha256"))

    @property
    def hashed(self) -> bool:
        """Whether values are SHA-256 of the normalised key instead of the key."""
        return self.endswith("_sha256")


def columns_of(key_type: KeyType) -> tuple[KeyColumn, ...]:
    """Return the columns that may carry `key_type`, plain before hashed."""
    return tuple(column for column in KeyColumn if column.key_type is key_type)

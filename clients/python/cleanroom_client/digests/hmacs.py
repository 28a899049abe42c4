"""HMAC-SHA256 of many items under one key; knows neither what they are nor whose the key.

Keys and prefixes may have any length (RFC 2104).
"""

from __future__ import annotations

import hmac

from cleanroom_client.digests.native import chosen

ITEM_BYTES = 32

Packed = bytes | bytearray | memoryview
"""n items of 32 bytes each, one after the other."""


def hmac_items(key: bytes, prefix: bytes, items: Packed) -> bytes:
    """Return, packed, HMAC-SHA256 under `key` of `prefix` followed by each item.

    Raises ValueError unless items have 32 bytes each.
    """
    digests = chosen()
    if digests is not None:
        return digests.hmac_items(key, prefix, items)
    packed = bytes(items)
    if len(packed) % ITEM_BYTES:
        raise ValueError(f"items have {ITEM_BYTES} bytes each")
    return b"".join(
        hmac.digest(key, prefix + packed[at : at + ITEM_BYTES], "sha256")
        for at in range(0, len(packed), ITEM_BYTES)
    )

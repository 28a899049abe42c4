"""Packed items, n of 32 bytes in one buffer; knows not what they are.

Identities, points and tokens go from the file to the wire in this form: no Python object for each.
"""

from __future__ import annotations

from typing import TypeAlias

ITEM_BYTES = 32

Packed: TypeAlias = bytes | memoryview
"""n items of 32 bytes: 32 n bytes."""


def count_of(packed: Packed) -> int:
    """Return how many items there are; raises ValueError for a part of one."""
    items, rest = divmod(len(packed), ITEM_BYTES)
    if rest:
        raise ValueError(f"packed items have {ITEM_BYTES} bytes each")
    return items

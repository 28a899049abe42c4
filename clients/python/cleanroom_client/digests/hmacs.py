"""HMAC-SHA256 of many items or texts under one key; knows neither what they are nor whose the key.

Keys and prefixes may have any length (RFC 2104).
"""

from __future__ import annotations

import hmac

import numpy as np
import pyarrow as pa

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


def hmac_texts(
    key: bytes, prefix: bytes, texts: pa.Array, *, size: int = ITEM_BYTES
) -> pa.FixedSizeBinaryArray:
    """Return the first `size` bytes of HMAC-SHA256 of `prefix` followed by each text's UTF-8.

    `texts` is of type string or large_string; null and empty ones give null.
    """
    digests = chosen()
    if digests is None:
        macs = (
            hmac.digest(key, prefix + t.encode(), "sha256")[:size] if t else None
            for t in texts.to_pylist()
        )
        return pa.array(macs, pa.binary(size))
    n = len(texts)
    out, there = np.zeros((n, ITEM_BYTES), dtype=np.uint8), np.zeros(n, dtype=np.uint8)
    if n:
        digests.hmac_texts(key, prefix, texts, out.data, there.data)
    buffers = [
        pa.py_buffer(np.packbits(there, bitorder="little")),
        pa.py_buffer(np.ascontiguousarray(out[:, :size])),
    ]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), n, buffers)

"""HMAC-SHA256 of a column of texts under one key; knows neither what they are nor whose the key."""

from __future__ import annotations

import hmac

import numpy as np
import pyarrow as pa

from cleanroom_client.digests.hmacs import ITEM_BYTES
from cleanroom_client.digests.native import chosen


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

"""expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1); knows nothing of curves."""

from __future__ import annotations

import hashlib

_HASH_BYTES = 64
_BLOCK_BYTES = 128
_MAX_BLOCKS = 255
_MAX_DST_BYTES = 255
# The first block hashed is always this one: keep the state that follows it.
_AFTER_Z_PAD = hashlib.sha512(bytes(_BLOCK_BYTES))


def expand_message_xmd_sha512(msg: bytes, dst: bytes, length: int) -> bytes:
    """Return `length` uniform bytes for `msg` under the domain separation tag `dst`.

    Raises ValueError for a length over 16,320 bytes and for a tag that is empty or over 255 bytes:
    the hashed form of long tags (section 5.3.3) is left out because the product has none.
    """
    blocks = -(-length // _HASH_BYTES)
    if not 0 < blocks <= _MAX_BLOCKS:
        msg_ = f"cannot expand to {length} bytes: between 1 and {_MAX_BLOCKS * _HASH_BYTES}"
        raise ValueError(msg_)
    if not 0 < len(dst) <= _MAX_DST_BYTES:
        msg_ = f"a domain separation tag has 1 to {_MAX_DST_BYTES} bytes, not {len(dst)}"
        raise ValueError(msg_)
    dst_prime = dst + bytes([len(dst)])
    first = _AFTER_Z_PAD.copy()
    first.update(msg + length.to_bytes(2) + b"\0" + dst_prime)
    return _blocks(first.digest(), blocks, dst_prime)[:length]


def _blocks(b_0: bytes, count: int, dst_prime: bytes) -> bytes:
    b_i = hashlib.sha512(b_0 + b"\1" + dst_prime).digest()
    uniform = b_i
    for i in range(2, count + 1):
        mixed = bytes(x ^ y for x, y in zip(b_0, b_i, strict=True))
        b_i = hashlib.sha512(mixed + bytes([i]) + dst_prime).digest()
        uniform += b_i
    return uniform

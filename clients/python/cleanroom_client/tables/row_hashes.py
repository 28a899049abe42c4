"""64-bit hashes of rows, to count those that repeat; knows no columns and keeps no row.

Not keyed and not cryptographic: they stay in this process, and a partner who makes two rows
collide miscounts the repeats of his own table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

_WORD_BYTES = 8
_LONG_BYTES = 64  # longer texts are rare and go one by one
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
_HALF = np.uint64(32)
# The low n bytes of a word.
_LOW = np.array([(1 << (8 * n)) - 1 for n in range(_WORD_BYTES + 1)], np.uint64)


def row_hashes(columns: Sequence[pa.Array]) -> np.ndarray:
    """Return (rows,) uint64, equal for equal rows of string columns without nulls."""
    hashes = np.zeros(len(columns[0]) if columns else 0, np.uint64)
    for column in columns:
        hashes = _mixed(hashes, _text_hashes(column))
    return hashes


def _mixed(hashes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return hashes with a word more each; one-to-one in either argument for a fixed other."""
    mixed: np.ndarray = (hashes ^ words) * _ODD
    mixed ^= mixed >> _HALF
    return mixed


def _text_hashes(column: pa.Array) -> np.ndarray:
    if not len(column):
        return np.zeros(0, np.uint64)
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1].astype(np.int64)
    first, last = int(bounds[0]), int(bounds[-1])
    octets = np.zeros(last - first + _WORD_BYTES, np.uint8)  # a word may begin at the last byte
    if last > first:
        octets[: last - first] = np.frombuffer(data, np.uint8)[first:last]
    starts, lengths = bounds[:-1] - first, np.diff(bounds)
    hashes = _word_hashes(octets, starts, lengths)
    for row in np.flatnonzero(lengths > _LONG_BYTES):
        text = octets[starts[row] : starts[row] + lengths[row]].tobytes()
        hashes[row] = np.uint64(hash(text) % 2**64)
    return hashes


def _word_hashes(octets: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return hashes of the texts of up to `_LONG_BYTES` bytes, eight of their bytes at a time."""
    words = np.ndarray(len(octets) - _WORD_BYTES + 1, "<u8", octets, strides=(1,))
    hashes = lengths.astype(np.uint64)
    longest = min(int(lengths.max(initial=0)), _LONG_BYTES)
    for done in range(0, longest, _WORD_BYTES):
        left = np.clip(lengths - done, 0, _WORD_BYTES)
        at = np.minimum(starts + done, len(words) - 1)
        more = _mixed(hashes, words[at] & _LOW[left])
        # A text that ended keeps its hash, however long the others are.
        hashes = np.where(left > 0, more, hashes)
    return hashes

"""Packed curve points: hygiene, shuffled batches, and the check of what a party returns.

Must not know tasks or storage. Arrays are (n, 32) uint8, one little-endian u-coordinate a row.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanroom.model.errors import BadElement, FieldInvalid, RelayMisbehaved
from cleanroom.ports.environment import Entropy

POINT_BYTES = 32
STORED_BYTES = 16  # of a token in a sealed version; chance makes no two halves equal
MIN_BUCKET = 1024
BUCKETS_PER_DOUBLING = 8
MIN_REPEATS = 32
KNOWN_PAIRS = 8

Points = NDArray[np.uint8]

_P = 2**255 - 19
# u-coordinates of low order in canonical form; X25519 maps them to zero (RFC 7748, section 6.1).
_ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
_LOW_ORDER = frozenset(u.to_bytes(POINT_BYTES, "little") for u in (0, 1, _P - 1, *_ORDER_8))


def unpack(packed: bytes, field: str) -> Points:
    """Return packed points as rows; raises FieldInvalid unless the length is a multiple of 32."""
    if len(packed) % POINT_BYTES:
        raise FieldInvalid(field=field, expected=f"elements of {POINT_BYTES} bytes each")
    return np.frombuffer(packed, dtype=np.uint8).reshape(-1, POINT_BYTES)


def check_points(points: Points, field: str) -> None:
    """Raise BadElement for the first row that is non-canonical or of low order.

    Does not verify that a point is in the prime-order subgroup: the clamped scalar of X25519 is
    a multiple of the cofactor, and points of the twist only break their sender's own matches.
    """
    top = points[:, 31] > 0x7F  # noqa: PLR2004 - the unused bit of RFC 7748, section 5
    full = (points[:, 31] == 0x7F) & (points[:, 1:31] == 0xFF).all(axis=1)  # noqa: PLR2004
    too_large = full & (points[:, 0] >= 0xED)  # noqa: PLR2004 - p = 0x7fff…ffed
    _raise_first(top | too_large, field, "not canonical")
    suspects = np.flatnonzero(np.isin(points[:, 0], [u[0] for u in _LOW_ORDER]))
    low = [int(i) for i in suspects if points[i].tobytes() in _LOW_ORDER]
    if low:
        raise BadElement(field=field, position=low[0], why="low order")


def _raise_first(bad: NDArray[np.bool_], field: str, why: str) -> None:
    if bad.any():
        raise BadElement(field=field, position=int(np.argmax(bad)), why=why)


def bucket(n: int) -> int:
    """Return the padded size for n elements: eight steps in each doubling, 1024 at least."""
    if n <= MIN_BUCKET:
        return MIN_BUCKET
    step = 1 << max(0, (n - 1).bit_length() - 1) - BUCKETS_PER_DOUBLING.bit_length() + 1
    return -(-n // step) * step


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one party is sent: `points` in shuffled order; `source[i]` is the row of the origin
    that point i stands for, or -1 for padding and planted points of earlier batches.
    """

    points: Points
    source: NDArray[np.int64]

    def to_bytes(self) -> bytes:
        """Return one blob; the inverse of `from_bytes`."""
        out = io.BytesIO()
        np.savez(out, points=self.points, source=self.source)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Batch:
        """Read a blob that `to_bytes` made."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(points=arrays["points"], source=arrays["source"])


def make_batch(origin: Points, known: Points, entropy: Entropy) -> Batch:
    """Return the origin's points with repeats, known points and padding, freshly shuffled.

    Ensures: the number sent depends on bucket(n + repeats) only; the order is uniform.
    """
    n = len(origin)
    picks = _random_keys(MIN_REPEATS + n // 256, entropy) % np.uint64(max(n, 1))
    repeats = picks.astype(np.int64) if n else np.empty(0, dtype=np.int64)
    wanted = bucket(n + len(repeats) + len(known))
    padding = entropy.points(wanted - n - len(repeats) - len(known))
    extra = np.frombuffer(b"".join(padding), dtype=np.uint8).reshape(-1, POINT_BYTES)
    points = np.concatenate([origin, origin[repeats], known, extra])
    none = np.full(len(known) + len(extra), -1, dtype=np.int64)
    source = np.concatenate([np.arange(n, dtype=np.int64), repeats, none])
    order = np.argsort(_random_keys(len(points), entropy), kind="stable")
    return Batch(points=points[order], source=source[order])


def _random_keys(n: int, entropy: Entropy) -> NDArray[np.uint64]:
    return np.frombuffer(entropy.token_bytes(8 * n), dtype=np.uint64)


def check_answers(batch: Batch, answers: Points, known: tuple[Points, Points], party: str) -> None:
    """Raise RelayMisbehaved unless one fixed secret could have answered all of it.

    One point must have one answer, here and as remembered from earlier batches (`known`:
    points and their answers); two points must have two; none may come back as it was.
    Does not verify that the answers are multiples at all: wrong ones only fail to match.
    """
    points = np.concatenate([batch.points, known[0]])
    replies = np.concatenate([answers, known[1]])
    if (points == replies).all(axis=1).any():
        raise RelayMisbehaved(party=party, why="an element came back unchanged")
    pairs = _distinct(np.concatenate([points, replies], axis=1))
    if pairs != _distinct(points):
        raise RelayMisbehaved(party=party, why="one element was answered in two ways")
    if pairs != _distinct(replies[:, :STORED_BYTES]):
        raise RelayMisbehaved(party=party, why="two elements were answered in one way")


def _distinct(rows: Points) -> int:
    """Return the number of different rows."""
    if not len(rows):
        return 0
    words = np.ascontiguousarray(rows).view(np.uint64)
    ordered = words[np.lexsort(words.T)]
    return 1 + int((ordered[1:] != ordered[:-1]).any(axis=1).sum())


def restore(batch: Batch, answers: Points, n: int) -> Points:
    """Return the n answers in the order of the origin."""
    out = np.zeros((n, POINT_BYTES), dtype=np.uint8)
    mine = batch.source >= 0
    out[batch.source[mine]] = answers[mine]
    return out

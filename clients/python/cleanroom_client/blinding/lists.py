"""Blinding of lists, in this process or over several; knows no files and no service.

Packed items (n of 32 bytes as 32 n bytes) are the currency. The native kernel releases the
interpreter lock, so more cores mean more threads. Without it X25519 from Python holds the lock,
and more cores mean more processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from cleanroom_client.blinding.curve25519 import POINT_BYTES, hash_to_curve_x_many
from cleanroom_client.blinding.kernel import Kernel, chosen
from cleanroom_client.blinding.points import BadPoint, PointFault, check_point
from cleanroom_client.blinding.pool import ThreadPool, WorkerPool
from cleanroom_client.blinding.secret import BlindingKey
from cleanroom_client.identifiers.kinds import KeyType

CHUNK = 2_000  # about 0.1 s of one core in Python: often enough for a progress bar
_SMALL = 20_000  # below this, starting processes costs more than it saves

Progress = Callable[[int], None]
"""Called in the caller's thread with the number of items done so far."""


def domain_tag(collaboration: str, key_type: KeyType) -> bytes:
    """Return the RFC 9380 domain separation tag of one key type in one collaboration."""
    suite = "curve25519_XMD:SHA-512_ELL2_NU_"
    return f"CLEANROOM-V01-CS01-with-{suite}{collaboration}/{key_type}".encode()


def blind(
    points: Sequence[bytes],
    key: BlindingKey,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[bytes]:
    """Return each point raised to the secret, in order (32 bytes in, 32 bytes out).

    Raises BadPoint with the position of the first point of another length, else of the first bad
    point of the earliest bad chunk.
    """
    return _in_chunks(points, key, dst=b"", workers=workers, progress=progress)


def blind_identities(
    identities: Sequence[bytes],
    *,
    collaboration: str,
    key_type: KeyType,
    key: BlindingKey,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[bytes]:
    """Return k H(identity) for each 32-byte identity, in order, as 32-byte x-coordinates.

    H is curve25519_XMD:SHA-512_ELL2_NU_ (RFC 9380) under `domain_tag`; clamping clears its
    cofactor. Raises BadPoint for an identity of another length.
    """
    dst = domain_tag(collaboration, key_type)
    return _in_chunks(identities, key, dst=dst, workers=workers, progress=progress)


def chunks_of(packed: bytes | memoryview, items: int) -> list[bytes]:
    """Return the packed items in pieces of at most `items`; copies, as workers need bytes."""
    view = memoryview(packed).cast("B")
    size = items * POINT_BYTES
    return [bytes(view[start : start + size]) for start in range(0, len(view), size)]


def blind_chunk(packed: bytes, key: BlindingKey, *, dst: bytes) -> bytes:
    """Blind one chunk here: points as they are for an empty `dst`, else hashed under it first."""
    kernel = chosen()
    if kernel is not None:
        return _blind_packed(kernel, packed, key, dst)
    items = _split(packed)
    points = hash_to_curve_x_many(items, dst) if dst else items
    return b"".join(_blind_at(position, point, key) for position, point in enumerate(points))


def _blind_packed(kernel: Kernel, packed: bytes, key: BlindingKey, dst: bytes) -> bytes:
    points = kernel.hash_to_curve(packed, dst) if dst else packed
    bad = kernel.find_bad(points)
    if bad >= 0:
        _refuse(points[POINT_BYTES * bad : POINT_BYTES * (bad + 1)], bad)
    return key.blind_packed(kernel, points)


def _refuse(point: bytes, position: int) -> None:
    try:
        check_point(point)
    except BadPoint as error:
        raise BadPoint(error.fault, position) from None
    raise AssertionError("the kernel and Python disagree about a point")


def _split(packed: bytes) -> list[bytes]:
    return [packed[at : at + POINT_BYTES] for at in range(0, len(packed), POINT_BYTES)]


def start_pool(workers: int, key: BlindingKey) -> WorkerPool | ThreadPool:
    """Return a pool to be entered: threads where the kernel runs, processes where it does not."""
    if chosen() is None:
        return WorkerPool(workers, key)
    return ThreadPool(workers, lambda chunk, dst: blind_chunk(chunk, key, dst=dst))


def _blind_at(position: int, point: bytes, key: BlindingKey) -> bytes:
    try:
        return key.blind_one(point)
    except BadPoint as error:
        raise BadPoint(error.fault, position) from None


def _in_chunks(
    items: Sequence[bytes],
    key: BlindingKey,
    *,
    dst: bytes,
    workers: int,
    progress: Progress | None,
) -> list[bytes]:
    chunks = chunks_of(_joined(items), CHUNK)
    done: list[bytes] = []
    with ExitStack() as stack:
        results = _results(stack, chunks, key, dst, workers if len(items) > _SMALL else 1)
        while len(done) < len(items):
            done += _split(_next_at(results, len(done)))
            if progress is not None:
                progress(len(done))
    return done


def _joined(items: Sequence[bytes]) -> bytes:
    for position, item in enumerate(items):
        if len(item) != POINT_BYTES:
            raise BadPoint(PointFault.WRONG_LENGTH, position)
    return b"".join(items)


def _results(
    stack: ExitStack, chunks: Sequence[bytes], key: BlindingKey, dst: bytes, workers: int
) -> Iterator[bytes]:
    if workers <= 1:
        return (blind_chunk(chunk, key, dst=dst) for chunk in chunks)
    pool = start_pool(workers, key)
    stack.enter_context(pool)
    return pool.map(chunks, dst)


def _next_at(results: Iterator[bytes], offset: int) -> bytes:
    """Return the next chunk's result; move a bad point's position by where the chunk began."""
    try:
        return next(results)
    except BadPoint as error:
        raise BadPoint(error.fault, offset + (error.position or 0)) from None

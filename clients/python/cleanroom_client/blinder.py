"""Blinding of many lists by one set of workers; knows no files and no service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from cleanroom_client.blinding.lists import CHUNK, blind_chunk, chunks_of, start_pool
from cleanroom_client.blinding.pool import ThreadPool, WorkerPool
from cleanroom_client.blinding.secret import BlindingKey
from cleanroom_client.packed import Packed, count_of

# Below this, starting processes costs more than it saves.
_SMALL = 8_000


class Blinder:
    """Raises points to one party's secret; starts its workers at the first long list.

    A context manager: the workers live until it is left, so that many lists pay for one start.
    """

    def __init__(self, key: BlindingKey, *, workers: int) -> None:
        """Keep the key; nothing is started yet."""
        self._key = key
        self._workers = workers
        self._stack = ExitStack()
        self._pool: WorkerPool | ThreadPool | None = None

    def __enter__(self) -> Self:
        """Return the blinder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers."""
        self._stack.close()

    def blind(
        self, items: Packed, *, dst: bytes = b"", done: Callable[[int], None] | None = None
    ) -> bytes:
        """Return each item raised to the secret, in order; hashed under `dst` first if given.

        Packed in, packed out (32 bytes an item). `done` hears how many more are done; what it
        raises ends the work. Raises BadPoint, whose position counts within a chunk, WorkerDied,
        and ValueError for a part of an item.
        """
        blinded: list[bytes] = []
        for chunk in self._results(chunks_of(items, CHUNK), dst, count_of(items)):
            blinded.append(chunk)
            if done is not None:
                done(count_of(chunk))
        return b"".join(blinded)

    def _results(self, chunks: Sequence[bytes], dst: bytes, count: int) -> Iterator[bytes]:
        if self._pool is None and (self._workers <= 1 or count < _SMALL):
            return (blind_chunk(chunk, self._key, dst=dst) for chunk in chunks)
        if self._pool is None:
            self._pool = start_pool(self._workers, self._key)
            self._stack.enter_context(self._pool)
        return self._pool.map(chunks, dst)

"""Memory that is written from past the page cache, and used again; must not know what it holds."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PAGE_BYTES: Final = 4096  # which such writes are aligned to, on whatever disk
_USUAL_BYTES: Final = (1 << 20) + (16 << 10)  # a chunk with what surrounds it
_KEPT: Final = 4


class Buffers:
    """Page-aligned buffers of any size; a few of the usual one are kept for the next."""

    __slots__ = ("_lock", "_spare")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: list[mmap.mmap] = []

    @contextmanager
    def lent(self, size: int) -> Iterator[memoryview]:
        """Lend `size` bytes with anything in them."""
        buffer = self._taken(size)
        try:
            yield memoryview(buffer)[:size]
        finally:
            self._give(buffer)

    def _taken(self, size: int) -> mmap.mmap:
        with self._lock:
            if size <= _USUAL_BYTES and self._spare:
                return self._spare.pop()
        return mmap.mmap(-1, max(size, _USUAL_BYTES))

    def _give(self, buffer: mmap.mmap) -> None:
        with self._lock:
            if len(buffer) == _USUAL_BYTES and len(self._spare) < _KEPT:
                self._spare.append(buffer)

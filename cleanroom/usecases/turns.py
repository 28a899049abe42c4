"""One thread at a time for each name; must not know what is done meanwhile.

Files are written beside the store's transactions, so whoever reads a state, writes files and
then records both must be alone in that. One process serves a data folder (wiring/lock.py), so a
lock within the process is enough; a crash ends it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Locks by name, which exist only while somebody holds or wants them."""

    __slots__ = ("_guard", "_locks")

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}  # the lock, who holds or wants it

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold the name. Requires: the calling thread does not hold it already."""
        with self._guard:
            lock, users = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                _, users = self._locks[name]
                if users == 1:
                    del self._locks[name]
                else:
                    self._locks[name] = lock, users - 1

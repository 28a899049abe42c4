"""Threads waiting for each other fairly; must not know what they do meanwhile."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from cleanroom.storage.errors import StoreMisused


class Turn:
    """A fair lock: whoever waits longest goes next, so nobody starves.

    `threading.Lock` promises no order, and SQLite's busy handler is a lottery with sleeps.
    """

    __slots__ = ("_guard", "_holder", "_waiting")

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[tuple[int, threading.Event]] = deque()
        self._holder: int | None = None  # thread id

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn; raises StoreMisused when this thread holds it already."""
        self._take()
        try:
            yield
        finally:
            self._pass_on()

    def held_here(self) -> bool:
        """Return whether the calling thread holds the turn."""
        return self._holder == threading.get_ident()

    def _take(self) -> None:
        if self.held_here():
            raise StoreMisused("a transaction was begun inside another one of the same thread")
        mine = threading.Event()
        with self._guard:
            if self._holder is None:
                self._holder = threading.get_ident()
                return
            self._waiting.append((threading.get_ident(), mine))
        mine.wait()

    def _pass_on(self) -> None:
        with self._guard:
            if not self._waiting:
                self._holder = None
                return
            self._holder, event = self._waiting.popleft()
            event.set()


class Gate:
    """Many may be inside, or one alone; who wants to be alone waits only for those inside.

    A rollback journal lets no reader in during a commit and no commit while a reader is in.
    Left to SQLite's busy handler, readers beside a steady writer sleep through every chance.
    """

    __slots__ = ("_alone", "_condition", "_inside", "_mine", "_wanting")

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._wanting = 0
        self._alone = False
        self._mine = threading.local()  # depth: a thread that is inside may go in again

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Be inside, with others."""
        depth: int = getattr(self._mine, "depth", 0)
        if not depth:
            self._enter()
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            if not depth:
                self._leave()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be inside with nobody else. Requires: the calling thread is not inside."""
        with self._condition:
            self._wanting += 1
            self._condition.wait_for(lambda: not self._inside and not self._alone)
            self._wanting -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._condition:
                self._alone = False
                self._condition.notify_all()

    def _enter(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: not self._alone and not self._wanting)
            self._inside += 1

    def _leave(self) -> None:
        with self._condition:
            self._inside -= 1
            self._condition.notify_all()

"""Work done ahead in a thread of its own, by a bounded number of items; knows not what work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from threading import Condition, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

_TICK_S = 0.1

T = TypeVar("T")
Check = Callable[[], None]
"""Raises Stopped where nobody waits for the work any more; costs nothing."""


class Stopped(Exception):
    """Ends the work from within; never leaves its thread."""


class Ahead(Generic[T]):
    """Takes items from a generator in a thread, at most `room` of them before they are wanted.

    A context manager: leaving it stops the generator at its next item or check, closes it, and
    waits until that is done. What the generator raises is raised where its next item would come,
    so whatever it gave before is dealt with first.
    """

    def __init__(self, work: Callable[[Check], Iterator[T]], *, room: int = 1) -> None:
        """Take items from `work(check)`, which runs in the thread from its first line on."""
        self._work = work
        self._room = room
        self._ready: deque[T] = deque()
        self._changed = Condition()
        self._is_over = self._is_stopped = False
        self._error: BaseException | None = None
        # A daemon: a second Ctrl-C ends the program even where a disk does not answer.
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wait for the end."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join()

    def each(self, meanwhile: Callable[[], None]) -> Iterator[T]:
        """Yield the items; call `meanwhile` now and then while waiting for one."""
        for items in self.together(meanwhile, most=lambda: 1):
            yield from items

    def together(
        self, meanwhile: Callable[[], None], *, most: Callable[[], int]
    ) -> Iterator[list[T]]:
        """Yield all items that wait already, at least one and at most `most()`, as a list."""
        while self._has_come(meanwhile):
            with self._changed:
                count = min(most(), len(self._ready))
                items = [self._ready.popleft() for _ in range(count)]
                self._changed.notify_all()
            yield items
        if self._error is not None:
            raise self._error

    def _has_come(self, meanwhile: Callable[[], None]) -> bool:
        """Wait; return whether there is an item rather than the end."""
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._ready or self._is_over, _TICK_S):
                    return bool(self._ready)
            meanwhile()

    def _run(self) -> None:
        try:
            with closing(self._generator()) as items:
                for item in items:
                    self._put(item)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the items are wanted
            self._error = error
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _generator(self) -> Generator[T, None, None]:
        yield from self._work(self._check)

    def _put(self, item: T) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._ready) < self._room or self._is_stopped)
            self._check()
            self._ready.append(item)
            self._changed.notify_all()

    def _check(self) -> None:
        if self._is_stopped:
            raise Stopped

"""Messages of a stream taken while the ones before are worked on; must not know what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias, TypeVar

_PLACE, _NOBODY = b"place", b"nobody"  # for another item; wants one any more

T = TypeVar("T")
# Behind the last item None, or what ended them; an item in a tuple, because it may be anything.
_Line: TypeAlias = "SimpleQueue[tuple[T] | BaseException | None]"


def ahead(items: Iterable[T], room: int) -> Iterator[T]:
    """Yield items that a thread takes, `room` of them before they are wanted and one in its hand.

    What `items` raises is raised behind what it gave. Whoever stops early does not wait for the
    thread, which hears of it behind `room` more items at most, or when they end: those of a stream
    end with its call.
    """
    line: _Line[T] = SimpleQueue()
    places: SimpleQueue[bytes] = SimpleQueue()
    for _ in range(room):
        places.put(_PLACE)
    Thread(target=_fill, args=(line, places, items), daemon=True).start()
    try:
        while isinstance(taken := line.get(), tuple):
            places.put(_PLACE)
            yield taken[0]
        if taken is not None:
            raise taken
    finally:
        places.put(_NOBODY)


def _fill(line: _Line[T], places: SimpleQueue[bytes], items: Iterable[T]) -> None:
    """Take items as long as somebody wants them; runs in the thread."""
    try:
        for item in items:
            if places.get() == _NOBODY:
                return
            line.put((item,))
        line.put(None)
    except BaseException as error:  # noqa: BLE001 - raised again where the items are wanted
        line.put(error)

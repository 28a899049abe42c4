"""Messages of a stream taken several at a time; must not know what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def groups(messages: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` messages; of a stream that breaks, first what came before."""
    group: list[T] = []
    try:
        for message in messages:
            group.append(message)
            if len(group) == size:
                yield group
                group = []
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group

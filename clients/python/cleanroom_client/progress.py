"""How long stories say how far they are; knows no terminal."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears of progress, in the thread that asked for the work; must return quickly."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Take that `done` of `total` (None: not known) of a stage are done."""


def silent(stage: str, done: int, total: int | None = None) -> None:
    """Ignore progress."""

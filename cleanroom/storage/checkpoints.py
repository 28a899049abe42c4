"""The newest checkpoints that were shown, as files beside the database; must not know what they say.

Beside, not inside: an older copy of the database put back must not bring its own memory along.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cleanroom.storage.files import make_folder, place_files, sync

NEWEST: Final = "checkpoint"
WITNESSED: Final = "checkpoint.witnessed"
_LOCK: Final = "checkpoint.lock"


class CheckpointFiles:
    """The `Remembered` port in a folder; other processes may use it too."""

    __slots__ = ("_folder", "_turn", "_unique")

    def __init__(self, folder: Path, unique: Callable[[], str]) -> None:
        self._folder, self._unique = folder, unique
        self._turn = threading.Lock()  # a file's lock does not hold off threads of one process

    def newest(self) -> str | None:
        """Return the newest note."""
        return self._read(NEWEST)

    def witnessed(self) -> str | None:
        """Return the newest note that a witness cosigned."""
        return self._read(WITNESSED)

    def update(self, work: Callable[[str | None], str]) -> str:
        """Put what `work` makes of the newest note in its place; return it, durable."""
        return self._update(NEWEST, work)

    def update_witnessed(self, work: Callable[[str | None], str]) -> str:
        """Do the same with the newest cosigned note."""
        return self._update(WITNESSED, work)

    def _update(self, name: str, work: Callable[[str | None], str]) -> str:
        with self._alone():
            last = self._read(name)
            note = work(last)
            if note != last:
                # A crash before the rename leaves the old note; after it, the new one, whole.
                place_files([(self._folder / name, (note.encode(),))], self._unique)
                sync(self._folder)
            return note

    def _read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        make_folder(self._folder)
        with self._turn:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._folder / _LOCK, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

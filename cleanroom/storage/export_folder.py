"""An exported log as a folder of files: read, and written so that no half of a file is ever seen.

Must not know what the files say.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cleanroom.audit.errors import ExportInvalid
from cleanroom.storage.files import (
    UNFINISHED,
    create_unsynced,
    make_folder,
    place_files,
    remove_unfinished,
    sync,
)


class ExportFolder:
    """The `ExportFiles` of a folder; symbolic links are followed, as a web server would."""

    __slots__ = ("_root",)

    def __init__(self, root: Path) -> None:
        """Take a folder that exists; raises ExportInvalid for anything else."""
        if not root.is_dir():
            raise ExportInvalid(path=str(root), why="there is no such folder")
        self._root = root

    def read(self, path: str, limit: int) -> bytes | None:
        """Return a file's bytes, None when there is none; raises ExportInvalid beyond `limit`."""
        try:
            with (self._root / path).open("rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            raise ExportInvalid(path=path, why="it is a folder, expected a file") from None
        if len(data) > limit:
            raise ExportInvalid(path=path, why=f"it is longer than {limit} bytes")
        return data

    def paths(self) -> Iterator[str]:
        """Yield the path of every finished file; one still being written has another name."""
        for folder, _, names in os.walk(self._root):
            below = Path(folder).relative_to(self._root)
            for name in sorted(names):
                if not name.startswith(UNFINISHED):
                    yield (below / name).as_posix()


class ExportWriter:
    """Creates immutable files and replaces the few that change; one writer at a time.

    A crash leaves whole files under their names, and unfinished ones that the next writer removes.
    """

    __slots__ = ("_folders", "_root", "_unique")

    def __init__(self, root: Path, unique: Callable[[], str]) -> None:
        self._root, self._unique = root, unique
        self._folders: set[Path] = set()

    def create(self, path: str, data: bytes) -> bool:
        """Create a file that never changes; return whether it was new.

        Its content is durable on return, its name after `flush`.
        Raises ExportInvalid when the file is there with other content.
        """
        target = self._root / path
        make_folder(target.parent)
        try:
            # A crash after this leaves the whole file, which the next export finds and compares.
            create_unsynced(target, data, self._unique())
        except FileExistsError:
            if target.read_bytes() != data:
                why = "it is there already and says something else: another log was exported here"
                raise ExportInvalid(path=path, why=why) from None
            return False
        self._folders.add(target.parent)
        return True

    def flush(self) -> None:
        """Make the names of all created files durable."""
        for folder in self._folders:
            sync(folder)
        self._folders.clear()

    def replace(self, path: str, data: bytes) -> None:
        """Put a file in the place of an older one, whole or not at all; durable on return."""
        target = self._root / path
        make_folder(target.parent)
        place_files([(target, (data,))], self._unique)
        sync(target.parent)


@contextmanager
def writing(root: Path, unique: Callable[[], str]) -> Iterator[ExportWriter]:
    """Hold a folder, made if need be, to export into; raises ExportInvalid when another does."""
    make_folder(root)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for folder, _, _ in os.walk(root):
            remove_unfinished(Path(folder))
        yield ExportWriter(root, unique)
    except BlockingIOError:
        raise ExportInvalid(path=str(root), why="another process exports into it") from None
    finally:
        os.close(descriptor)

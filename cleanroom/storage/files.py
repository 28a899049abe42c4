"""Files that are durable when a function returns and never seen half-written; knows no keys.

The caller gives every unfinished file a fresh name; a crash leaves it under that name, where
nobody looks for it and `remove_unfinished` finds it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

UNFINISHED: Final = ".unfinished-"
# No dots and no slashes: nothing that can leave its folder or meet `data.key`.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def checked_name(name: str) -> str:
    """Return a name that a caller may give a file; raises ValueError for any other."""
    if not is_name(name):
        raise ValueError("a name in the vault is 1 to 128 letters, digits, hyphens, underscores")
    return name


def is_name(name: str) -> bool:
    """Return whether it is such a name."""
    return _NAME.fullmatch(name) is not None


def make_folder(folder: Path) -> None:
    """Make a folder (mode 0700) and its parents, each durable; one that exists is fine."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    # A crash here may lose an empty folder, which the next writer makes again.
    sync(folder.parent)


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist (mode 0600) and flush its content, not yet its name."""
    with removed_on_error(path), _opened_new(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _opened_new(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def open_direct(path: Path) -> int:
    """Return a descriptor of a file that must not exist (mode 0600), past the page cache if can be.

    Writes must then be aligned, in memory and on the disk.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(path, flags | getattr(os, "O_DIRECT", 0), 0o600)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    path.unlink(missing_ok=True)  # some file systems make the file before they refuse
    return os.open(path, flags, 0o600)


def write_at(descriptor: int, data: memoryview, position: int) -> None:
    """Write all of it; not yet durable."""
    while data:
        written = os.pwrite(descriptor, data, position)  # perhaps less: a disk may become full
        data, position = data[written:], position + written


def place_files(files: Sequence[tuple[Path, tuple[bytes, ...]]], unique: Callable[[], str]) -> None:
    """Put data, in parts, under paths, replacing atomically; the names are not yet durable.

    All are written before the first is flushed, so that the disk is waited for about once. The
    caller syncs the folder.
    """
    with ExitStack() as undone:
        placed = []
        for path, parts in files:
            unfinished = path.with_name(UNFINISHED + unique())
            undone.enter_context(removed_on_error(unfinished))
            file = undone.enter_context(_opened_new(unfinished))
            file.writelines(parts)
            file.flush()
            placed.append((file, unfinished, path))
        for file, _, _ in placed:
            os.fsync(file.fileno())
        # A crash before a rename leaves the old file, and a new one that the sweep removes.
        for _, unfinished, path in placed:
            unfinished.replace(path)


def create_file(path: Path, data: bytes, unique: str) -> None:
    """Put `data` under `path`; durable on return. Raises FileExistsError, leaving what is there."""
    create_unsynced(path, data, unique)
    sync(path.parent)


def create_unsynced(path: Path, data: bytes, unique: str) -> None:
    """Put `data` under `path` whole, its name not yet durable; raises FileExistsError."""
    unfinished = path.with_name(UNFINISHED + unique)
    write_new(unfinished, data)
    try:
        # A crash after this leaves the whole file under both names; the sweep removes one.
        path.hardlink_to(unfinished)
    finally:
        unfinished.unlink()


@contextmanager
def removed_on_error(path: Path) -> Iterator[None]:
    """Remove a file or folder that could not be finished, so that retries do not fill the disk."""
    try:
        yield
    except BaseException:
        _remove(path)
        raise


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it; durable on return. An absent one is fine."""
    if folder.is_dir():
        # A crash here leaves some of the files; whoever removes the folder again removes them.
        shutil.rmtree(folder)
    sync(folder.parent)


def remove_unfinished(folder: Path) -> int:
    """Remove what crashes left unfinished directly in a folder; return how many there were."""
    found = [path for path in folder.iterdir() if path.name.startswith(UNFINISHED)]
    for path in found:
        _remove(path)
    return len(found)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

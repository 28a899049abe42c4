"""Runs: an upload's items one behind the other in one encrypted file; must not know what they are.

    for each item: number, length of the sealed note, of the sealed data (4 bytes each,
    little-endian), the note, the data, zeros up to a multiple of 4 KiB

In a file for each item, the disk would be told of each by itself: that costs more than writing it.
They go past the page cache where the file system can do that: nobody reads them soon, and pages
for them cost more than encrypting.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final

from cleanroom.ports.vault import VaultDamaged
from cleanroom.storage.buffers import PAGE_BYTES, Buffers
from cleanroom.storage.files import checked_name, open_direct, sync, write_at
from cleanroom.storage.keys import Sealer

_FRAME: Final = Struct("<III")
_LONGEST: Final = 64 << 20  # more than anyone adds: a damaged length must not ask for gigabytes

Context = Callable[[int], bytes]
"""What the item of a number is bound to."""


class FileRun:
    """The `Run` port on one file."""

    __slots__ = ("_buffers", "_context", "_descriptor", "_end", "_path", "_sealer")

    def __init__(self, path: Path, sealer: Sealer, context: Context, buffers: Buffers) -> None:
        """Make a file, which must not exist, under an unfinished name."""
        self._path, self._sealer, self._context = path, sealer, context
        self._buffers, self._end = buffers, 0
        # A crash from here on leaves an unfinished file, which the next start sweeps.
        self._descriptor = open_direct(path)

    def add(self, number: int, data: bytes, note: bytes) -> None:
        """See the port."""
        lengths = [len(part) + self._sealer.overhead for part in (note, data)]
        with self._buffers.lent(_padded(_FRAME.size + sum(lengths))) as buffer:
            data_at = _FRAME.size + lengths[0]
            end = data_at + lengths[1]
            context = self._context(number)
            _FRAME.pack_into(buffer, 0, number, *lengths)
            self._sealer.seal_into(buffer[_FRAME.size : data_at], note, context)
            # The note is in what the data are bound to, so that neither can be put beside another.
            self._sealer.seal_into(buffer[data_at:end], data, context + note)
            buffer[end:] = bytes(len(buffer) - end)
            write_at(self._descriptor, buffer, self._end)
            self._end += len(buffer)

    def keep(self, name: str) -> None:
        """See the port."""
        final = self._path.with_name(checked_name(name))
        os.fdatasync(self._descriptor)
        # A crash before the rename leaves an unfinished file; after it, a whole run under a name
        # that the caller has not counted, and gives to the next one.
        self._path.replace(final)
        sync(self._path.parent)

    def close(self) -> None:
        """See the port."""
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)  # a kept one has another name


def read_run(
    path: Path, sealer: Sealer, context: Context, where: str
) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, note and data of each item, in the order added.

    Raises KeyError when there is no such run, VaultDamaged where it was changed or ends within an
    item. Does not see that whole items are missing from the end: the caller counts them.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise KeyError(f"there is no {where}") from None
    with file:
        while frame := file.read(_FRAME.size):
            number, sealed_note, sealed = _item(file, frame, where)
            item = f"item {number} of {where}"
            note = sealer.open(sealed_note, context(number), item)
            yield number, note, sealer.open(sealed, context(number) + note, item)


def _item(file: BinaryIO, frame: bytes, where: str) -> tuple[int, bytes, bytes]:
    number, *lengths = _FRAME.unpack(frame.ljust(_FRAME.size, b"\xff"))
    if max(lengths) > _LONGEST:
        raise VaultDamaged(f"{where} is not what was written")
    note, data = (file.read(length) for length in lengths)
    file.seek(_padded(_FRAME.size + sum(lengths)) - _FRAME.size - sum(lengths), os.SEEK_CUR)
    return number, note, data


def _padded(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES

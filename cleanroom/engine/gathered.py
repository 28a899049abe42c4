"""Columns of rows that come in chunks, each taken out whole and once; must not know their meaning.

A chunk is copied as it comes, because its columns share memory, which would be kept until the
last of them was taken. The copies are blocks so large that the C library maps each by itself and
gives it back at once when it is let go; what is not yet written in a block takes no memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cleanroom.engine.order import Bytes, Flags, Ints
from cleanroom.engine.people import fixed_bytes

_BLOCK = 1 << 22  # rows


class Gathered:
    """Rows of integers without nulls and of fixed-width values that may be missing."""

    __slots__ = ("_integers", "_present", "_values", "count")

    def __init__(self, schema: pa.Schema) -> None:
        """Begin without rows but with every column."""
        integers = [f for f in schema if pa.types.is_integer(f.type)]
        values = [f for f in schema if f not in integers]
        self.count = 0
        self._integers = {f.name: _Column((), f.type.to_pandas_dtype()) for f in integers}
        self._values = {f.name: _Column((f.type.byte_width,), np.uint8) for f in values}
        self._present = {f.name: _Column((), np.bool_) for f in values}

    def add(self, table: pa.Table) -> None:
        """Add the rows of a table of the schema's columns."""
        self.count += table.num_rows
        for name, integers in self._integers.items():
            integers.add(np.asarray(table[name]))
        for name, values in self._values.items():
            column = table[name].combine_chunks()
            present = column.is_valid().to_numpy(zero_copy_only=False)
            self._present[name].add(present)
            values.add(fixed_bytes(column)[present] if column.null_count else fixed_bytes(column))

    def integers(self) -> dict[str, Ints]:
        """Take out all columns of integers (rows,), each in its own width and in order."""
        return {name: self._integers.pop(name).whole() for name in tuple(self._integers)}

    def fixed(self, name: str) -> tuple[Bytes, Flags]:
        """Take out a column: its values (n, width), and in which rows (rows,) there is one."""
        return self._values.pop(name).whole(), self._present.pop(name).whole()


class _Column:
    """Values of one shape and type in blocks."""

    __slots__ = ("_blocks", "_used", "_width")

    def __init__(self, shape: tuple[int, ...], kind: npt.DTypeLike) -> None:
        self._width = np.empty((0, *shape), dtype=kind)
        self._blocks: list[npt.NDArray[Any]] = []
        self._used = _BLOCK  # of the last block

    def add(self, values: npt.NDArray[Any]) -> None:
        while len(values):
            if self._used == _BLOCK:
                shape = (_BLOCK, *self._width.shape[1:])
                self._blocks.append(np.empty(shape, dtype=self._width.dtype))
                self._used = 0
            fits = values[: _BLOCK - self._used]
            self._blocks[-1][self._used : self._used + len(fits)] = fits
            self._used += len(fits)
            values = values[len(fits) :]

    def whole(self) -> npt.NDArray[Any]:
        """Return all values in one array, and forget them."""
        if len(self._blocks) == 1:
            return self._blocks.pop()[: self._used]
        count = _BLOCK * (len(self._blocks) - 1) + self._used if self._blocks else 0
        whole = np.empty((count, *self._width.shape[1:]), dtype=self._width.dtype)
        for number in reversed(range(len(self._blocks))):
            place = whole[number * _BLOCK : (number + 1) * _BLOCK]
            place[:] = self._blocks.pop()[: len(place)]
        return whole

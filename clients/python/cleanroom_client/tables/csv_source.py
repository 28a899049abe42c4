"""A CSV file as batches of text: plain stretches by Arrow, the rest and every error by line.

Knows no dataset's columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa

from cleanroom_client.tables.csv_blocks import BLOCK_BYTES, read_plain
from cleanroom_client.tables.csv_lines import DELIMITERS, Rows
from cleanroom_client.tables.errors import BadInput
from cleanroom_client.tables.raw import RawBatch

_PIECE_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a stretch of the file begins: at its first row, byte, and behind how many lines."""

    row: int
    offset: int
    lines: int


class CsvSource:
    """A CSV file with a header line, UTF-8 with or without a byte-order mark."""

    unit = "line"

    def __init__(self, path: Path, delimiter: str) -> None:
        """Read the header; raise BadInput."""
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise BadInput("the delimiter must be one character, such as ';'", file=path.name)
        self.name = path.name
        self._path = path
        self._delimiter = delimiter
        with path.open("rb") as file:
            rows = Rows(file, self.name, delimiter)
            first = next(iter(rows), None)
        if first is None:
            raise BadInput("the file is empty: expected a header line", file=self.name)
        self.headers: Sequence[str] = [header.strip() for header in first[1]]
        self._start = _Mark(0, rows.consumed, rows.lines)
        self._check_delimiter()

    def _check_delimiter(self) -> None:
        if len(self.headers) != 1:
            return
        for other in DELIMITERS:
            if other != self._delimiter and other in self.headers[0]:
                option = "tab" if other == "\t" else f"'{other}'"
                raise BadInput(
                    f"the header is one column when split at {self._delimiter!r}: it looks"
                    f" separated by {other!r}, so add --delimiter {option}",
                    file=self.name,
                    line=1,
                )

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield the rows; raise BadInput with the line."""
        marks: list[_Mark] = []
        first = 0
        for table in _regrouped(self._stretches(marks), rows):
            yield RawBatch(
                columns=[column.combine_chunks() for column in table.columns],
                rows=table.num_rows,
                line_of=partial(self._line_of, marks, first),
            )
            first += table.num_rows

    def _stretches(self, marks: list[_Mark]) -> Iterator[pa.Table]:
        """Yield tables of text; note in `marks` where each stretch begins."""
        at = self._start
        with self._path.open("rb") as file:
            while True:
                file.seek(at.offset)
                block = file.read(BLOCK_BYTES)
                if not block:
                    return
                marks.append(at)
                is_last = len(block) < BLOCK_BYTES
                plain = read_plain(block, self._delimiter, len(self.headers), is_last=is_last)
                if plain is not None:
                    count, consumed, lines = len(plain.columns[0]), plain.consumed, plain.lines
                    yield _table(plain.columns)
                else:
                    file.seek(at.offset)
                    rows = Rows(file, self.name, self._delimiter, lines=at.lines)
                    count = 0
                    for table in self._exactly(rows, len(block)):
                        count += table.num_rows
                        yield table
                    consumed, lines = rows.consumed, rows.lines - at.lines
                at = _Mark(at.row + count, at.offset + consumed, at.lines + lines)

    def _exactly(self, rows: Rows, least_bytes: int) -> Iterator[pa.Table]:
        """Yield at least so many bytes' rows; those before a fault come before it is raised."""
        piece: list[list[str]] = []
        try:
            for line, row in rows:
                if len(row) != len(self.headers):
                    raise self._ragged(line, len(row))
                piece.append(row)
                if rows.consumed >= least_bytes:
                    break
                if len(piece) == _PIECE_ROWS:
                    yield _from_rows(piece)
                    piece = []
        except BadInput:
            if piece:
                yield _from_rows(piece)
            raise
        if piece:
            yield _from_rows(piece)

    def _ragged(self, line: int, fields: int) -> BadInput:
        counted = f"expected {len(self.headers)} fields as in the header, found {fields}"
        if fields < len(self.headers):
            return BadInput(f"{counted}: is the line cut off?", file=self.name, line=line)
        return BadInput(
            f"{counted}: a field that holds {self._delimiter!r}, such as an amount 12,50, needs"
            " quotes",
            file=self.name,
            line=line,
        )

    def _line_of(self, marks: Sequence[_Mark], first: int, row: int) -> int:
        """Return the line of a row by reading its stretch again."""
        wanted = first + row
        mark = marks[bisect_right(marks, wanted, key=lambda mark: mark.row) - 1]
        with self._path.open("rb") as file:
            file.seek(mark.offset)
            rows = Rows(file, self.name, self._delimiter, lines=mark.lines)
            line, _ = next(islice(rows, wanted - mark.row, None))
        return line


def _table(columns: Sequence[pa.Array]) -> pa.Table:
    return pa.Table.from_arrays(list(columns), names=[str(i) for i in range(len(columns))])


def _from_rows(rows: Sequence[Sequence[str]]) -> pa.Table:
    return _table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)])


def _regrouped(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of exactly `rows`, and what is left."""
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None else pa.concat_tables([held, table])
        while held.num_rows >= rows:
            yield held.slice(0, rows)
            held = held.slice(rows)
    if held is not None and held.num_rows:
        yield held

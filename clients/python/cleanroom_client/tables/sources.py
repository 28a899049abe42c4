"""Reading CSV, Parquet, Arrow and pandas in bounded pieces of text; knows no dataset's columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from cleanroom_client.tables.csv_source import CsvSource
from cleanroom_client.tables.errors import BadInput
from cleanroom_client.tables.raw import RawBatch
from cleanroom_client.tables.texts import as_texts

if TYPE_CHECKING:  # pandas takes a second to load: a command that reads files does without
    import pandas as pd

Tabular: TypeAlias = "pd.DataFrame | pa.Table | Path"

_NOT_TABLES = {
    b"PK\x03\x04": "this is a ZIP or Excel file: save it as CSV (UTF-8) or Parquet",
    b"\x1f\x8b": "this is a gzip file: decompress it first",
    b"\xd0\xcf\x11\xe0": "this is an old Excel file: save it as CSV (UTF-8) or Parquet",
    b"\xff\xfe": "the file is UTF-16: save it as UTF-8",
    b"\xfe\xff": "the file is UTF-16: save it as UTF-8",
}


class Source(Protocol):
    """A table that can be read more than once, in pieces, the same each time."""

    name: str
    unit: str  # what `line_of` counts: "line" or "row"
    headers: Sequence[str]

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield the rows, at most `rows` at a time; raise BadInput."""


def open_source(table: Tabular, delimiter: str) -> Source:
    """Return the source for a file, DataFrame or Table; raise BadInput for what is none."""
    if isinstance(table, pa.Table):
        return ArrowSource(table)
    if not isinstance(table, Path):
        return FrameSource(table)
    start = _first_bytes(table)
    for magic, message in _NOT_TABLES.items():
        if start.startswith(magic):
            raise BadInput(message, file=table.name)
    if start == b"PAR1":
        return ParquetSource(table)
    return CsvSource(table, delimiter)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except FileNotFoundError:
        raise BadInput("there is no such file", file=str(path)) from None
    except IsADirectoryError:
        raise BadInput("this is a folder: name a CSV or Parquet file", file=str(path)) from None
    except OSError as error:
        message = f"the file cannot be read ({error.strerror})"
        raise BadInput(message, file=str(path)) from None


class ArrowSource:
    """An Arrow table in memory."""

    unit = "row"

    def __init__(self, table: pa.Table) -> None:
        """Keep the table."""
        self.name = "the table"
        self.headers: Sequence[str] = list(table.column_names)
        self._table = table

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield the rows."""
        for start in range(0, self._table.num_rows, rows):
            yield _from_arrow(self._table.slice(start, rows), start)


class ParquetSource:
    """A Parquet file."""

    unit = "row"

    def __init__(self, path: Path) -> None:
        """Read the schema; raise BadInput for a damaged file."""
        self.name = path.name
        self._path = path
        try:
            self.headers: Sequence[str] = list(pq.read_schema(path).names)
        except (pa.ArrowException, OSError):
            raise self._damaged() from None

    def _damaged(self) -> BadInput:
        return BadInput("the Parquet file is damaged or encrypted: write it again", file=self.name)

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield the rows; raise BadInput for a damaged page."""
        start = 0
        try:
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=rows):
                    yield _from_arrow(pa.Table.from_batches([batch]), start)
                    start += batch.num_rows
        except (pa.ArrowException, OSError):
            raise self._damaged() from None


class FrameSource:
    """A pandas DataFrame; the index is left out."""

    unit = "row"

    def __init__(self, frame: pd.DataFrame) -> None:
        """Keep the frame."""
        self.name = "the DataFrame"
        self.headers: Sequence[str] = [str(name) for name in frame.columns]
        self._frame = frame

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield the rows."""
        for start in range(0, len(self._frame), rows):
            piece = self._frame.iloc[start : start + rows]
            columns = [_from_series(piece.iloc[:, i]) for i in range(piece.shape[1])]
            yield _from_texts(columns, start)


def _from_series(series: pd.Series) -> pa.Array:
    try:
        return as_texts(pa.Array.from_pandas(series))
    except (pa.ArrowException, TypeError, ValueError):
        # A column of mixed Python objects has no Arrow type: take each as it prints.
        blank = series.isna()
        texts = ["" if none else str(v) for v, none in zip(series, blank, strict=True)]
        return pa.array(texts, pa.string())


def _from_arrow(table: pa.Table, start: int) -> RawBatch:
    return _from_texts([as_texts(column) for column in table.columns], start)


def _from_texts(columns: list[pa.Array], start: int) -> RawBatch:
    rows = len(columns[0]) if columns else 0
    return RawBatch(columns=columns, rows=rows, line_of=lambda row: start + 1 + row)

"""CSV rows with their line numbers from a file nobody vouched for; knows no columns.

The csv module reads them: Arrow's reader is fifteen times as fast, but names rows, not lines, and
repeats their values in its errors. So `csv_blocks` gives Arrow what is plain, and comes here for
the rest and for the line of every refusal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from cleanroom_client.tables.errors import BadInput

DELIMITERS = (";", "\t", "|", ",")
MAX_LINE_BYTES = 1 << 20
MAX_FIELD_CHARS = 131_072  # the csv module's own limit
_BOM = "\ufeff"


class Rows:
    """The rows that follow where `file` stands, each with the number of its first line.

    Blank lines are no rows. `lines` counts the file's lines read so far, `consumed` the bytes
    since this began; both stand behind the last row. Holds one line in memory, however long the
    file's lines are. Raises BadInput.
    """

    def __init__(self, file: BinaryIO, name: str, delimiter: str, *, lines: int = 0) -> None:
        """Begin behind `lines` lines."""
        self.lines = lines
        self.consumed = 0
        self._file = file
        self._name = name
        self._reader = csv.reader(self._texts(), delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, row)."""
        while True:
            line = self.lines + 1
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadInput(_csv_fault(error), file=self._name, line=line) from None
            if row:
                yield line, row

    def _texts(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self.lines += 1
            self.consumed += len(raw)
            text = _decoded(raw, self._name, self.lines)
            yield text.removeprefix(_BOM) if self.lines == 1 else text


def _csv_fault(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text or "field limit" in text:
        return 'a quotation mark (") is opened here and never closed'
    if "new-line character" in text:
        return "the line ends in a bare carriage return: save the file with usual line ends"
    return "the quotation marks do not pair up: write a quotation mark inside a field twice"


def _decoded(raw: bytes, name: str, line: int) -> str:
    if len(raw) > MAX_LINE_BYTES:
        raise BadInput(
            "the line is longer than 1 MiB: expected one line of text for each row",
            file=name,
            line=line,
        )
    if b"\0" in raw:
        message = "the line holds a NUL byte: expected text in UTF-8 (is the file UTF-16?)"
        raise BadInput(message, file=name, line=line)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        message = "the text is not UTF-8: save the file as CSV UTF-8"
        raise BadInput(message, file=name, line=line) from None

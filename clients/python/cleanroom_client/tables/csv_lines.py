"""CSV rows with their line numbers from a file nobody vouched for; knows no columns.

The csv module reads them: Arrow's reader is faster but names rows, not lines, repeats their
values in its errors, and blinding costs ten times as much as either.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cleanroom_client.tables.errors import BadInput

DELIMITERS = (";", "\t", "|", ",")
MAX_LINE_BYTES = 1 << 20
_BOM = "\ufeff"


def read_rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the number of its first line; raise BadInput.

    Holds one line in memory, however long the file's lines are.
    """
    with path.open("rb") as file:
        reader = csv.reader(_lines(file, path.name), delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadInput(_csv_fault(error), file=path.name, line=line) from None
            if row:
                yield line, row


def _csv_fault(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text or "field limit" in text:
        return 'a quotation mark (") is opened here and never closed'
    if "new-line character" in text:
        return "the line ends in a bare carriage return: save the file with usual line ends"
    return "the quotation marks do not pair up: write a quotation mark inside a field twice"


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    line = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        line += 1
        text = _decoded(raw, name, line)
        yield text.removeprefix(_BOM) if line == 1 else text


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

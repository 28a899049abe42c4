"""Plain stretches of a CSV file as Arrow columns, at Arrow's speed; knows no lines and no columns.

`read_plain` takes only what Arrow and Python's csv module read alike, so that whoever is refused
an answer asks `csv_lines` and gets the same rows, or the error with its line. A property test
holds the two readers equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv

from cleanroom_client.tables.csv_lines import MAX_FIELD_CHARS, MAX_LINE_BYTES

# As long as a line may be at most: no line within a block is too long.
BLOCK_BYTES = MAX_LINE_BYTES
_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Whole rows from the start of a block: their columns, how many bytes and lines they are."""

    columns: list[pa.Array] = field(repr=False)
    consumed: int
    lines: int


def read_plain(block: bytes, delimiter: str, columns: int, *, is_last: bool) -> Plain | None:
    """Return the whole rows of a block that begins with a row, or None where it is not plain.

    `is_last` says that the file ends with the block. Plain is what has no NUL, no bare carriage
    return, quotation marks only around whole fields (RFC 4180, section 2), UTF-8, and `columns`
    fields in each row that is not blank.
    """
    if len(delimiter.encode()) != 1:
        return None
    end = _end_of_rows(block, delimiter, is_last=is_last)
    if not end:
        return None
    text = block[:end]
    if b"\0" in text or text.count(b"\r") != text.count(b"\r\n"):
        return None
    found = _parsed(text, delimiter, columns)
    if found is None or any(_longest(column) > MAX_FIELD_CHARS for column in found):
        return None
    return Plain(columns=found, consumed=end, lines=_lines(text))


def _lines(text: bytes) -> int:
    """Return the number of newlines; `bytes.count` stops at each, which takes ten times as long."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == _NEWLINE))


def _end_of_rows(block: bytes, delimiter: str, *, is_last: bool) -> int:
    """Return where the last whole row ends, 0 where that cannot be told."""
    if b'"' not in block:
        return len(block) if is_last else block.rfind(b"\n") + 1
    octets = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(octets == _QUOTE)
    end = len(block)
    if not is_last:
        newlines = np.flatnonzero(octets == _NEWLINE)
        # A line ends a row where as many marks were closed as opened before it.
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        if not len(ends):
            return 0
        end = int(ends[-1]) + 1
        quotes = quotes[: np.searchsorted(quotes, end)]
    return end if _stand_around_fields(octets[:end], quotes, ord(delimiter)) else 0


def _stand_around_fields(octets: np.ndarray, quotes: np.ndarray, delimiter: int) -> bool:
    """Tell whether every opening mark begins a field and every closing one ends it.

    A doubled mark inside a field counts as closed and opened again, which is the same.
    """
    if len(quotes) % 2:
        return False
    before = octets[np.maximum(quotes[0::2] - 1, 0)]
    starts = np.isin(before, (delimiter, _NEWLINE, _QUOTE)) | (quotes[0::2] == 0)
    after = octets[np.minimum(quotes[1::2] + 1, len(octets) - 1)]
    at_end = quotes[1::2] == len(octets) - 1
    ends = np.isin(after, (delimiter, _NEWLINE, _RETURN, _QUOTE)) | at_end
    return bool(starts.all() and ends.all())


def _parsed(text: bytes, delimiter: str, columns: int) -> list[pa.Array] | None:
    names = [str(i) for i in range(columns)]
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(text),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(text) + 1, column_names=names
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=b'"' in text
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:  # ragged rows, text that is not UTF-8, or nothing but blank lines
        return None
    return [pa.concat_arrays(column.chunks) for column in table.columns]


def _longest(column: pa.Array) -> int:
    """Return a bound on the characters of the longest text: its bytes."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
    return int(np.diff(offsets).max(initial=0))

"""Entries as a Parquet file; must not know which are chosen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from cleanroom.audit.rows import Found, as_json, as_row

_TEXT = pa.string()
SCHEMA: Final = pa.schema(
    [
        ("index", pa.int64()),
        ("time", pa.timestamp("s", tz="UTC")),
        ("kind", _TEXT),
        ("decision", _TEXT),
        ("actor", _TEXT),
        ("collaboration", _TEXT),
        ("datasets", pa.list_(_TEXT)),
        ("reason", _TEXT),
        ("what", _TEXT),
        ("fields", _TEXT),  # JSON: they differ by kind
        ("salt", _TEXT),
    ]
)
_ROWS_OF_A_GROUP: Final = 10_000


def write_parquet(path: Path, found: Iterable[Found]) -> int:
    """Write the entries; return how many there were. Absent values are null."""
    count = 0
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for group in _groups(found):
            writer.write_table(pa.Table.from_pylist([_values(one) for one in group], SCHEMA))
            count += len(group)
    return count


def _groups(found: Iterable[Found]) -> Iterator[list[Found]]:
    rest = iter(found)
    while group := list(islice(rest, _ROWS_OF_A_GROUP)):
        yield group


def _values(found: Found) -> dict[str, object]:
    plain, row = as_json(found), as_row(found)
    return {
        **plain,
        "time": found.entry.time_s,
        "reason": row[7] or None,
        "what": row[8],
        "fields": json.dumps(plain["fields"], ensure_ascii=False, sort_keys=True),
    }

"""Entries as flat rows and as JSON for other programs; must not know files or terminals."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.choice import datasets_of, decision_of, reason_of
from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import Entry
from cleanroom.audit.payload import Payload
from cleanroom.audit.words import sentence, when

COLUMNS: Final = (
    "index",
    "time",
    "kind",
    "decision",
    "actor",
    "collaboration",
    "datasets",
    "reason",
    "what",
    "fields",
)
# A spreadsheet runs a cell that opens with one of these; with a quote before it, it is text.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry at its place in the log, with the one that reserved the question it answers.

    `entry` reads as with its payloads, those that are still kept beside it (`kept`).
    """

    index: int
    entry: Entry
    reserved: Entry | None = None
    kept: tuple[Payload, ...] = ()


def as_json(found: Found) -> dict[str, Json]:
    """Return an entry for programs; `time` repeats `time_s` for people."""
    entry = found.entry
    decision = decision_of(entry)
    return {
        "index": found.index,
        "time": when(entry.time_s),
        "time_s": entry.time_s,
        "kind": entry.kind.value,
        "decision": None if decision is None else decision.value,
        "actor": entry.actor,
        "collaboration": entry.collaboration,
        "datasets": list(datasets_of(entry, found.reserved)),
        "fields": entry.fields,
        "erasable": [payload.kept.name for payload in found.kept],
        "salt": entry.salt.hex(),
    }


def as_row(found: Found) -> tuple[str, ...]:
    """Return the texts of COLUMNS."""
    entry = found.entry
    return (
        str(found.index),
        when(entry.time_s),
        entry.kind.value,
        decision_of(entry) or "",
        entry.actor,
        entry.collaboration or "",
        " ".join(datasets_of(entry, found.reserved)),
        reason_of(entry),
        sentence(entry),
        json.dumps(entry.fields, ensure_ascii=False, sort_keys=True),
    )


def csv_lines(found: Iterable[Found]) -> Iterator[str]:
    """Yield a header and a line for each entry, RFC 4180, formulas defused; without line ends."""
    yield _csv_line(COLUMNS)
    for one in found:
        yield _csv_line(tuple(map(defused, as_row(one))))


def json_lines(found: Iterable[Found]) -> Iterator[str]:
    """Yield the lines of one JSON array, an entry a line, without holding them all."""
    lines = (json.dumps(as_json(one)) for one in found)
    pending = next(lines, None)
    if pending is None:
        yield "[]"
        return
    yield "["
    for line in lines:
        yield f"{pending},"
        pending = line
    yield pending
    yield "]"


def defused(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().removesuffix("\r\n")

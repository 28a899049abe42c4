"""A record of processing as Markdown, which also reads well on paper; must not know stores.

Whatever follows from the log carries a number in brackets; the last chapter lists its entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cleanroom.analysis.record_document import Cell, Chapter, Grid, Record, Told
from cleanroom.audit.words import when
from cleanroom.cli.report_parts import ranges
from cleanroom.cli.terminal import plain

SOURCES: Final = "Entries of the log"


@dataclass(slots=True)
class _Sources:
    shown: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def cell(self, cell: Cell) -> str:
        """Return a cell, with the number of its source where it has one."""
        if isinstance(cell, str):
            return _escaped(cell)
        self.shown.append((cell.text, cell.entries))
        return f"{_escaped(cell.text)} [{len(self.shown)}]"


def record_markdown(record: Record) -> str:
    """Return the record as text."""
    sources = _Sources()
    lines = [*_head(record)]
    for chapter in record.chapters:
        lines += ["", f"## {chapter.title}", "", *_chapter(chapter, sources)]
    lines += ["", f"## {SOURCES}", "", *_sources(sources)]
    return "\n".join(lines) + "\n"


def _head(record: Record) -> Iterator[str]:
    state = "in force" if record.in_force else "proposed, not in force"
    yield f"# Record of processing: {_escaped(record.collaboration)}"
    yield ""
    yield f"Policy {record.policy_digest} ({state})."
    yield (
        f"Made on {when(record.made_at_s)} from the {record.entries:,} entries of the log "
        f"{_escaped(record.origin)}, whose tree has the root {record.root}."
    )
    yield "A number in brackets leads to the entries, at the end, that the figure before it follows from."


def _chapter(chapter: Chapter, sources: _Sources) -> Iterator[str]:
    if chapter.article:
        yield f"*GDPR, article {chapter.article}*"
        yield ""
    for position, part in enumerate(chapter.parts):
        if position:
            yield ""
        if isinstance(part, Grid):
            yield from _grid(part, sources)
        else:
            yield _escaped(part)


def _grid(grid: Grid, sources: _Sources) -> Iterator[str]:
    yield _row(grid.heads)
    yield _row(["---"] * len(grid.heads))
    for row in grid.rows:
        yield _row([sources.cell(cell) for cell in row])


def _sources(sources: _Sources) -> Iterator[str]:
    yield "`cleanroom audit show N` prints an entry."
    yield ""
    yield _row(("", "figure", "entries"))
    yield _row(("---", "---", "---"))
    for number, (text, entries) in enumerate(sources.shown, start=1):
        yield _row((f"[{number}]", _escaped(text), ", ".join(ranges(entries))))


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Return text on one line that Markdown shows as it is."""
    for sign in "\\|<>*`[]":
        text = text.replace(sign, f"\\{sign}")
    return plain(text)


def record_json(record: Record) -> dict[str, object]:
    """Return the record for programs: every cell with the entries that it follows from."""
    return {
        "version": "cleanroom-record/v1",
        "collaboration": record.collaboration,
        "policy_digest": record.policy_digest,
        "in_force": record.in_force,
        "log": {"origin": record.origin, "entries": record.entries, "root": record.root},
        "made_at_s": record.made_at_s,
        "chapters": [
            {
                "id": chapter.id,
                "title": chapter.title,
                "article": chapter.article,
                "parts": [_json(part) for part in chapter.parts],
            }
            for chapter in record.chapters
        ],
    }


def _json(part: str | Grid) -> object:
    if isinstance(part, str):
        return part
    return {"heads": part.heads, "rows": [[_json_cell(cell) for cell in row] for row in part.rows]}


def _json_cell(cell: Cell) -> object:
    return {"text": cell.text, "entries": cell.entries} if isinstance(cell, Told) else cell

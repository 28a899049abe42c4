"""A record of processing as one HTML page, for screen and paper; must not know stores.

It fetches nothing and runs nothing, and its content policy forbids both.
"""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, tostring

from cleanroom.analysis.record_document import Cell, Chapter, Grid, Record
from cleanroom.cli.record_markdown import SOURCES
from cleanroom.cli.report_page import CONTENT_POLICY, raw
from cleanroom.cli.report_parts import Sources, el, moment, section, table
from cleanroom.cli.report_style import CSS

_SOURCES_ID: Final = "entries"


def record_page(record: Record) -> str:
    """Return the page."""
    sources = Sources()
    chapters = [_chapter(chapter, sources) for chapter in record.chapters]
    told = section(
        _SOURCES_ID, SOURCES, el("p", "What follows from the log, and from which entries.")
    )
    told.append(sources.table())
    names = [*((c.id, c.title) for c in record.chapters), (_SOURCES_ID, SOURCES)]
    contents = el("ol", *(el("li", el("a", title, href=f"#{name}")) for name, title in names))
    body = el(
        "body",
        el("a", "Skip to the record", href="#record", class_="skip"),
        _header(record),
        el("nav", contents, aria_label="Contents"),
        el("main", *chapters, told, id="record"),
    )
    page = el("html", _head(record), body, lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _head(record: Record) -> Element:
    policy = el("meta", content=CONTENT_POLICY)
    policy.set("http-equiv", "Content-Security-Policy")
    return el(
        "head",
        el("meta", charset="utf-8"),
        policy,
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"Record of processing: {record.collaboration}"),
        raw("style", CSS),
    )


def _header(record: Record) -> Element:
    state = "in force" if record.in_force else "proposed, not in force"
    return el(
        "header",
        el("h1", "Record of processing"),
        el("p", el("strong", record.collaboration)),
        el("p", f"Policy {record.policy_digest} ({state})", class_="soft"),
        el(
            "p",
            "Made on ",
            moment(record.made_at_s),
            f" from the {record.entries:,} entries of the log {record.origin}, whose tree has the "
            f"root {record.root}. What is underlined links to the entries that it follows from.",
            class_="soft",
        ),
    )


def _chapter(chapter: Chapter, sources: Sources) -> Element:
    article = (
        el("p", f"GDPR, article {chapter.article}", class_="soft") if chapter.article else None
    )
    parts = (_part(chapter.title, part, sources) for part in chapter.parts)
    return section(chapter.id, chapter.title, article, *parts)


def _part(title: str, part: str | Grid, sources: Sources) -> Element:
    if isinstance(part, str):
        return el("p", part)
    rows = (
        [
            _cell(f"{title}: {head}", cell, sources)
            for head, cell in zip(part.heads, row, strict=True)
        ]
        for row in part.rows
    )
    return table(part.heads, rows)


def _cell(what: str, cell: Cell, sources: Sources) -> Element | str:
    return cell if isinstance(cell, str) else sources.number(what, cell.text, cell.entries)

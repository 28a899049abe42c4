"""Elements of a page and the list of where its numbers come from; must not know any number.

The page is a tree that the standard library writes: text can never become markup, whatever an
entry holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from cleanroom.analysis.log_report import Number
from cleanroom.audit.words import when
from cleanroom.cli.terminal import plain

_MOST_RANGES: Final = 60  # on the page; its data has them all


def el(tag: str, *children: Element | str | None, **attributes: str) -> Element:
    """Return an element; a name's trailing underscore is dropped, others become hyphens."""
    names = {k.rstrip("_").replace("_", "-"): plain(v) for k, v in attributes.items()}
    made = Element(tag, names)
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            made.append(child)
        else:
            _append_text(made, "\n".join(map(plain, child.split("\n"))))
    return made


def _append_text(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def ranges(entries: Sequence[int]) -> list[str]:
    """Return ascending indices as texts of runs, `3` or `7-9`."""
    runs: list[list[int]] = []
    for index in entries:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return [f"{a}" if a == b else f"{a}-{b}" for a, b in runs]


@dataclass(slots=True)
class Sources:
    """Every number shown, and the entries that it was counted from."""

    shown: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)

    def place(self, what: str, value: str, entries: Sequence[int]) -> str:
        """Note a number; return the fragment that links to where its entries are listed."""
        self.shown.append((what, value, tuple(entries)))
        return f"#s{len(self.shown)}"

    def number(self, what: str, value: str, entries: Sequence[int]) -> Element:
        """Return a number that links to its entries."""
        place = self.place(what, value, entries)
        mark = place.removeprefix("#s")  # shown on paper, where no link can be followed
        return el("a", value, class_="n", href=place, title=what, data_mark=mark)

    def count(self, what: str, number: Number | None) -> Element | str:
        """Return a count that links to its entries; a dash for none."""
        if number is None:
            return "–"
        return self.number(what, f"{number.value:,}", number.entries)

    def table(self) -> Element:
        """Return the list itself."""
        return table(
            ("", "number", "value", "entries"),
            (
                (el("a", str(i), id=f"s{i}"), what, value, _told(entries))
                for i, (what, value, entries) in enumerate(self.shown, start=1)
            ),
            numbers=(2,),
            class_="sources",
        )


def _told(entries: Sequence[int]) -> str:
    runs = ranges(entries)
    if not runs:
        return "none"
    rest = f" … and {len(runs) - _MOST_RANGES} more in the data" if len(runs) > _MOST_RANGES else ""
    return ", ".join(run.replace("-", "–") for run in runs[:_MOST_RANGES]) + rest


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Element | str]],
    *,
    numbers: Sequence[int] = (),
    caption: str = "",
    class_: str = "",
) -> Element:
    """Return a table that scrolls by itself where the page is narrow; `numbers` align right."""
    made = el("table", el("caption", caption) if caption else None)
    head = SubElement(SubElement(made, "thead"), "tr")
    body = SubElement(made, "tbody")
    for position, text in enumerate(heads):
        head.append(el("th", text, scope="col", class_="num" if position in numbers else "txt"))
    for row in rows:
        line = SubElement(body, "tr")
        for position, cell in enumerate(row):
            line.append(el("td", cell, class_="num" if position in numbers else "txt"))
    return el("div", made, class_=f"wide {class_}".strip(), tabindex="0", role="region")


def moment(time_s: int) -> Element:
    """Return a time that is not broken over lines."""
    iso = when(time_s)
    shown = iso.replace("T", " ").replace("Z", " UTC")
    return el("time", shown, datetime=iso)


def section(name: str, title: str, *children: Element | str | None) -> Element:
    """Return a section with its heading, to be linked to as `name`."""
    return el("section", el("h2", title, id=name), *children, aria_labelledby=name)

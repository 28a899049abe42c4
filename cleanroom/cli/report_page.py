"""The report as one HTML file for people; must not know where the log is stored.

It fetches nothing and runs nothing, and its content policy forbids both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, tostring

from cleanroom.cli.report_common import Shown
from cleanroom.cli.report_data import Standing
from cleanroom.cli.report_parts import Sources, el, moment
from cleanroom.cli.report_sections import SECTIONS
from cleanroom.cli.report_style import CSS
from cleanroom.usecases.audit_report import AuditReport

CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def report_page(report: AuditReport, standing: Standing, data: Mapping[str, Any]) -> str:
    """Return the page; `data` is put into it for programs."""
    shown = Shown(report=report, standing=standing, sources=Sources())
    sections = [(name, title, make(shown)) for name, title, make in SECTIONS]
    body = el(
        "body",
        el("a", "Skip to the report", href="#report", class_="skip"),
        _header(standing, report),
        el("nav", _contents([(name, title) for name, title, _ in sections]), aria_label="Contents"),
        el("main", *(made for _, _, made in sections), id="report"),
        _data(data),
    )
    page = el("html", _head(standing), body, lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _head(standing: Standing) -> Element:
    policy = el("meta", content=CONTENT_POLICY)
    policy.set("http-equiv", "Content-Security-Policy")
    return el(
        "head",
        el("meta", charset="utf-8"),
        policy,
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"Audit report of {standing.origin}"),
        raw("style", CSS),
    )


def _header(standing: Standing, report: AuditReport) -> Element:
    log = report.log
    span: tuple[Element | str, ...] = ("no entry yet",)
    if log.first_time_s is not None and log.last_time_s is not None:
        span = (moment(log.first_time_s), " to ", moment(log.last_time_s))
    return el(
        "header",
        el("h1", "Audit report"),
        el("p", el("strong", standing.origin)),
        el("p", *span),
        el(
            "p",
            "Made on ",
            moment(standing.made_at_s),
            f" from {standing.size:,} entries. Every number links to the list of the entries that "
            "it was counted from.",
            class_="soft",
        ),
    )


def _contents(sections: list[tuple[str, str]]) -> Element:
    return el("ol", *(el("li", el("a", title, href=f"#{name}")) for name, title in sections))


def _data(data: Mapping[str, Any]) -> Element:
    # "<" is escaped as JSON can, so that no text of an entry ends the element.
    text = json.dumps(data, ensure_ascii=True).replace("<", "\\u003c")
    return raw("script", text, type="application/json", id="report-data")


def raw(tag: str, text: str, **attributes: str) -> Element:
    """Return an element whose text the HTML writer leaves as it is: style and script."""
    made = Element(tag, attributes)
    made.text = text
    return made

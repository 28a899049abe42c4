"""The page: nothing in it runs or fetches, each number leads to its entries, its data is the same."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from cleanroom.analysis.anomalies import Anomaly, AnomalyKind
from cleanroom.analysis.log_report import log_report
from cleanroom.audit.rows import Found
from cleanroom.cli.report_data import Standing, report_json
from cleanroom.cli.report_page import report_page
from cleanroom.usecases.audit_report import AuditReport, audit_report
from support.counted_log import small_log
from support.hostile_log import HOSTILE, hostile_entries
from support.operator_room import Room

STANDING = Standing(
    origin="cleanroom.example/log",
    size=7,
    root="r",
    note="cleanroom.example/log\n7\nr\n\n\u2014 cleanroom.example/log x\n\u2014 witness.example y\n",
    keys=("cleanroom.example/log+1+k",),
    cosigned=(("witness.example", 1_772_323_000),),
    continues=None,
    made_at_s=1_772_323_200,
)


class Page(HTMLParser):
    """What a browser would find: tags, ids, links, and the text of each part of the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.texts, self.raw = [], {}, [], [], {}
        self.numbers, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.open.append((tag, attributes))
        if "id" in attributes:
            assert attributes["id"] not in self.ids, "an id stands once"
            self.ids[attributes["id"]] = tag
        if tag in {"meta", "link", "img", "br"}:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag in {"script", "style"}:
            self.raw[tag] = data
        else:
            self.texts.append(data)
        if tag == "a" and attributes.get("class") == "n":
            self.numbers.append((attributes["href"], attributes["title"], data))


ODD = tuple(
    Anomaly(
        kind=AnomalyKind.DIFFERENCE,
        collaboration=text,
        parties=(text,),
        entries=(1, 2, 5),
        what=text,
        why=text,
        advice=text,
    )
    for text in HOSTILE
)


def page_of(found, anomalies=ODD):
    report = AuditReport(log=log_report(found), pools=(), anomalies=anomalies)
    text = report_page(report, STANDING, report_json(report, STANDING))
    return text, Page(text)


@pytest.fixture(scope="module")
def hostile():
    return page_of([Found(index=i, entry=e) for i, e in enumerate(hostile_entries())])


ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section"),
    *("h1", "h2", "h3", "p", "a", "ol", "ul", "li", "div", "span", "strong", "b", "code", "pre"),
    *("dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "time"),
    *("figcaption", "svg", "line", "text", "rect", "details", "summary", "script"),
}


def test_no_text_of_an_entry_becomes_a_tag_or_an_attribute(hostile):
    _, page = hostile
    names = {tag for tag, _ in page.tags}
    assert names <= ALLOWED
    scripts = [a for tag, a in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "report-data"}]
    assert [name for _, a in page.tags for name in a if name.startswith("on")] == []
    told = "".join(page.texts)
    for text in HOSTILE[:8]:
        assert text in told


def test_nothing_is_fetched_and_every_link_stays_on_the_page(hostile):
    text, page = hostile
    attributes = [(name, value) for _, a in page.tags for name, value in a.items()]
    assert [
        n for n, _ in attributes if n in {"src", "srcset", "action", "data", "xlink:href"}
    ] == []
    links = [value for name, value in attributes if name == "href"]
    assert len(links) > 20
    assert [link for link in links if not link.startswith("#") or link[1:] not in page.ids] == []
    assert "url(" not in text.split("</style>")[0]
    assert "default-src 'none'" in dict(attributes)["content"] or any(
        "default-src 'none'" in str(v) for n, v in attributes if n == "content"
    )


def test_no_control_character_reaches_the_page(hostile):
    assert re.findall(r"[\x00-\x08\x0b-\x1f\u202e]", hostile[0]) == []


def test_the_data_in_the_page_is_the_report_for_programs(hostile):
    found = [Found(index=i, entry=e) for i, e in enumerate(hostile_entries())]
    report = AuditReport(log=log_report(found), pools=(), anomalies=ODD)
    assert json.loads(hostile[1].raw["script"]) == json.loads(
        json.dumps(report_json(report, STANDING))
    )


def test_each_number_leads_to_a_row_that_names_its_entries():
    text, page = page_of(small_log())
    rows = dict(re.findall(r'<a id="(s\d+)">.*?</a></td>(.*?)</tr>', text))
    assert len(page.numbers) > 100
    for link, title, value in page.numbers:
        cells = re.findall(r"<td[^>]*>(.*?)</td>", rows[link[1:]])
        assert cells[0] == title
        assert cells[1] == value
        assert cells[2] != "none" or value == "0"


def test_the_bars_of_a_chart_add_up_to_the_questions():
    text, _ = page_of(small_log())
    titles = re.findall(r"<rect[^>]*><title>([^<]*): ([\d,]+)</title>", text)
    total = log_report(small_log()).tally("questions").total
    assert sum(int(n.replace(",", "")) for _, n in titles) == 2 * total


def test_the_witnesses_are_those_whose_signatures_hold():
    text, _ = page_of(small_log())
    assert "witness.example on 2026-02-28T23:56:40Z" in text
    assert "none was asked for" not in text


@pytest.fixture
def room(tmp_path, capsys):
    made = Room(tmp_path, capsys)
    made.agree()
    return made


def test_the_command_writes_a_page_and_the_same_as_data(room, tmp_path):
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    code, out, err = room.run("audit", "report", "--out", page)
    assert (code, out, err) == (0, f"{page}: a report on 5 entries, verified\n", "")
    assert room.run("audit", "report", "--out", data, "--json")[0] == 0
    told = json.loads(data.read_text())
    inside = json.loads(Page(page.read_text()).raw["script"])
    assert {**inside, "made_at": ""} == {**told, "made_at": ""}
    assert told["verification"]["size"] == 5
    assert [p["kind"] for p in told["policies"]][-1] == "policy_in_force"
    assert {pool["budget_nano_rho"]["entries"] for pool in told["pools"]} == {"4"}


def test_a_log_that_does_not_verify_gets_no_report(room, tmp_path):
    room.tamper("UPDATE log_nodes SET hash = ? WHERE level = 0 AND idx = 1", bytes(32))
    code, out, err = room.run("audit", "report", "--out", tmp_path / "report.html")
    assert (code, out) == (1, "")
    assert "not consistent" in err
    assert not (tmp_path / "report.html").exists()


def test_a_pool_is_told_with_its_budget_and_what_entries_debited(room):
    from contextlib import closing

    from cleanroom.wiring.opening import open_store

    with closing(open_store(room.config)) as store:
        pools = audit_report(store, 5).pools
        balances = store.read(lambda tx: tx.ledgers.all())
    assert [(p.owner, p.pool, p.budget.value) for p in pools] == [
        (b.ledger.owner, b.ledger.pool, b.budget) for b in balances
    ]
    assert all(p.spent.value == 0 and p.remaining.value == p.budget.value for p in pools)


def test_the_command_says_that_nothing_is_conspicuous(room):
    assert room.run("audit", "anomalies")[1].startswith("nothing conspicuous")
    assert room.run("audit", "anomalies", "--json")[1] == "[]\n"

"""The report as a browser shows it: quiet, complete, readable wide, narrow and on paper."""

from __future__ import annotations

import pytest

from cleanroom.analysis.log_report import log_report
from cleanroom.audit.rows import Found
from cleanroom.cli.report_data import Standing, report_json
from cleanroom.cli.report_page import report_page
from cleanroom.usecases.audit_report import AuditReport
from support.browser import chromium
from support.counted_log import small_log
from support.hostile_log import hostile_entries

STANDING = Standing(
    origin="cleanroom.example/log",
    size=7,
    root="Zm9v" * 11,
    note="cleanroom.example/log\n7\nZm9v\n\n\u2014 cleanroom.example/log " + "Zm9v" * 20 + "\n",
    keys=("cleanroom.example/log+0a1b2c3d+" + "Zm9v" * 11,),
    cosigned=(("witness.example", 1_772_323_000),),
    continues=None,
    made_at_s=1_772_323_200,
)
LOGS = {
    "honest": small_log,
    "hostile": lambda: [Found(index=i, entry=e) for i, e in enumerate(hostile_entries())],
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(params=LOGS)
def page(request, tmp_path):
    report = AuditReport(log=log_report(LOGS[request.param]()), pools=())
    file = tmp_path / "report.html"
    file.write_text(report_page(report, STANDING, report_json(report, STANDING)), "utf-8")
    return file.as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_quiet_fetches_nothing_and_fits_its_width(browser, page, width):
    browser.open(page, width)
    assert browser.run("return innerWidth") == width
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.readyState") == "complete"
    assert browser.run("return document.querySelectorAll('h2').length") >= 10
    assert browser.told == []
    assert [url for url in browser.asked if url != page and not url.startswith("data:")] == []
    assert len(browser.screenshot()) > 10_000


def test_every_link_leads_to_something_on_the_page(browser, page):
    browser.open(page, 1280)
    lost = "return [...document.querySelectorAll('a[href]')].filter(a => !document.getElementById("
    assert browser.run(f"{lost}(a.getAttribute('href')).slice(1))).length") == 0


def test_everything_drawn_or_scrolled_has_a_name(browser, page):
    browser.open(page, 1280)
    unnamed = "return [...document.querySelectorAll('[role=img]')].filter(e => !e.ariaLabel).length"
    assert browser.run(unnamed) == 0
    assert browser.run("return document.documentElement.lang") == "en"
    assert browser.run("return document.querySelectorAll('h1').length") == 1


def test_the_page_prints(browser, page):
    browser.open(page, 1280)
    printed = browser.pdf()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 2


def test_a_page_that_fetched_or_failed_would_be_noticed(browser, tmp_path):
    file = tmp_path / "loud.html"
    file.write_text(
        '<!DOCTYPE html><img src="loud.png"><script>nothing.here()</script><p style="width:2000px">wide'
    )
    browser.open(file.as_uri(), 390)
    assert [url for url in browser.asked if url.endswith("loud.png")]
    assert any("nothing" in message for message in browser.told)
    assert browser.run("return document.documentElement.scrollWidth") > 390

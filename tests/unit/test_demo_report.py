"""The demo's tables say what was released, and judge intervals without mercy."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cleanroom.demo.questions import DemoQuestion, Truth
from cleanroom.demo.report import (
    budget_table,
    compared,
    figures_tables,
    learned_table,
    verdict,
)

COUNT = DemoQuestion(
    asker="megamart",
    title="How many?",
    arguments=("segment-size",),
    figures={(("low",), "people"): Truth(planted=120), (("high",), "people"): Truth(planted=30)},
)
LIFT = DemoQuestion(
    asker="acme-brand",
    title="How much more?",
    arguments=("sales-lift",),
    figures={((), "absolute_lift"): Truth(planted=0.03, happened=0.028)},
)


def figure(name, unit, value, low, high):
    return {"name": name, "unit": unit, "value": value, "low": low, "high": high}


def answer(*cells):
    return {"cells": [{"cell": list(c), "figures": list(figures)} for c, *figures in cells]}


def text_of(*renderables):
    out = io.StringIO()
    console = Console(file=out, width=130, highlight=False)
    for renderable in renderables:
        console.print(renderable)
    return out.getvalue()


@pytest.fixture
def rows():
    counts = answer(
        (("low",), figure("people", "people", 118.0, 106.5, 129.5)),
        (("high",), figure("people", "people", None, None, None)),
    )
    lift = answer(
        (
            (),
            figure("absolute_lift", "share", 0.061, 0.041, 0.081),
            figure("p_value", "probability", 0.001, None, None),
        )
    )
    return [*compared(COUNT, counts), *compared(LIFT, lift)]


def test_only_figures_with_a_truth_are_compared(rows):
    assert [row.name for row in rows] == ["people", "people", "absolute_lift"]


def test_an_interval_is_judged_by_the_planted_truth(rows):
    assert [row.inside for row in rows] == [True, None, False]


@pytest.mark.parametrize(("planted", "inside"), [(106.5, True), (129.5, True), (106.4, False)])
def test_the_ends_of_an_interval_belong_to_it(planted, inside):
    question = DemoQuestion(
        asker="a", title="t", arguments=(), figures={((), "people"): Truth(planted=planted)}
    )
    (row,) = compared(question, answer(((), figure("people", "people", 118.0, 106.5, 129.5))))
    assert row.inside is inside


def test_tables_name_asker_question_truth_and_interval(rows):
    text = text_of(*figures_tables(rows))
    assert "megamart asks: How many?" in text
    assert "106.5 .. 129.5" in text
    assert "withheld" in text
    assert "+3.00 points" in text
    assert "+2.80 points" in text
    assert "+4.10 points .. +8.10 points" in text
    assert text.count("inside?") == 1  # one header for all


def test_money_is_shown_in_major_units():
    (row,) = compared(
        LIFT, answer(((), figure("absolute_lift", "minor per person", 12345.0, -100.0, 20000.0)))
    )
    text = text_of(*figures_tables([row]))
    assert "+123.45" in text
    assert "-1.00 .. +200.00" in text


def test_the_verdict_counts_what_can_be_judged(rows):
    assert verdict(rows).startswith("1 of 2 intervals contain the planted truth")


def test_budgets_show_before_after_and_left():
    balance = {
        "ledger": "ledgers/m/p",
        "budget_nano_rho": 300_000_000,
        "spent_nano_rho": 0,
        "spent_epsilon": "0",
        "budget_epsilon": "4",
    }
    after = balance | {"spent_nano_rho": 100_000_001, "spent_epsilon": "2.1"}
    text = text_of(budget_table([balance], [after]))
    for part in ("0.300000000", "0.000000000", "0.100000001", "0.199999999", "2.1 of 4"):
        assert part in text


def test_every_side_is_told_what_it_learned():
    text = text_of(learned_table())
    for who in ("acme-brand", "megamart", "fiscal-data", "operator"):
        assert who in text

"""The two command lines: every help, JSON for programs, tables for people, exit codes."""

from __future__ import annotations

import csv
import io
import json

import pytest
import typer

from cleanroom.cli.app import app as operator_app
from cleanroom_client.cli.app import app as client_app
from support.cli import Command
from support.cli_room import LIFT, PAIR

FAMILIES = ("match-rate", "segment-size", "sales-lift", "contribution-bound")
NARROW = {"COLUMNS": "80"}
CONFIG = ("--config", "box/server.toml")


def _commands(program, app):
    """Yield the words of every command and group of commands."""

    def walk(words, command):
        yield words
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk((*words, name), inner)

    yield from walk((program,), typer.main.get_command(app))


HELPS = [*_commands("cleanroom", operator_app), *_commands("cleanroom-client", client_app)]


@pytest.fixture(scope="module")
def helps(room):
    """Ask every command for its help, a few at once."""
    asked = [Command(words=(*words, "--help"), env=NARROW) for words in HELPS]
    results = []
    for i in range(0, len(asked), 4):
        results += room.terminal.run_all(asked[i : i + 4])
    return dict(zip(HELPS, results, strict=True))


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_every_help_fits_80_columns_and_commands_show_an_example(helps, words):
    out = helps[words].ok()
    assert helps[words].err == ""
    assert "Usage: " in out
    assert max(map(len, out.splitlines())) <= 80
    is_group = any(other[: len(words)] == words and other != words for other in HELPS)
    assert is_group or f"Example: {words[0]} " in out


def test_the_commands_that_are_promised_exist():
    for words in (
        "cleanroom sandbox init",
        "cleanroom serve",
        "cleanroom policy lint",
        "cleanroom audit verify",
        "cleanroom audit list",
        "cleanroom fsck",
        "cleanroom-client accept",
        "cleanroom-client bring",
        "cleanroom-client upload",
        "cleanroom-client blind",
        "cleanroom-client seal",
        "cleanroom-client budget",
        "cleanroom-client receipt verify",
        *(f"cleanroom-client plan {family}" for family in FAMILIES),
        *(f"cleanroom-client ask {family}" for family in FAMILIES),
    ):
        assert tuple(words.split()) in HELPS, words


JSON = {
    "plan": ("acme-brand", "plan", "sales-lift", *LIFT, "--by", "city", "--json"),
    "ask": ("acme-brand", "ask", "match-rate", *PAIR, "--json"),
    "budget": ("megamart", "budget", "--json"),
    "describe": ("megamart", "describe", "sales", "--json"),
    "list": ("acme-brand", "list", "--json"),
    "status": ("acme-brand", "status", "--json"),
    "entries": ("auditor", "entries", "--json"),
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_all_there_is_on_stdout(room, name):
    who, *words = JSON[name]
    result = room.client(who, *words, before=("--quiet",))
    assert isinstance(json.loads(result.ok()), dict | list)
    assert result.err == ""


def test_json_says_what_the_table_says(room):
    planned = json.loads(room.client(*JSON["plan"]).ok())
    assert planned["cells"] == 3
    assert {debit["ledger"] for debit in planned["debits"]} == {
        "ledgers/acme-brand/spring-campaign",
        "ledgers/megamart/loyalty",
    }
    (balance,) = json.loads(room.client(*JSON["budget"]).ok())
    spent, left = balance["spent_nano_rho"], balance["remaining_nano_rho"]
    assert spent + left == balance["budget_nano_rho"]
    text = room.client("megamart", "budget").ok()
    assert f"{left // 10**9}.{left % 10**9:09d} left" in text


def test_csv_has_a_line_for_each_figure_of_each_cell(room):
    ask = ("ask", "segment-size", *PAIR, "--by", "city", "--csv")
    rows = list(csv.DictReader(io.StringIO(room.client("acme-brand", *ask).ok())))
    assert [row["exposures.city"] for row in rows] == ["ufa", "kazan", "other"]
    # This room's noise is so small that an interval may be one whole number.
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)


def test_quiet_leaves_stderr_empty_and_the_answer_on_stdout(room):
    ask = ("ask", "match-rate", *PAIR)
    loud = room.client("acme-brand", *ask)
    assert loud.err.startswith("request id ")
    quiet = room.client("acme-brand", *ask, before=("--quiet",))
    assert quiet.err == ""
    assert quiet.ok() == loud.ok()


def test_tables_fit_80_columns_and_hide_nothing(room):
    asked = {
        "match": ("acme-brand", "ask", "match-rate", *PAIR),
        "segment": ("acme-brand", "ask", "segment-size", *PAIR, "--by", "city"),
        "lift": ("acme-brand", "ask", "sales-lift", *LIFT, "--by", "city"),
        "plan": ("acme-brand", "plan", "sales-lift", *LIFT, "--by", "city"),
        "budget": ("megamart", "budget"),
        "describe": ("megamart", "describe", "sales"),
        "list": ("acme-brand", "list"),
    }
    shown = {name: room.client(*words, env=NARROW).ok() for name, words in asked.items()}
    for name, out in shown.items():
        assert max(map(len, out.splitlines())) <= 80, f"{name}\n{out}"
        assert "…" not in out
    lift = [line for line in shown["lift"].splitlines() if line.strip()]
    assert [line.split()[0] for line in lift].count("ufa") == 1  # a heading, not on each line
    assert any(line.startswith("sales lift on amount by exposures.city") for line in lift)
    for words in ("absolute lift", "relative lift", "incremental total", "p value"):
        assert words in shown["lift"]
    total = next(line for line in lift if "total test" in line)
    assert total.split()[2].replace(",", "").split(".")[1].isdigit()


def test_numbers_stand_under_each_other(room):
    ask = ("ask", "match-rate", *PAIR)
    lines = room.client("acme-brand", *ask, env=NARROW).ok().splitlines()
    head = next(line for line in lines if " value " in line)
    end = head.index("value") + len("value")
    people = [line for line in lines if line.lstrip().startswith("people")]
    assert len(people) == 2
    assert all(line[end - 1].isdigit() and line[end] == " " for line in people)


GUESS = ("--assume", "people=100,mean=2500,sd=2000")


def test_a_plan_says_how_precise_the_answer_would_be_under_a_guess(room):
    plan = ("acme-brand", "plan", "sales-lift", *LIFT, *GUESS)
    shown = room.client(*plan, env=NARROW).ok()
    assert max(map(len, shown.splitlines())) <= 80
    assert "95% within +-" in shown
    assert "Smallest lift told from none (two-sided at 0.05, power 0.8)" in shown
    told = json.loads(room.client(*plan, "--json").ok())
    (lift,) = (f for f in told["expected"] if f["name"] == "absolute_lift")
    assert lift["value"] == 0 < lift["noise_sd"] < lift["half_width"]
    assert told["detectable"][0]["absolute"] > lift["half_width"]


def test_a_wish_is_planned_asked_and_debited_as_planned(room):
    ask = ("sales-lift", *LIFT[:-1], "buyers")
    guess = ("--assume", "people=180,rate=0.7", "--wish", "absolute_lift=0.12")
    told = json.loads(room.client("acme-brand", "plan", *ask, *guess, "--json").ok())
    shown = room.client("acme-brand", "plan", *ask, *guess, env=NARROW).ok()
    assert f"ask with --rho {told['rho']}" in shown
    before = room.balances()
    answer = json.loads(room.client("acme-brand", "ask", *ask, "--rho", told["rho"], "--json").ok())
    spent = {
        name: now - before[name] for name, now in room.balances().items() if now != before[name]
    }
    assert spent == {d["ledger"]: d["nano_rho"] for d in told["debits"]}
    lift = next(f for f in answer["cells"][0]["figures"] if f["name"] == "absolute_lift")
    assert (lift["high"] - lift["low"]) / 2 == pytest.approx(0.12, rel=0.15)


def test_a_wish_out_of_reach_says_what_would_suffice_and_debits_nothing(room):
    before = room.balances()
    plan = ("plan", "sales-lift", *LIFT[:-1], "buyers", "--assume", "people=180,rate=0.5")
    refused = room.client("acme-brand", *plan, "--wish", "absolute_lift=0.01")
    assert refused.code == 1
    assert "out of reach" in refused.err
    assert "people in place of 180 would suffice" in refused.err
    assert room.balances() == before


def test_an_answer_is_told_in_plain_words(room):
    lift = ("ask", "sales-lift", *LIFT[:-1], "buyers", "--words")
    told = room.client("acme-brand", *lift, before=("--quiet",)).ok()
    assert max(map(len, told.splitlines())) <= 80
    assert told.startswith("Sales lift on buyers: people came to the test or the control")
    for words in ("of the test arm bought", "How sure: ", "rho ", "What it does not say: "):
        assert words in told
    rate = room.client("acme-brand", "ask", "match-rate", *PAIR, "--words").ok()
    assert "people are in both" in rate


def test_a_cost_is_set_against_an_answer_and_sent_to_nobody(room):
    ask = ("ask", "sales-lift", *LIFT, "--request-id", "costed-once-1")
    cost = ("--cost", "1500.00", "--margin", "0.3")
    table = room.client("acme-brand", *ask, *cost, env=NARROW).ok()
    assert "iroas" in table
    assert "romi" in table
    assert max(map(len, table.splitlines())) <= 80
    get = ("get", "costed-once-1")
    told = json.loads(room.client("acme-brand", *get, *cost, "--json").ok())
    plain = json.loads(room.client("acme-brand", *get, "--json").ok())
    assert told["measurement"] == plain  # the question kept nothing of the cost
    figures = {f["name"]: f for f in plain["cells"][0]["figures"]}
    iroas = told["costs"][0]["figures"][0]
    assert iroas["value"] == pytest.approx(figures["incremental_total"]["value"] / 150_000)
    rows = list(csv.DictReader(io.StringIO(room.client("acme-brand", *get, *cost, "--csv").ok())))
    assert [row["name"] for row in rows][-2:] == ["iroas", "romi"]
    words = room.client("acme-brand", *get, *cost, "--words").ok()
    assert "For a cost of 1,500.00: iROAS " in words


def test_a_cost_that_fits_no_cell_is_refused_before_anything_is_paid(room):
    before = room.balances()
    ask = ("ask", "sales-lift", *LIFT)
    for words in (
        ("--by", "city", "--cost", "10"),
        ("--cost", "ufa=10"),
        ("--cost", "ten"),
        ("--cost", "0"),
        ("--cost", "1", "--cost", "2"),
        ("--cost", "1", "--margin", "2"),
        ("--margin", "0.3"),
        ("--words", "--json"),
    ):
        assert room.client("acme-brand", *ask, *words).code == 2, words
    assert room.balances() == before


def test_guesses_that_say_nothing_are_wrong_usage(room):
    for words in (
        ("--assume", "people=ten"),
        ("--assume", "rate=0.1"),
        ("--assume", "people=10,height=2"),
        ("--assume", "people=10,people=10"),
        ("--assume", "people=10,rate=0.1", "--wish", "absolute_lift"),
    ):
        assert room.client("acme-brand", "plan", "sales-lift", *LIFT, *words).code == 2
    for words in ((*GUESS[:1], "people=10,rate=0.1"), ("--wish", "absolute_lift=2")):
        result = room.client("acme-brand", "plan", "sales-lift", *LIFT, *words)
        assert result.code == 1
        assert "people" in result.err or "assume." in result.err


def test_the_log_is_listed_for_programs_and_for_people(room):
    entries = json.loads(room.operator("audit", "list", *CONFIG, "--json").ok())
    kinds = {entry["kind"] for entry in entries}
    assert {"policy_in_force", "version_sealed", "question_released"} <= kinds
    assert [entry["index"] for entry in entries] == list(range(len(entries)))
    shown = room.operator("audit", "list", *CONFIG, "--limit", "2", "--kind", "version_sealed")
    assert shown.ok().count("version_sealed") == 2
    narrow = room.terminal.run("cleanroom", "audit", "list", *CONFIG, env=NARROW).ok()
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.count("question_released") == [e["kind"] for e in entries].count(
        "question_released"
    )


def test_audit_and_fsck_end_with_0_beside_a_running_server(room):
    assert "the log is consistent" in room.operator("audit", "verify", *CONFIG).ok()
    assert room.operator("fsck", *CONFIG).ok().endswith("clean\n")
    note = room.operator("audit", "checkpoint", *CONFIG).ok()
    (room.folder / "kept.checkpoint").write_text(note)
    against = ("--against", "kept.checkpoint")
    assert "continues" in room.operator("audit", "verify", *CONFIG, *against).ok()


def test_lint_ends_with_0_1_or_2_and_says_the_digest_as_json(room):
    linted = room.operator("policy", "lint", "policy.yaml", "--json")
    told = json.loads(linted.out)
    assert linted.code == (1 if told["remarks"] else 0)
    status = json.loads(room.client("acme-brand", "status", "--json").ok())
    assert told["digest"] == status["in_force"]


def test_a_command_without_anything_shows_its_help(room):
    for program in ("cleanroom", "cleanroom-client"):
        result = room.terminal.run(program)
        assert result.code == 2
        assert "Commands" in result.out + result.err

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
    assert json.loads(result.ok())
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
    assert all(float(row["low"]) < float(row["value"]) < float(row["high"]) for row in rows)


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

"""`cleanroom audit list` and `show` as an auditor beside the server sees them."""

from __future__ import annotations

import csv
import json

import pyarrow.parquet as pq
import pytest

from cleanroom.cli.terminal import plain
from support.operator_room import Room


@pytest.fixture
def room(tmp_path, capsys):
    made = Room(tmp_path, capsys)
    made.agree()
    return made


def test_audit_list_shows_every_entry_in_order(room, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    code, out, _ = room.run("audit", "list")
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    kinds = ["policy_proposed", *["policy_accepted"] * 3, "policy_in_force"]
    assert [row[2] for row in rows] == kinds
    assert rows[2][3:5] == ["party/megamart", "spring-campaign"]


def test_audit_list_as_json_is_one_array(room):
    _, out, _ = room.run("audit", "list", "--json")
    told = json.loads(out)
    assert [e["index"] for e in told] == [0, 1, 2, 3, 4]
    assert told[0]["actor"] == "officer/officer"
    assert told[1]["fields"]["party"] == "acme-brand"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--party", "megamart"), [2]),
        (("--kind", "policy_accepted"), [1, 2, 3]),
        (("--limit", "2"), [3, 4]),
        (("--kind", "policy_accepted", "--limit", "1"), [3]),
        (("--since", "2000-01-01"), [0, 1, 2, 3, 4]),
        (("--since", "2999-01-01T12:00"), []),
        (("--until", "2000-01-01"), []),
        (("--until", "2999-01-01", "--collaboration", "spring-campaign"), [0, 1, 2, 3, 4]),
        (("--collaboration", "autumn"), []),
        (("--decision", "refused"), []),
        (("--dataset", "sales"), []),
        (("--reason", "BUDGET_EXHAUSTED", "--limit", "3"), []),
    ],
)
def test_audit_list_chooses(room, options, expected):
    _, out, _ = room.run("audit", "list", "--json", *options)
    assert [e["index"] for e in json.loads(out)] == expected


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "soon"),
        ("--until", "2026-13-01"),
        ("--kind", "gossip"),
        ("--decision", "maybe"),
        ("--limit", "0"),
        ("--format", "parquet"),
        ("--out", "table.txt"),
    ],
)
def test_audit_list_refuses_a_choice_it_does_not_know(room, options):
    code, _, err = room.run("audit", "list", *options)
    assert code == 2
    assert options[0] in err


def test_audit_show_says_one_entry_in_full(room):
    _, out, _ = room.run("audit", "show", "0", "--json")
    told = json.loads(out)
    assert len(told["leaf_hash"]) == 64
    _, words, _ = room.run("audit", "show", "0")
    assert words.startswith("entry 0: officer/officer ")
    for text in (told["leaf_hash"], told["fields"]["policy_digest"], told["time"], told["salt"]):
        assert text in words
    assert room.run("audit", "show", "5")[0] == 2


def test_audit_list_writes_csv_and_parquet_that_hold_the_same(room, tmp_path):
    room.note(why="=HYPERLINK(1)")
    for form in ("csv", "parquet", "json"):
        code, out, _ = room.run("audit", "list", "--format", form, "--out", tmp_path / form)
        assert (code, out) == (0, f"{tmp_path / form}: 6 entries written\n")
    told = json.loads((tmp_path / "json").read_text())
    table = pq.read_table(tmp_path / "parquet").to_pylist()
    with (tmp_path / "csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["index"] for r in table] == [t["index"] for t in told]
    assert [int(r["time"].timestamp()) for r in table] == [t["time_s"] for t in told]
    assert [json.loads(r["fields"]) for r in table] == [t["fields"] for t in told]
    assert [r["time"] for r in rows] == [t["time"] for t in told]
    assert rows[-1]["reason"] == "'=HYPERLINK(1)"
    assert table[-1]["collaboration"] is None


def test_a_list_that_cannot_be_written_leaves_what_was_there(room, tmp_path):
    kept = tmp_path / "kept.csv"
    kept.write_text("before")
    room.tamper("UPDATE log_entries SET entry = ? WHERE idx = 3", b"{}")
    code, _, err = room.run("audit", "list", "--format", "csv", "--out", kept)
    assert (code, kept.read_text()) == (1, "before")
    assert [p.name for p in tmp_path.iterdir() if "kept" in p.name] == ["kept.csv"]
    assert "entry" in err
    absent = tmp_path / "absent" / "list.csv"
    code, _, err = room.run("audit", "list", "--format", "csv", "--out", absent)
    assert (code, err.count("\n")) == (1, 1)
    assert str(absent) in err


def test_what_an_entry_holds_cannot_steer_the_terminal(room):
    room.note(why="[red]\x1b[31m\u202e[/red]")
    _, out, _ = room.run("audit", "list")
    assert "\x1b" not in out
    assert "[red]\\x1b[31m\\u202e[/red]" in out
    assert plain("Уфа, 5 %") == "Уфа, 5 %"

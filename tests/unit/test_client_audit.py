"""`cleanroom-client audit` against the fake service, an honest one and one that lies."""

from __future__ import annotations

import json

import pytest

from cleanroom.v1 import audit_pb2 as pb
from cleanroom_client.cli.app import run
from support.fake_partner import join
from support.fake_service import fake_service

PAIR = ("--datasets", "exposures,sales")


@pytest.fixture
def room(tmp_path):
    with fake_service() as running:
        join(running, tmp_path)
        yield running


@pytest.fixture
def client(room, tmp_path, capsys):
    """Run a command line as a party; return (exit code, stdout, stderr)."""

    def call(*arguments, who="acme-brand", before=()):
        code = run(["--profile", str(tmp_path / f"{who}.toml"), *before, *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def auditor(room, tmp_path, client):
    for _ in range(5):
        client("ask", "match-rate", *PAIR)
    room.profile(tmp_path, who="ann", kind="auditor")
    return lambda *words: client("audit", *words, who="ann")


def test_an_auditor_lists_the_newest_entries_each_proven(room, auditor):
    code, out, err = auditor("list", "--limit", "3", "--json")
    assert (code, [e["index"] for e in json.loads(out)]) == (0, [2, 3, 4])
    assert err == "3 entries listed, each proven to be in the signed tree\n"
    code, out, err = auditor("list", "--whole", "--decision", "released", "--csv")
    assert (code, len(out.splitlines())) == (0, 6)
    assert "5 of 5 entries chosen" in err
    assert json.loads(auditor("list", "--whole", "--kind", "administrative", "--json")[1]) == []


@pytest.mark.parametrize("words", [("list",), ("list", "--whole"), ("show", "1")])
def test_an_entry_that_is_not_in_the_signed_tree_is_not_shown(room, auditor, words):
    room.log.lies[1] = room.log.entries[2]
    code, out, err = auditor(*words)
    assert (code, out) == (1, "")
    assert "not" in err


def test_an_auditor_reads_one_entry_and_keeps_a_checkpoint(room, auditor):
    code, out, _ = auditor("show", "4")
    assert (code, out.splitlines()[0][:29]) == (0, "entry 4: party/acme-brand ans")
    assert json.loads(auditor("show", "4", "--json")[1])["index"] == 4
    assert "has no entry 5" in auditor("show", "5")[2]
    assert auditor("checkpoint")[1] == room.log.checkpoint()


@pytest.mark.parametrize(
    ("verdict", "why", "expected", "code"),
    [
        (pb.VERDICT_PLAUSIBLE, [], "plausible", 0),
        (pb.VERDICT_IMPLAUSIBLE, ["too far \x1b[31m"], "implausible", 1),
        (pb.VERDICT_NOT_POSSIBLE, ["a version was erased"], "not possible", 2),
        (99, [], "unknown", 2),
    ],
)
def test_a_recomputation_tells_its_word_and_ends_by_it(room, auditor, verdict, why, expected, code):
    room.log.verdicts[4] = (verdict, why)
    ended, out, _ = auditor("recompute", "4")
    assert (ended, out.splitlines()[0]) == (code, f"entry 4: {expected}")
    assert "\x1b" not in out
    told = json.loads(auditor("recompute", "4", "--json")[1])
    assert told == {"entry": 4, "verdict": expected, "why": why}

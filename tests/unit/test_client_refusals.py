"""What a person and a program see of a refusal at the command line."""

from __future__ import annotations

import json

import grpc
import pytest

from cleanroom_client.cli.app import run
from support.fake_partner import join
from support.fake_service import fake_service, refuse

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


def test_a_refusal_shows_each_reason_with_its_proof_to_people_and_programs(room, client):
    reasons = [
        {"words": f"rule {n} says no (p.yaml:{n})", "rule": f"datasets.sales.limits.{n}"}
        | {"file": "p.yaml", "line": n, "whose": ["megamart"], "allowed": f"at most {n}"}
        for n in (1, 2)
    ]

    def refusal(context):
        code, sentence = grpc.StatusCode.PERMISSION_DENIED, "the policy refuses the question: both"
        trace = json.dumps(reasons)
        refuse(context, code, "QUESTION_REFUSED", sentence, trace=trace, left_out="3")

    room.faults["RunAnalysis"] = [refusal, refusal]
    code, out, err = client("ask", "match-rate", *PAIR, before=["-q"])
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: the policy refuses the question, for 5 reasons:",
        "  - rule 1 says no (p.yaml:1)",
        "    rule of megamart; allowed: at most 1",
        "  - rule 2 says no (p.yaml:2)",
        "    rule of megamart; allowed: at most 2",
        "  and 3 more",
    ]
    code, out, _ = client("ask", "match-rate", *PAIR, "--json", before=["-q"])
    told = json.loads(out)["error"]
    assert (code, told["reason"], told["left_out"]) == (1, "QUESTION_REFUSED", 3)
    assert told["reasons"] == reasons

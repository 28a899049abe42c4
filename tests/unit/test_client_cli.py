"""The command line against the fake service: what it prints, where, and how it ends."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from cleanroom_client.blinding.kernel import PYTHON
from cleanroom_client.cli import data
from cleanroom_client.cli.app import run
from support.fake_partner import exposures, join, write_csv
from support.fake_service import DOCUMENT, fake_service, refuse, slow, unavailable
from support.fake_tls import Authority

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


READ = hashlib.sha256(DOCUMENT).hexdigest()


def one_sentence(err):
    """Assert that stderr is one line, beside the note of a missing kernel; return it."""
    err = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("note: "))
    assert err.startswith("error: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def test_a_party_accepts_uploads_blinds_and_seals(room, tmp_path, client):
    assert client("accept", "--digest", READ)[1].endswith("it is in force\n")
    path = write_csv(tmp_path / "crm.csv", 6)
    code, out, _ = client("upload", "exposures", path)
    assert code == 0
    assert "rows sent" in out
    assert "upload u-0 is complete" in out
    assert client("blind", "--until-idle")[:2] == (0, "evaluated 0 elements\n")
    assert client("seal", "exposures")[1] == "exposures: version v-1, 3 people, 5 rows\n"
    assert "u-0" in client("describe", "exposures")[1]
    assert client("erase", "v-1")[1] == "erased v-1\n"
    code, out, _ = client("upload", "exposures", path)
    assert (code, out) == (0, "exposures: this content is uploaded already (1 rows)\n")


@pytest.mark.parametrize("command", [("upload", "exposures"), ("blind", "--until-idle")])
def test_a_missing_kernel_is_told_once_in_one_sentence(
    room, tmp_path, client, monkeypatch, command
):
    arguments = command
    if command[0] == "upload":
        arguments = (*command, write_csv(tmp_path / "crm.csv", 6))
    monkeypatch.setattr(data, "available", lambda: ("portable", PYTHON))
    assert client(*arguments)[2] == ""
    monkeypatch.setattr(data, "available", lambda: (PYTHON,))
    code, _, err = client(*arguments)
    assert code == 0
    assert err.count("\n") == 1
    assert err.startswith("note: the native blinding kernel is not installed")
    assert "15 times" in err
    assert "C compiler" in err
    assert client(*arguments, before=["--quiet"])[2] == ""


def test_headers_are_mapped_and_parquet_is_read(room, tmp_path, client):
    table = exposures(6).rename(columns={"email": "E-Mail"})
    table.to_parquet(tmp_path / "crm.parquet")
    code, out, _ = client("upload", "exposures", tmp_path / "crm.parquet", "--map", "email=E-Mail")
    assert code == 0, out
    assert len(room.uploads) == 1


def test_the_proposal_can_be_read_before_it_is_accepted(room, client):
    assert "scheme: psi" in client("accept", "--show")[1]
    code, _, err = client("accept", "--digest", "00" * 32)
    assert code == 1
    assert "read it again" in one_sentence(err)


def test_status_says_what_is_in_force(room, client):
    assert "waiting for    nobody" in client("status")[1]
    assert json.loads(client("status", "--json")[1])["accepted"] == ["acme-brand", "megamart"]


def test_an_officer_proposes(room, tmp_path, capsys):
    room.profile(tmp_path, who="jane", kind="officer")
    (tmp_path / "new.yaml").write_text("matching: {scheme: psi}\n")
    assert (
        run(["--profile", str(tmp_path / "jane.toml"), "propose", str(tmp_path / "new.yaml")]) == 0
    )
    assert capsys.readouterr().out.startswith("proposed for spring: ")


def test_a_question_prints_a_table_and_its_request_id(room, client):
    code, out, err = client("ask", "match-rate", *PAIR, "--by", "city", "--epsilon", "0.5")
    assert code == 0
    assert "1,234.56" in out  # money, with two decimals
    assert "42.13%" in out
    assert "95% interval" in out
    assert "kazan" in out
    assert "suppressed" in out
    assert "under 112 noisy people" in out
    assert "- relative lift: the control arm's mean is too uncertain." in out
    assert "rho 0.004000000" in out
    assert err.startswith("request id ")


def test_json_goes_to_stdout_alone(room, client):
    code, out, err = client("ask", "match-rate", *PAIR, "--json", before=["--quiet"])
    assert (code, err) == (0, "")
    assert json.loads(out)["!v"] == "cleanroom-measurement/v1"


def test_csv_has_a_row_for_each_figure(room, client):
    out = client("ask", "segment-size", "--datasets", "exposures", "--by", "city", "--csv")[1]
    assert out.splitlines()[0].startswith("city,suppressed,name,unit,value")
    assert len(out.splitlines()) == 7


def test_a_lift_takes_window_filters_and_population(room, client):
    lift = ("sales-lift", "--exposures", "exposures", "--sales", "sales", "--outcome", "amount")
    more = ("--from", "2026-03-01", "--until", "2026-04-01", "--filter", "category=hair-care,other")
    assert client("ask", *lift, *more, "--population", "matched")[0] == 0
    assert client("plan", *lift, *more)[0] == 0
    assert client("ask", *lift, "--from", "2026-03-01")[0] == 2
    assert client("ask", *lift, "--filter", "category")[0] == 2


def test_a_plan_asks_nothing(room, client):
    code, out, _ = client("plan", "match-rate", *PAIR, "--rho", "0.004")
    assert code == 0
    assert "epsilon 0.5 at delta 1e-7" in out
    assert json.loads(client("plan", "match-rate", *PAIR, "--json")[1])["cells"] == 1
    assert room.count("RunAnalysis") == 0


def test_a_budget_is_exact(room, client):
    assert "0.196000000" in client("budget")[1]
    assert json.loads(client("budget", "--json")[1])[0]["remaining_nano_rho"] == 196_000_000


def test_a_receipt_is_kept_and_verified_offline(room, tmp_path, client, capsys):
    path = tmp_path / "lift.receipt"
    client("ask", "match-rate", *PAIR, "--receipt", path)
    (tmp_path / "log.vkey").write_text(room.log.key_text + "\n")
    for key in (room.log.key_text, str(tmp_path / "log.vkey")):
        assert run(["receipt", "verify", str(path), "--log-key", key]) == 0
        assert "the receipt is valid" in capsys.readouterr().out
    path.write_bytes(path.read_bytes().replace(b"123456", b"654321"))
    assert run(["receipt", "verify", str(path), "--log-key", room.log.key_text]) == 1
    assert "step 5" in one_sentence(capsys.readouterr().err)
    for file, key in ((tmp_path / "none", room.log.key_text), (path, "nokey"), (path, "a+b+c")):
        assert run(["receipt", "verify", str(file), "--log-key", key]) == 1
        one_sentence(capsys.readouterr().err)


def test_requests_are_listed_and_read_again(room, client):
    client("ask", "match-rate", *PAIR, "--request-id", "question-1")
    assert "question-1" in client("list")[1]
    assert json.loads(client("list", "--json")[1])[0]["state"] == "released"
    assert json.loads(client("get", "question-1", "--json")[1])["family"] == "match_rate"
    code, _, err = client("get", "question-2")
    assert code == 1
    assert "not yours to read" in one_sentence(err)


def test_an_auditor_reads_the_log(room, tmp_path, client, capsys):
    client("ask", "match-rate", *PAIR)
    room.profile(tmp_path, who="ann", kind="auditor")
    assert run(["--profile", str(tmp_path / "ann.toml"), "entries"]) == 0
    assert "question_released" in capsys.readouterr().out
    assert run(["--profile", str(tmp_path / "ann.toml"), "entries", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["actor"] == "party/acme-brand"


def test_a_deadline_says_how_to_repeat(room, client):
    room.faults["RunAnalysis"] = [slow(0.3)]
    code, _, err = client(
        "ask",
        "match-rate",
        *PAIR,
        "--request-id",
        "question-1",
        before=["--timeout", "0.001", "-q"],
    )
    assert code == 1
    assert "within 0.001 s" in one_sentence(err)
    assert err.endswith("repeat with --request-id question-1\n")


def test_a_refusal_is_not_to_be_repeated(room, client):
    def refusal(context):
        import grpc

        reason = "the policy refuses the question: k"
        refuse(context, grpc.StatusCode.PERMISSION_DENIED, "QUESTION_REFUSED", reason)

    room.faults["RunAnalysis"] = [refusal]
    code, _, err = client("ask", "match-rate", *PAIR, before=["-q"])
    assert (code, err) == (1, "error: the policy refuses the question: k\n")


SALES = "email,amount,category,occurred_at,purposes,consent_at,consent_until\n"
ROW = "a@example.com,{},other,2026-03-01,measurement,2026-01-01,2027-01-01\n"
BAD = {
    "no_key": (SALES.replace("email", "mail") + ROW.format("1.00"), "email"),
    "delimiter": ((SALES + ROW.format("1.00")).replace(",", ";"), "';'"),
    "empty": ("", "empty"),
    "header_only": (SALES, "no row"),
    "long_line": (SALES + "x" * 20_000_000 + "\n", "line 2"),
    "comma": (SALES + ROW.format("12,50"), "line 2"),
    "quoted_comma": (SALES + ROW.format('"12,50"'), "decimal point"),
    "nan": (SALES + ROW.format("NaN"), "not a number"),
    "year_1970": ((SALES + ROW.format("1.00")).replace("2026-03-01", "1970-01-01"), "line 2"),
    "undeclared": ((SALES + ROW.format("1.00")).replace("measurement", "fun"), "purposes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_sentence_and_sends_nothing(room, tmp_path, client, kind):
    text, said = BAD[kind]
    (tmp_path / "sales.csv").write_text(text)
    code, out, err = client("upload", "sales", tmp_path / "sales.csv", who="megamart")
    assert (code, out) == (1, "")
    assert said in one_sentence(err)
    assert "sales.csv" in err
    assert not room.received


def test_repeated_rows_are_counted(room, tmp_path, client):
    (tmp_path / "sales.csv").write_text(SALES + 3 * ROW.format("1.00"))
    code, out, _ = client("upload", "sales", tmp_path / "sales.csv", who="megamart")
    assert code == 0
    assert any(line.split() == ["repeated", "rows,", "kept", "2"] for line in out.splitlines())


def test_files_that_are_not_there_are_named(room, tmp_path, client):
    assert "none.csv" in one_sentence(client("upload", "exposures", tmp_path / "none.csv")[2])
    assert "none.yaml" in one_sentence(client("propose", tmp_path / "none.yaml")[2])
    assert "none.toml" in one_sentence(client("budget", who="none")[2])


def test_another_partys_dataset_is_one_sentence(room, tmp_path, client):
    path = write_csv(tmp_path / "crm.csv")
    code, _, err = client("upload", "sales", path)
    assert code == 1
    assert "megamart's" in one_sentence(err)


def test_a_cut_upload_is_continued_by_the_same_command(room, tmp_path, client):
    path = write_csv(tmp_path / "crm.csv")
    room.cut_after_chunks = 0
    assert client("upload", "exposures", path)[0] == 0
    assert room.received == [0]


def test_an_expired_certificate_is_one_sentence(room, tmp_path, client):
    past = datetime.now(UTC) - timedelta(days=30)
    room.profile(tmp_path, not_before=past - timedelta(days=1), not_after=past)
    code, _, err = client("budget")
    assert code == 1
    assert f"expired on {past:%Y-%m-%d}" in one_sentence(err)


def test_a_sealed_keystore_needs_its_passphrase(room, tmp_path, client, monkeypatch):
    (tmp_path / "acme-brand.keystore.json").unlink()
    monkeypatch.setenv("CLEANROOM_PASSPHRASE", "right")
    assert client("accept", "--digest", READ)[0] == 0
    path = write_csv(tmp_path / "crm.csv")
    monkeypatch.setenv("CLEANROOM_PASSPHRASE", "wrong")
    assert "does not open" in one_sentence(client("upload", "exposures", path)[2])
    monkeypatch.delenv("CLEANROOM_PASSPHRASE")
    assert "CLEANROOM_PASSPHRASE" in one_sentence(client("upload", "exposures", path)[2])


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "match-rate"],
        ["ask", "match-rate", *PAIR, "--json", "--csv"],
        ["blind"],
        ["blind", "--watch", "--until-idle"],
        ["upload", "exposures", "x.csv", "--map", "email"],
        ["sing"],
    ],
    ids="-".join,
)
def test_wrong_usage_ends_with_2(room, client, arguments):
    code, out, err = client(*arguments)
    assert (code, out) == (2, "")
    assert "--help')" in one_sentence(err)


def test_a_command_without_a_profile_says_so(capsys, monkeypatch):
    monkeypatch.delenv("CLEANROOM_PROFILE", raising=False)
    assert run(["budget"]) == 2
    assert "--profile" in capsys.readouterr().err


def test_both_losses_are_refused_before_anything_is_sent(room, client):
    code, _, err = client("ask", "match-rate", *PAIR, "--rho", "1", "--epsilon", "1")
    assert code == 1
    assert "not both" in one_sentence(err)
    assert room.count("RunAnalysis") == 0


def test_an_unexpected_error_shows_no_values(room, client, monkeypatch):
    def fail(*_args, **_kwargs):
        raise ValueError("ann@example.com")

    monkeypatch.setattr("cleanroom_client.room.CleanRoom.budget", fail)
    code, _, err = client("budget")
    assert (code, err) == (1, "error: unexpected ValueError: repeat with --debug to see where\n")
    with pytest.raises(ValueError, match="ann@"):
        client("budget", before=["--debug"])


def test_every_command_has_help_with_an_example(capsys):
    groups = {"ask": 4, "plan": 4, "receipt": 1, "bench": 1, "audit": 5}
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out.split("Commands:\n")[1]
    commands = [
        line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    assert len(commands) >= 14
    for command in set(commands) - set(groups):
        assert run([command, "--help"]) == 0
        assert "Example: cleanroom-client " in capsys.readouterr().out, command
    for family in ("match-rate", "segment-size", "sales-lift", "contribution-bound"):
        assert run(["ask", family, "--help"]) == 0
        assert "Example: cleanroom-client " in capsys.readouterr().out
    for name in ("list", "show", "checkpoint", "recompute", "receipt"):
        assert run(["audit", name, "--help"]) == 0
        assert "Example: cleanroom-client " in capsys.readouterr().out


def test_the_module_runs_as_a_program(room, tmp_path):
    room.faults["ListBalances"] = [unavailable]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cleanroom_client",
            "--profile",
            tmp_path / "acme-brand.toml",
            "budget",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert "ledgers/megamart/loyalty" in done.stdout
    assert done.stderr == ""


def test_a_failed_handshake_is_one_sentence_without_the_librarys_own_lines(room, tmp_path):
    (tmp_path / "ca.pem").write_bytes(Authority().pem)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cleanroom_client",
            "--profile",
            tmp_path / "acme-brand.toml",
            "budget",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "no trusted connection" in one_sentence(done.stderr)

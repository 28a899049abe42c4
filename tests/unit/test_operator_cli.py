from __future__ import annotations

import json

import pytest

from cleanroom.cli.app import main
from cleanroom.wiring.lock import held
from support.operator_cli import run
from support.operator_room import PARTIES, Room
from support.policies import EXAMPLES, edited


@pytest.fixture
def room(tmp_path, capsys):
    made = Room(tmp_path, capsys)
    made.agree()
    return made


# policy lint


def lint(capsys, tmp_path, text, *options):
    file = tmp_path / "a:policy.yaml"
    file.write_text(text, encoding="utf-8")
    return file, *run(capsys, "policy", "lint", file, *options)


def test_lint_of_a_fine_policy_exits_0_and_tells_its_digest(capsys):
    code, out, err = run(capsys, "policy", "lint", EXAMPLES / "demo.yaml")
    assert (code, err) == (0, "")
    assert "valid, digest" in out


def test_lint_of_a_weak_policy_exits_1_with_positions(capsys, tmp_path):
    file, code, out, _ = lint(capsys, tmp_path, edited(name="sha256"))
    assert code == 1
    assert f"{file}:11:3: warning: matching.scheme" in out


def test_lint_of_a_wrong_policy_exits_2_with_positions(capsys, tmp_path):
    text = edited(("collaboration:", "colaboration:"))
    file, code, out, _ = lint(capsys, tmp_path, text)
    assert code == 2
    line = text[: text.index("colaboration")].count("\n") + 1
    assert f"{file}:{line}:1: error: " in out


def test_lint_as_json_tells_the_same_to_programs(capsys, tmp_path):
    text = edited(("collaboration:", "colaboration:"))
    file, code, out, _ = lint(capsys, tmp_path, text, "--json")
    told = json.loads(out)
    assert (code, told["file"], told["digest"]) == (2, str(file), None)
    assert {r["severity"] for r in told["remarks"]} == {"error"}
    assert all(r["line"] >= 1 and r["column"] >= 1 for r in told["remarks"])


def test_lint_of_an_absent_file_exits_2_with_one_sentence(capsys, tmp_path):
    code, out, err = run(capsys, "policy", "lint", tmp_path / "absent.yaml")
    assert (code, out, err.count("\n")) == (2, "", 1)


# sandbox init


def test_sandbox_init_names_the_next_commands(capsys, tmp_path):
    room = tmp_path / "room"
    code, out, err = run(capsys, "sandbox", "init", room, "--policy", EXAMPLES / "demo.yaml")
    assert (code, err) == (0, "")
    assert f"cleanroom serve --config {room / 'server.toml'}" in out
    for name in PARTIES:
        assert f"cleanroom-client --profile {room / 'parties' / name}.toml accept" in out
    again, _, sentence = run(capsys, "sandbox", "init", room, "--policy", EXAMPLES / "demo.yaml")
    assert (again, sentence.count("\n")) == (1, 1)
    assert "is not empty" in sentence


def test_sandbox_init_refuses_a_policy_with_errors_before_writing(capsys, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: cleanroom/v1\nversion: cleanroom/v1\n")
    code, out, err = run(capsys, "sandbox", "init", tmp_path / "room", "--policy", policy)
    assert (code, out) == (1, "")
    assert f"{policy}:2:1" in err
    assert not (tmp_path / "room").exists()


@pytest.mark.parametrize(
    "extra", [("--listen", "nowhere"), ("--days", "0"), ("--trust-domain", "A B")]
)
def test_sandbox_init_refuses_options_with_one_sentence(capsys, tmp_path, extra):
    room = tmp_path / "room"
    arguments = ("sandbox", "init", room, "--policy", EXAMPLES / "demo.yaml", *extra)
    code, _, err = run(capsys, *arguments)
    assert (code, err.count("\n")) == (1, 1)
    assert not room.exists()


# audit verify


def test_audit_verify_accepts_a_log_and_its_own_earlier_checkpoint(room, tmp_path):
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(room.run("audit", "checkpoint")[1], encoding="utf-8")
    room.note(what="later")
    code, out, _ = room.run("audit", "verify", "--against", kept)
    assert code == 0
    assert out.startswith("entries     6\n")
    assert "the log is consistent" in out


def test_audit_verify_works_beside_a_server_that_holds_the_data(room):
    with held(room.config.data):
        assert room.run("audit", "verify")[0] == 0


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "UPDATE log_entries AS e SET entry = o.entry FROM log_entries AS o"  # noqa: ISC004
            " WHERE e.idx = 1 AND o.idx = 2",
            "entry 1 is not what its stored hash says",
        ),
        ("DELETE FROM log_entries WHERE idx = 1", "some miss"),
        ("UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 1 AND idx = 1", "level 1"),
        ("DELETE FROM log_nodes WHERE level = 2", "a stored hash is missing"),
        ("UPDATE log_entries SET entry = CAST('{}' AS BLOB) WHERE idx = 3", "entry 3"),
    ],
)
def test_audit_verify_names_what_was_changed(room, statement, why):
    room.tamper(statement)
    code, _, err = room.run("audit", "verify")
    assert (code, err.count("\n")) == (1, 1)
    assert why in err


def test_audit_verify_finds_a_rewritten_history_by_a_kept_checkpoint(room, tmp_path):
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(room.run("audit", "checkpoint")[1], encoding="utf-8")
    room.config.database.unlink()
    room.agree(edited(("people: 50", "people: 60"), name="demo").encode())
    code, _, err = room.run("audit", "verify")  # the server's own memory, beside the database
    assert (code, "the log was forked" in err or "it shrank" in err) == (1, True)
    (room.config.data / "checkpoint").unlink()
    assert room.run("audit", "verify")[0] == 0
    code, _, err = room.run("audit", "verify", "--against", kept)
    assert code == 1
    assert "consistency" in err


def test_audit_verify_refuses_a_checkpoint_of_another_log(room, tmp_path, capsys):
    (tmp_path / "else").mkdir()
    other = Room(tmp_path / "else", capsys)
    other.agree()
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(other.run("audit", "checkpoint")[1], encoding="utf-8")
    code, _, err = room.run("audit", "verify", "--against", kept)
    assert code == 1
    assert "no known key signed it" in err


@pytest.mark.parametrize("command", [("audit", "list"), ("audit", "verify"), ("fsck",)])
def test_nothing_is_created_where_no_service_has_run(tmp_path, capsys, command):
    fresh = Room(tmp_path, capsys)
    code, _, err = fresh.run(*command)
    assert (code, err.count("\n")) == (1, 1)
    assert "there is no database yet" in err
    assert not fresh.config.database.exists()


# fsck


def test_fsck_of_a_sound_store_is_clean(room):
    assert room.run("fsck")[:2] == (0, "clean\n")


def test_fsck_names_a_ledger_that_does_not_add_up(room):
    room.tamper("UPDATE ledgers SET spent = 1 WHERE pool = ?", "megamart-loyalty-2026")
    code, out, _ = room.run("fsck")
    assert code == 1
    assert "ledgers/megamart/megamart-loyalty-2026" in out


def test_fsck_beside_a_running_server_says_so_and_still_looks(room):
    with held(room.config.data):
        code, out, err = room.run("fsck")
        assert (code, out) == (0, "clean\n")
        assert "the service is running" in err
        room.tamper("UPDATE ledgers SET spent = 1 WHERE pool = ?", "megamart-loyalty-2026")
        assert room.run("fsck")[0] == 1


def test_fsck_with_another_master_key_is_one_sentence(room):
    room.config.master_key.chmod(0o644)
    code, _, err = room.run("fsck")
    assert (code, err.count("\n")) == (1, 1)
    assert "chmod 600" in err


# errors


def test_a_damaged_database_is_one_sentence(room):
    room.config.database.write_bytes(b"no database at all, only text " * 100)
    code, _, err = room.run("audit", "list")
    assert (code, err.count("\n")) == (1, 1)
    assert "the database cannot be used" in err


def test_a_wrong_configuration_is_told_and_debug_shows_where(tmp_path, capsys):
    file = tmp_path / "server.toml"
    file.write_text("version = 1\n")
    code, _, err = run(capsys, "serve", "--config", file)
    assert code == 1
    assert "version: expected text" in err
    assert "Traceback" not in err
    with pytest.raises(Exception, match="version: expected text"):
        main(["--debug", "serve", "--config", str(file)])


@pytest.mark.parametrize(
    "command",
    [
        ("sandbox", "init"),
        ("serve",),
        ("policy", "lint"),
        ("audit", "verify"),
        ("audit", "checkpoint"),
        ("audit", "list"),
        ("audit", "show"),
        ("audit", "report"),
        ("audit", "recompute"),
        ("audit", "anomalies"),
        ("fsck",),
    ],
)
def test_every_command_has_a_help_with_an_example(capsys, command):
    code, out, _ = run(capsys, *command, "--help")
    assert code == 0
    assert "Example: cleanroom " + " ".join(command) in out


def test_wrong_usage_exits_2(capsys):
    assert run(capsys, "audit", "verify")[0] == 2
    assert run(capsys, "gossip")[0] == 2

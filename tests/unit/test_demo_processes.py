"""Running other programs: output, failure and its report, side by side, the server's start."""

from __future__ import annotations

import re
import socket

import pytest

from cleanroom.demo import processes
from cleanroom.demo.processes import (
    CLIENT,
    SERVICE,
    Server,
    StepFailed,
    finish_all,
    free_address,
    run,
    run_all,
    run_in_turns,
    shown,
    typed,
)
from support.policies import EXAMPLES

LINT = (SERVICE, "policy", "lint", "--json")
GOOD, BAD = str(EXAMPLES / "demo.yaml"), "nowhere.yaml"


def test_run_returns_what_the_command_printed():
    assert '"digest"' in run((*LINT, GOOD))


def test_a_failure_shows_command_code_and_output():
    with pytest.raises(StepFailed) as caught:
        run((*LINT, BAD))
    text = str(caught.value)
    assert text.startswith("$ cleanroom policy lint --json nowhere.yaml\nended with 2\n")
    assert "cannot be read" in text


def test_side_by_side_all_end_and_the_first_failure_is_told():
    codes = [f.code for f in finish_all([(*LINT, GOOD), (*LINT, BAD)])]
    assert codes == [0, 2]
    with pytest.raises(StepFailed, match=r"nowhere\.yaml"):
        run_all([(*LINT, GOOD), (*LINT, BAD)])


def test_turns_keep_the_order(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    groups = []
    monkeypatch.setattr(processes, "run_all", lambda turn: groups.append(turn) or list(turn))
    assert run_in_turns(["a", "b", "c"]) == ["a", "b", "c"]
    assert groups == [["a", "b"], ["c"]]


def test_a_command_that_hangs_is_killed(monkeypatch):
    monkeypatch.setattr(processes, "_TIMEOUT_S", 0.01)
    with pytest.raises(StepFailed, match="did not end within"):
        run((*LINT, GOOD))


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path):
    with (
        pytest.raises(StepFailed, match=r"the server ended\n(.|\n)*no configuration"),
        Server(tmp_path / "none.toml", tmp_path),
    ):
        pytest.fail("it cannot serve")


def test_a_free_address_can_be_listened_on():
    host, _, port = free_address().rpartition(":")
    with socket.create_server((host, int(port))):
        assert re.fullmatch(r"[1-9]\d{3,4}", port)


def test_a_command_is_shown_as_one_would_type_it():
    assert shown((CLIENT, "seal", "a b")) == "cleanroom-client seal 'a b'"


def test_a_command_to_type_names_the_installed_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    assert typed((CLIENT, "budget")) == ("cleanroom-client", "budget")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / CLIENT).touch()
    assert typed((CLIENT, "budget")) == ("bin/cleanroom-client", "budget")

"""Environments for other makers' packages: what cannot be installed is named, not half there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.psi.files import make_files
from benchmarks.psi.peers import SPU, run_peer
from support import peer_rooms
from support.peer_rooms import PeerMissing, peer_environment, peer_python


@pytest.fixture(name="made")
def _made(tmp_path, monkeypatch):
    """The rooms made so far; making one is what `venv` and `pip` do, less the package."""
    made = []

    def make(command):
        if "venv" in command:
            made.append(Path(command[-1]))
            made[-1].mkdir()
        elif "gone" in command[-1]:
            raise PeerMissing("ERROR: No matching distribution")

    for name in ("gone", "there"):
        (tmp_path / f"{name}.lock").write_text(f"{name}==1.0\n")
    monkeypatch.setattr(peer_rooms, "_LOCKS", tmp_path)
    monkeypatch.setattr(peer_rooms, "_run", make)
    return made


def test_a_room_is_made_once(made, tmp_path):
    python = peer_python("there", tmp_path / "rooms")
    assert peer_python("there", tmp_path / "rooms") == python
    assert made == [python.parents[1]]


def test_a_room_whose_making_was_cut_is_made_anew(made, tmp_path):
    room = peer_python("there", tmp_path / "rooms").parents[1]
    (room / "installed").unlink()
    (room / "left-over").touch()
    peer_python("there", tmp_path / "rooms")
    assert made == [room, room]
    assert not (room / "left-over").exists()


def test_another_lock_is_another_room(made, tmp_path):
    before = peer_python("there", tmp_path / "rooms")
    (tmp_path / "there.lock").write_text("there==1.1\n")
    assert peer_python("there", tmp_path / "rooms") != before


def test_a_room_without_its_package_is_never_taken_for_one(made, tmp_path):
    for _ in range(2):
        with pytest.raises(PeerMissing):
            peer_python("gone", tmp_path / "rooms")
    assert len(made) == 2


@pytest.mark.parametrize(
    ("error", "why"),
    [("ERROR: no such package", "ERROR: no such package"), ("", "-c ended with 1")],
)
def test_a_failed_installation_is_told_in_one_line(error, why):
    script = f"import sys; sys.stderr.write({f'WARNING: a{chr(10)}{error}'!r}); sys.exit(1)"
    with pytest.raises(PeerMissing) as caught:
        peer_rooms._run((sys.executable, "-I", "-c", script))
    assert str(caught.value) == why


def test_a_peers_process_is_not_shown_our_code(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "clients/python")
    assert "PYTHONPATH" not in peer_environment()


def test_a_missing_peer_has_a_reason_in_the_table_and_no_cost(tmp_path, monkeypatch):
    def missing(_name):
        raise PeerMissing("no such package")

    monkeypatch.setattr("benchmarks.psi.peers.peer_python", missing)
    result = run_peer(SPU, tmp_path, make_files(tmp_path, 10))
    assert result.cost is None
    assert result.missing == "not installed: no such package"

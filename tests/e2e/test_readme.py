"""The README: its commands are run, its Python is run, its help texts are those of the commands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cleanroom.demo.campaign import Campaign
from cleanroom.demo.generate import generate

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"<!-- (?P<kind>[^>]*?) -->\n```[a-z]*\n(?P<body>.*?)```", re.DOTALL)
_LOCAL_LINK = re.compile(r"\]\((?!http)([^)#]+)\)")


def _blocks(kind):
    return [m["body"] for m in _BLOCK.finditer(README) if m["kind"] == kind]


def _environment(bin_folder):
    path = os.pathsep.join((str(bin_folder), os.environ["PATH"]))
    places = os.pathsep.join((str(ROOT), str(ROOT / "clients/python")))
    return os.environ | {"PATH": path, "PYTHONPATH": places, "COLUMNS": "80", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory):
    """Hold the two commands, whichever way the package is installed."""
    folder = tmp_path_factory.mktemp("bin")
    for name, module in (("cleanroom", "cleanroom"), ("cleanroom-client", "cleanroom_client")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    return folder


def test_its_files_exist():
    links = _LOCAL_LINK.findall(README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


HELPS = [m["kind"].removeprefix("help: ") for m in _BLOCK.finditer(README) if "help: " in m["kind"]]


def test_it_shows_the_helps_that_it_should():
    assert {"cleanroom", "cleanroom-client", "cleanroom-client plan sales-lift"} <= set(HELPS)


@pytest.mark.parametrize("name", HELPS)
def test_its_help_is_the_commands_help(name, bin_folder):
    shown = _blocks(f"help: {name}")
    printed = subprocess.run(
        [*name.split(), "--help"],
        env=_environment(bin_folder),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [_squeezed(s) for s in shown] == [_squeezed(printed)]


def _squeezed(text):
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def way_by_hand(tmp_path_factory, bin_folder):
    """Run every command of the way by hand, then the Python, in one folder; return the run."""
    folder = tmp_path_factory.mktemp("by-hand")
    (folder / "policies").symlink_to(ROOT / "policies")
    files = generate(people=1500, seed=1, campaign=Campaign(today=datetime.now(UTC).date()))
    for dataset in ("exposures", "sales"):
        files.write(dataset, folder / f"{dataset}.csv")
    (folder / "snippet.py").write_text("".join(_blocks("python")))
    commands = "".join(_blocks("run")).replace("127.0.0.1:8443", f"127.0.0.1:{_free_port()}")
    script = f"set -eu\ntrap 'kill %1' EXIT\nset -x\n{commands}\n{sys.executable} snippet.py\n"
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=_environment(bin_folder),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_its_way_by_hand_works_from_the_first_command_to_the_last(way_by_hand):
    assert way_by_hand.returncode == 0, way_by_hand.stderr[-3000:]
    assert "room/parties/megamart.toml seal sales" in way_by_hand.stderr
    for words in ("it is in force", "the receipt is valid", "absolute lift", "clean"):
        assert words in way_by_hand.stdout


def test_its_python_prints_a_lift(way_by_hand):
    assert "absolute_lift" in way_by_hand.stdout


def test_the_demo_it_shows_is_the_demo_there_is():
    (shown,) = _blocks("demo")
    for words in ("planted truth", "released", "95 % interval", "What each side learned"):
        assert words in shown

"""A process killed between any two durable steps leaves a room that fsck finds nothing wrong in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cleanroom

ROOT = Path(cleanroom.__file__).resolve().parent.parent
STEPS = ["ledgers", "chunk", "version", "reserved", "released", "refused", "erased"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The whole story first, then one run for each point at which it was killed."""
    folder = tmp_path_factory.mktemp("crashes")
    done = subprocess.run(
        [sys.executable, "-m", "support.storage_crash", str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_story_passes_many_points_and_every_one_kills(runs):
    whole, *killed = runs
    assert (whole["exit"], whole["killed"]) == (0, False)
    assert whole["acknowledged"][:-1] == STEPS
    assert len(killed) == int(whole["acknowledged"][-1]) >= 50
    assert [run["point"] for run in killed if not run["killed"]] == []


def test_no_kill_leaves_a_problem_or_an_unfinished_file(runs):
    broken = [
        (run["point"], run["left"]["problems"])
        for run in runs
        if run["left"]["problems"] or run["left"]["unfinished"]
    ]
    assert broken == []


def test_every_acknowledged_step_is_still_there(runs):
    lost = [
        (run["point"], step)
        for run in runs
        for step in run["acknowledged"]
        if step in STEPS and not run["left"][step]
    ]
    assert lost == []


def test_a_debit_and_its_entry_are_there_together_or_not_at_all(runs):
    seen = {
        (left["reserved"], left["released"], *left["spent"], left["entries"])
        for left in (run["left"] for run in runs)
        if left["ledgers"]
    }
    assert seen == {
        (False, False, 0, 0, 0),
        (True, False, 10, 20, 1),
        (True, True, 10, 20, 2),
    }

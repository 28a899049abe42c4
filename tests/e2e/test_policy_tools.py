"""docs/policy-tools.md: its commands are run, and print what it shows, in a room with a log.

To renew what it shows: CLEANROOM_RENEW=1 python -m pytest tests/e2e/test_policy_tools.py
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.asked_room import ask_in_a_room

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "policy-tools.md"
STEP = re.compile(
    r"<!-- (?P<kind>run|shows): (?P<command>.*?) -->\n(?:```\n(?P<body>.*?)```)?", re.DOTALL
)
PROGRAM = f'"{sys.executable}" -m cleanroom'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    ask_in_a_room(tmp_path)
    return tmp_path


def printed(command, folder):
    places = os.pathsep.join((str(ROOT), str(ROOT / "clients/python")))
    done = subprocess.run(
        ["bash", "-c", re.sub(r"^cleanroom ", f"{PROGRAM} ", command)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": places, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_command_of_the_page_prints_what_it_shows(folder):
    text = PAGE.read_text(encoding="utf-8")
    steps = list(STEP.finditer(text))
    assert sum(step["kind"] == "shows" for step in steps) >= 1
    renewed = text
    for step in steps:
        out = printed(step["command"], folder)
        if step["kind"] == "shows":
            shown = f"<!-- shows: {step['command']} -->\n```\n"
            renewed = renewed.replace(f"{shown}{step['body']}```", f"{shown}{out}```")
    if os.environ.get("CLEANROOM_RENEW"):
        PAGE.write_text(renewed, encoding="utf-8")
    assert renewed == text or os.environ.get("CLEANROOM_RENEW")

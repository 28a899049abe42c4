"""Keeps the checks of a run, where CLEANROOM_PRIVACY_REPORT names the file for its report."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from privacy.checks import watch
from privacy.report import Recorder, put_together, write_part

PATH = os.environ.get("CLEANROOM_PRIVACY_REPORT")
_recorder = Recorder()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to keep."""
    watch(_recorder)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what this process kept; the process that started the others comes last."""
    if not PATH:
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    write_part(Path(PATH), worker or "main", _recorder.found)
    if worker is None:
        put_together(Path(PATH))

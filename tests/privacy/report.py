"""What a run of the suite found, as JSON; must not know what any check is about.

Each process of a run keeps its checks in a file of its own beside the report; the last one to
finish puts them together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from privacy.checks import SLOW, Check

VERSION = "cleanroom-privacy-report/v1"
MOST_FALSE_ALARMS = 1e-6  # of a whole run, when every claim is true
_planted: list[str] = []


class Recorder:
    """Keeps every check that is held, and under which planted bug."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def __call__(self, check: Check) -> None:
        planted = _planted[-1] if _planted else None
        self.found.append(asdict(check) | {"holds": check.holds, "planted": planted})


@contextmanager
def planting(bug: str) -> Iterator[None]:
    """Mark checks held inside as held under a planted bug: those must fail."""
    _planted.append(bug)
    try:
        yield
    finally:
        _planted.pop()


def report_of(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the report of the checks of a run.

    Any check may raise a false alarm, so their probabilities add up to at most the run's.
    """
    claims = [c for c in found if c["planted"] is None]
    planted = sorted({c["planted"] for c in found if c["planted"]})
    caught = {
        bug: [c["name"] for c in found if c["planted"] == bug and not c["holds"]] for bug in planted
    }
    false_alarm = sum(c["false_alarm"] for c in claims)
    return {
        "!v": VERSION,
        "size": "whole" if SLOW else "fast",
        "passes": all(c["holds"] for c in claims)
        and all(caught.values())
        and false_alarm <= MOST_FALSE_ALARMS,
        "checks": len(claims),
        "false_alarm": false_alarm,
        "parts": {part: _part(claims, part) for part in sorted({c["part"] for c in claims})},
        "planted_bugs": caught,
        "all_checks": sorted(claims, key=lambda c: (c["part"], c["name"])),
    }


def _part(claims: Sequence[dict[str, Any]], part: str) -> dict[str, Any]:
    checks = [c for c in claims if c["part"] == part]
    return {
        "checks": len(checks),
        "draws": sum(c["draws"] for c in checks),
        "passes": all(c["holds"] for c in checks),
        "false_alarm": sum(c["false_alarm"] for c in checks),
    }


def write_part(path: Path, worker: str, found: Sequence[dict[str, Any]]) -> None:
    """Keep what one process found."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _part_file(path, worker).write_text(json.dumps(list(found)), encoding="utf-8")


def put_together(path: Path) -> None:
    """Write the report from all parts, and remove them."""
    parts = sorted(path.parent.glob(f"{path.name}.part-*"))
    found = [check for part in parts for check in json.loads(part.read_text(encoding="utf-8"))]
    path.write_text(json.dumps(report_of(found), indent=1) + "\n", encoding="utf-8")
    for part in parts:
        part.unlink()


def _part_file(path: Path, worker: str) -> Path:
    return path.with_name(f"{path.name}.part-{worker}")

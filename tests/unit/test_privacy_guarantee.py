"""The written guarantee names tests that exist, and only those."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def test_every_test_named_by_the_guarantee_exists():
    named = NAMED.findall((ROOT / "docs" / "privacy-guarantee.md").read_text())
    files = {p.name: p.read_text() for p in (ROOT / "tests").rglob("test_*.py")}

    assert len(named) > 30
    assert [f"{f}::{t}" for f, t in named if f"def {t}(" not in files.get(f, "")] == []

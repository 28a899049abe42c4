"""The documents name tests that exist, and only those."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(test_\w+\.py)(?:::(test_\w+))?`")


@pytest.mark.parametrize(
    ("document", "least"),
    [("privacy-guarantee", 30), ("threat-model", 25), ("interoperability", 6)],
)
def test_every_test_named_by_a_document_exists(document, least):
    named = NAMED.findall((ROOT / "docs" / f"{document}.md").read_text(encoding="utf-8"))
    files = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py")}

    assert len(named) > least
    assert [f"{f}::{t}" for f, t in named if f not in files or f"def {t}" not in files[f]] == []

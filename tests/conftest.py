"""Hypothesis profiles and the choice of slow tests; must not know the product."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# No deadline anywhere: a shared machine's pauses are not failures. A hang meets pytest's timeout.
settings.register_profile("dev", deadline=None, max_examples=25)
settings.register_profile(
    "ci", deadline=None, max_examples=25, derandomize=True, database=None, print_blob=True
)
settings.register_profile("nightly", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(
    os.environ.get("CLEANROOM_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "dev")
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless CLEANROOM_SLOW is set or `-m` chooses for itself."""
    if os.environ.get("CLEANROOM_SLOW") or config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]

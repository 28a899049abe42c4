"""One served room for all tests that only ask it things, or are refused."""

from __future__ import annotations

import pytest

from support.cli_room import cli_room


@pytest.fixture(scope="session")
def room(tmp_path_factory):
    with cli_room(tmp_path_factory.mktemp("command-lines")) as running:
        yield running

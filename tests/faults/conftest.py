"""Servers in processes of their own, for tests that kill them."""

from __future__ import annotations

import pytest

from support.processes import Nursery, Site


@pytest.fixture(scope="session")
def nursery():
    """One parent of all servers of this run: what is slow about a start happens once."""
    started = Nursery()
    yield started
    started.close()


@pytest.fixture(scope="module")
def make_site(nursery, tmp_path_factory):
    """Make sandboxes; whatever server still runs is killed at the end."""
    sites = []

    def make(policy, **patches):
        folder = tmp_path_factory.mktemp("site")
        sites.append(Site.make(nursery, folder / "room", policy, **patches))
        return sites[-1]

    yield make
    for site in sites:
        if site.pid is not None:
            site.kill()

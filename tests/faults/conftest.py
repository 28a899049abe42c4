"""Servers in processes of their own, for tests that kill them."""

from __future__ import annotations

import pytest

from support.dying_client import SMALL
from support.processes import Nursery, Site, accept_all


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


@pytest.fixture(scope="module")
def make_small_site(make_site):
    """Make sites that are served, their policy accepted; small tables go in many streams."""

    def make(policy, **patches):
        made = make_site(policy, **patches)
        made.start()
        accept_all(made)
        return made

    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in SMALL:
            patch.setattr(module, name, value)
        yield make

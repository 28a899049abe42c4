"""A sandbox with its real server process over TLS, and SDK rooms on it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from cleanroom.demo.processes import Server, free_address
from cleanroom.sandbox.create import Options, create_sandbox
from cleanroom.sandbox.layout import Sandbox
from cleanroom_client import CleanRoom, Version


@dataclass(frozen=True)
class Running:
    """A sandbox whose server takes calls."""

    sandbox: Sandbox

    def room(self, name: str) -> CleanRoom:
        """Connect as a party, `auditor` or `officer`; whoever asks closes it."""
        return CleanRoom.connect(self.sandbox.profile(name))

    def fill(self, **tables: tuple[str, pd.DataFrame | Path]) -> dict[str, Version]:
        """Accept for everybody, then upload, blind and seal: `dataset=(owner, table)`."""
        for name in self.sandbox.parties:
            with self.room(name) as room:
                room.accept()
        for dataset, (owner, table) in tables.items():
            with self.room(owner) as room:
                room.upload(dataset, table)
        self.blind_all()
        sealed = {}
        for dataset, (owner, _) in tables.items():
            with self.room(owner) as room:
                sealed[dataset] = room.seal(dataset)
        return sealed

    def blind_all(self) -> None:
        """Let all agents run side by side until nothing is left to do: each waits for others."""
        with ThreadPoolExecutor(len(self.sandbox.parties)) as agents:
            list(agents.map(self._blind, self.sandbox.parties))

    def _blind(self, name: str) -> None:
        with self.room(name) as room:
            room.blind(max_wait_s=60)


@contextmanager
def running_room(tmp_path_factory: pytest.TempPathFactory, policy: str) -> Iterator[Running]:
    """Serve a new sandbox of this policy until the block ends."""
    folder = tmp_path_factory.mktemp("running")
    options = Options(listen=free_address())
    sandbox = create_sandbox(folder / "room", policy.encode(), options=options)
    with Server(sandbox.server_config, folder):
        yield Running(sandbox=sandbox)

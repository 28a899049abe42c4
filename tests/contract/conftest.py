"""The stores and vaults on which the contract suites run."""

from __future__ import annotations

import pytest

from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.vault import FileVault
from support.memory_store import MemoryStore
from support.memory_vault import MemoryVault
from support.storage_cases import MASTER_KEY, FixedEntropy


@pytest.fixture(params=["sqlite", "memory"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = SqlStore(tmp_path / "room.db")
    yield opened
    opened.close()


@pytest.fixture(params=["files", "memory"])
def vault(request, tmp_path):
    if request.param == "memory":
        return MemoryVault()
    return FileVault(tmp_path / "vault", MASTER_KEY, FixedEntropy())

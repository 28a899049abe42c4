"""A second implementation of Vault that shares no code with the durable one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from cleanroom.ports.tables import SealedTables
from cleanroom.ports.vault import VaultDamaged


class MemoryVault:
    """The `Vault` port; nothing is encrypted. A digest covers the tables' content."""

    def __init__(self) -> None:
        self.uploads: dict[str, dict[str, bytes]] = {}
        self.versions: dict[str, SealedTables] = {}
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.runs: dict[str, dict[str, list[tuple[int, bytes, bytes]]]] = {}

    def put_blob(self, upload: str, name: str, data: bytes) -> None:
        _check_names(upload, name)
        self.uploads.setdefault(upload, {})[name] = bytes(data)

    def put_blobs(self, upload: str, blobs: Iterable[tuple[str, bytes]]) -> None:
        _check_names(upload)
        for name, data in blobs:
            self.put_blob(upload, name, data)

    def begin_run(self, upload: str) -> MemoryRun:
        _check_names(upload)
        self.uploads.setdefault(upload, {})
        return MemoryRun(self.runs.setdefault(upload, {}))

    def read_run(self, upload: str, name: str) -> Iterator[tuple[int, bytes, bytes]]:
        _check_names(upload, name)
        return iter(self.runs[upload][name])

    def get_blob(self, upload: str, name: str) -> bytes:
        _check_names(upload, name)
        return self.uploads[upload][name]

    def has_blob(self, upload: str, name: str) -> bool:
        _check_names(upload, name)
        return name in self.uploads.get(upload, {})

    def erase_upload(self, upload: str) -> None:
        _check_names(upload)
        self.uploads.pop(upload, None)
        self.runs.pop(upload, None)

    def put_version(
        self, version: str, tables: SealedTables, blobs: Iterable[tuple[str, bytes]] = ()
    ) -> str:
        _check_names(version)
        if version in self.versions:
            raise FileExistsError(version)
        kept = dict(blobs)
        _check_names(*kept)
        self.versions[version], self.blobs[version] = tables, kept
        return _digest(version, tables)

    def get_version(self, version: str, file_digest: str) -> SealedTables:
        _check_names(version)
        tables = self.versions[version]
        if _digest(version, tables) != file_digest:
            raise VaultDamaged(f"version {version} is not what was sealed")
        return tables

    def erase_version(self, version: str) -> None:
        _check_names(version)
        self.versions.pop(version, None)
        self.blobs.pop(version, None)

    def get_version_blob(self, version: str, name: str) -> bytes:
        _check_names(version, name)
        return self.blobs[version][name]

    def version_blobs(self, version: str) -> tuple[str, ...]:
        _check_names(version)
        return tuple(sorted(self.blobs.get(version, {})))

    def sweep(self) -> int:
        return 0

    def inventory(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(sorted(self.uploads)), tuple(sorted(self.versions))


class MemoryRun:
    """The `Run` port."""

    def __init__(self, kept: dict[str, list[tuple[int, bytes, bytes]]]) -> None:
        self.kept, self.items = kept, []

    def add(self, number: int, data: bytes, note: bytes) -> None:
        self.items.append((number, bytes(note), bytes(data)))

    def keep(self, name: str) -> None:
        _check_names(name)
        self.kept[name] = self.items

    def close(self) -> None:
        self.items = []


def _check_names(*names: str) -> None:
    for name in names:
        plain = name.replace("-", "a").replace("_", "a")
        if not (plain.isascii() and plain.isalnum() and name[0] not in "-_" and len(name) <= 128):
            raise ValueError("not a name in the vault")


def _digest(version: str, tables: SealedTables) -> str:
    whole = hashlib.sha256(version.encode())
    for table in (tables.persons, tables.events, tables.references):
        whole.update(repr((table.schema, table.to_pylist())).encode())
    return whole.hexdigest()

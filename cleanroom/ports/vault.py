"""Encrypted files of uploads and versions; must not know formats of databases or gRPC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from cleanroom.ports.tables import SealedTables


class Run(Protocol):
    """Items of an upload on their way in, for one thread at a time.

    What was added is nowhere to be found until `keep` returns, then all of it is.
    """

    def add(self, number: int, data: bytes, note: bytes) -> None:
        """Add an item under a number from 0 to 2^32 - 1, with a few bytes beside it.

        One that could not be added spoils the run: then it is only closed.
        """

    def keep(self, name: str) -> None:
        """Give the run a name, atomically, in the place of what had it; durable on return.

        Nothing is added afterwards.
        """

    def close(self) -> None:
        """Let go of the run; one that was not kept is gone."""


class Vault(Protocol):
    """Bytes at rest, each upload and each version under its own data key.

    A data key is wrapped by the service's master key; deleting it erases what it encrypted.
    What a writing method wrote is durable when it returns, and never visible half-written.
    """

    def put_blob(self, upload: str, name: str, data: bytes) -> None:
        """Keep a blob of an upload; the same name again replaces it atomically."""

    def put_blobs(self, upload: str, blobs: Iterable[tuple[str, bytes]]) -> None:
        """Keep blobs (name, data) one after the other, all durable on return; less waiting."""

    def begin_run(self, upload: str) -> Run:
        """Return a new run of an upload. Requires: it is closed, whatever happens."""

    def read_run(self, upload: str, name: str) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield number, note and data of each item in the order added.

        Raises KeyError when there is none, VaultDamaged when it was changed. Whoever needs to
        know that items are missing from the end counts them.
        """

    def get_blob(self, upload: str, name: str) -> bytes:
        """Return a blob; raises KeyError when there is none, VaultDamaged when it was changed."""

    def has_blob(self, upload: str, name: str) -> bool:
        """Return whether a blob was kept under the name."""

    def erase_upload(self, upload: str) -> None:
        """Delete an upload's data key, then its blobs; nothing to erase is fine."""

    def put_version(
        self, version: str, tables: SealedTables, blobs: Iterable[tuple[str, bytes]] = ()
    ) -> str:
        """Write a version's encrypted Parquet files; return the hex SHA-256 over all of them.

        `blobs` are (name, data), taken one by one and kept beside the tables, each authenticated
        but not in that digest: no answer is made of them.
        """

    def get_version(self, version: str, file_digest: str) -> SealedTables:
        """Check the digest, then decrypt; raises VaultDamaged or KeyError."""

    def get_version_blob(self, version: str, name: str) -> bytes:
        """Return a blob of a version; raises KeyError when there is none, VaultDamaged."""

    def version_blobs(self, version: str) -> tuple[str, ...]:
        """Return the names of a version's blobs, sorted; none of an erased one (for fsck)."""

    def erase_version(self, version: str) -> None:
        """Delete a version's data key, then its files."""

    def sweep(self) -> int:
        """Remove what crashes left unfinished; return how much. Requires: nobody is writing."""

    def inventory(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids of uploads and of versions that have a data key (for fsck)."""


class VaultDamaged(Exception):
    """A file is not what was written; names the file, never its content."""

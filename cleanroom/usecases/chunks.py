"""How the chunks of an upload lie in the vault: in runs, each with its digest; knows no rows.

A run is named for the first chunk that was counted with it, and ends where the next one begins.
Before that chunk it may hold others, which another stream brought first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from cleanroom.ports.records import Upload
from cleanroom.ports.vault import Run, Vault, VaultDamaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of an upload, `index` counting from 0, with the SHA-256 their sender declares.

    They are hashed where the chunk is made, which may be in another thread than what follows.
    """

    index: int
    data: bytes = field(repr=False)
    sha256: bytes
    is_whole: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find whether the data are those that the digest was made of."""
        object.__setattr__(self, "is_whole", hashlib.sha256(self.data).digest() == self.sha256)


def run_name(first: int) -> str:
    """Return the name of the run that begins with a chunk."""
    return f"rows-{first:06d}"


def add_chunk(run: Run, chunk: Chunk) -> None:
    """Add a chunk with its digest. Requires: it is whole."""
    run.add(chunk.index, chunk.data, chunk.sha256)


def kept_chunks(vault: Vault, upload: Upload) -> Iterator[tuple[bytes, bytes]]:
    """Yield SHA-256 and rows of each counted chunk in order; raises KeyError, VaultDamaged.

    The rows are not hashed again: they were when they came, and the vault opens nothing else.
    """
    at = 0
    while at < upload.chunks:
        first = at
        for number, sha256, data in vault.read_run(upload.id, run_name(first)):
            if number == at < upload.chunks:
                yield sha256, data
                at += 1
        if at == first:
            raise VaultDamaged(f"chunk {at} of upload {upload.id} is not in its run")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """The counted rows of an upload, chunk by chunk; read anew each time."""

    vault: Vault
    upload: Upload

    def __iter__(self) -> Iterator[bytes]:
        """Yield the rows of each chunk in order."""
        return (data for _, data in kept_chunks(self.vault, self.upload))

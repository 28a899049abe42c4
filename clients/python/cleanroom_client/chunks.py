"""An upload's chunks: their size, their bytes, and the journal of their digests on this machine.

The journal spares a resumed upload from blinding again what the service has: completing needs
the digest of every chunk. It is a cache: a chunk without an entry is made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

MAX_CHUNK_BYTES = 2**20
DIGEST_BYTES = 32
# Schema and batch headers, and the padding of each buffer to 64 bytes.
_FRAME_BYTES, _COLUMN_BYTES = 4_096, 1_024
_MAX_ROWS = 50_000
_BITS = 8


def rows_per_chunk(schema: pa.Schema) -> int:
    """Return how many rows surely fit into a chunk; depends on the schema only."""
    room = MAX_CHUNK_BYTES - _FRAME_BYTES - _COLUMN_BYTES * len(schema)
    row_bits: int = sum(field.type.bit_width + 1 for field in schema)
    return max(1, min(_MAX_ROWS, room * _BITS // row_bits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One Arrow IPC stream of rows, with its place in the upload."""

    index: int
    rows: int
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> bytes:
        """The digest the service checks."""
        return hashlib.sha256(self.data).digest()

    @classmethod
    def of(cls, index: int, table: pa.Table) -> Chunk:
        """Encode a table; equal tables give equal bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        return cls(index=index, rows=table.num_rows, data=sink.getvalue().to_pybytes())


class Journal:
    """The digests of one upload's chunks, in order, in one file of 32 bytes each."""

    def __init__(self, path: Path) -> None:
        """Read what is there; half an entry at the end is left by a crash and ignored."""
        self._path = path
        raw = path.read_bytes() if path.exists() else b""
        whole = len(raw) - len(raw) % DIGEST_BYTES
        self._digests = [raw[i : i + DIGEST_BYTES] for i in range(0, whole, DIGEST_BYTES)]

    def knows(self, index: int) -> bool:
        """Tell whether chunk `index` was made before."""
        return index < len(self._digests)

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Keep digests durably before the chunks are sent.

        A crash before the rename leaves the old journal: those chunks are made again.
        """
        for chunk in chunks:
            self._digests[chunk.index :] = [chunk.sha256]
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(b"".join(self._digests))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    def total(self, chunks: int) -> bytes:
        """Return SHA-256 over the digests of all chunks."""
        return hashlib.sha256(b"".join(self._digests[:chunks])).digest()

    def remove(self) -> None:
        """Forget a finished upload."""
        self._path.unlink(missing_ok=True)

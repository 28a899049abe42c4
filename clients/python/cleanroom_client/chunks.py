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

from cleanroom.v1 import dataset_pb2 as pb

MAX_CHUNK_BYTES = 2**20
DIGEST_BYTES = 32
# Schema and batch headers, and the padding of each buffer to 64 bytes.
_FRAME_BYTES, _COLUMN_BYTES = 4_096, 1_024
_MAX_ROWS = 50_000
_BITS = 8
_LOW_BITS = 0x7F
# The tag of a field of bytes: its number, and wire type 2.
_DATA = bytes([pb.UploadChunksRequest.DATA_FIELD_NUMBER << 3 | 2])


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
    sha256: bytes  # of the data, which the service checks

    @classmethod
    def of(cls, index: int, table: pa.Table) -> Chunk:
        """Encode a table; equal tables give equal bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        data = sink.getvalue().to_pybytes()
        digest = hashlib.sha256(data).digest()
        return cls(index=index, rows=table.num_rows, data=data, sha256=digest)

    def request(self, upload: str) -> bytes:
        """Return an UploadChunksRequest as it is sent.

        Parts of a message joined are the message: so the data are copied once, and not into a
        message of protobuf and out of it again.
        """
        rest = pb.UploadChunksRequest(upload=upload, index=self.index, sha256=self.sha256)
        return b"".join((rest.SerializeToString(), _DATA, _varint(len(self.data)), self.data))


def _varint(value: int) -> bytes:
    """Return a length as protobuf writes it: 7 bits a byte, the lowest first."""
    groups = bytearray()
    while value > _LOW_BITS:
        groups.append(value & _LOW_BITS | (_LOW_BITS + 1))
        value >>= 7
    return bytes([*groups, value])


class Journal:
    """The digests of one upload's chunks, in order, in one file of 32 bytes each."""

    def __init__(self, path: Path) -> None:
        """Read what is there; half an entry at the end is left by a crash and ignored."""
        self._path = path
        raw = path.read_bytes() if path.exists() else b""
        self._digests = bytearray(raw[: len(raw) - len(raw) % DIGEST_BYTES])

    @property
    def known(self) -> int:
        """How many chunks were made before: those with an index below."""
        return len(self._digests) // DIGEST_BYTES

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Keep the digests of successive chunks, the first at most `known`, before they are sent.

        What stood at their places and behind is dropped. A crash while it is written leaves the
        old journal, or one with more of the new digests, which are right.
        """
        start = DIGEST_BYTES * chunks[0].index
        goes_on = start == len(self._digests)
        self._digests[start:] = b"".join(chunk.sha256 for chunk in chunks)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if goes_on:
            self._write(self._path, start)
            return
        temporary = self._path.with_suffix(".new")
        self._write(temporary, 0)
        temporary.replace(self._path)

    def _write(self, path: Path, start: int) -> None:
        """Write from byte `start` on and flush it; what the file has before that is kept."""
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.truncate(start)
            file.seek(start)
            file.write(self._digests[start:])
            file.flush()
            os.fsync(file.fileno())

    def total(self, chunks: int) -> bytes:
        """Return SHA-256 over the digests of all chunks."""
        return hashlib.sha256(self._digests[: DIGEST_BYTES * chunks]).digest()

    def remove(self) -> None:
        """Forget a finished upload."""
        self._path.unlink(missing_ok=True)

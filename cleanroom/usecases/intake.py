"""Taking the chunks of a stream: each checked as it comes, many made durable and counted at once.

What a chunk's sender may take as kept is what was counted: the database counts after the disk has
said that it holds the chunks. The rest is lost with a crash, and nobody was told of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from typing import Final

from cleanroom.model.errors import FieldInvalid, UploadConflict
from cleanroom.model.names import Actor
from cleanroom.policy.document import Scheme
from cleanroom.ports.records import Upload, UploadState
from cleanroom.ports.store import Transaction
from cleanroom.ports.vault import Run
from cleanroom.usecases.chunks import Chunk, add_chunk, run_name
from cleanroom.usecases.ingest import TURNS, erase_late, writable
from cleanroom.usecases.service import Service

MAX_CHUNK_BYTES = 1 << 20
MAX_CHUNKS = 100_000
_RUN_CHUNKS: Final = 64  # what a crash may cost of a stream that never ends


def put_chunk(
    service: Service, actor: Actor, *, upload: str, index: int, data: bytes, sha256: bytes
) -> Upload:
    """Keep one chunk; return the upload after it. See `put_chunks`."""
    chunk = Chunk(index=index, data=data, sha256=sha256)
    return put_chunks(service, actor, upload=upload, chunks=[chunk])


def put_chunks(service: Service, actor: Actor, *, upload: str, chunks: Iterable[Chunk]) -> Upload:
    """Keep chunks as they come; return the upload after them, all of them durable and counted.

    A chunk already kept is taken as kept. Whatever ends `chunks` or refuses one of them, those
    before are kept.
    Raises NotPermitted, UploadConflict, FieldInvalid, BadElement, and what `chunks` raises.
    """
    with closing(_Intake(service, actor, upload)) as intake:
        try:
            for chunk in chunks:
                intake.put(chunk)
        except Exception:
            intake.keep()
            raise
        return intake.keep()


class _Intake:
    """One stream's way into an upload; beside others into the same."""

    def __init__(self, service: Service, actor: Actor, upload: str) -> None:
        self._service, self._actor = service, actor
        self._upload, policy, rules = service.store.read(lambda tx: writable(tx, actor, upload))
        self._schema, self._points = rules.schema, policy.matching.scheme is Scheme.PSI
        self._run: Run | None = None
        self._rows: list[int] = []  # of each chunk in the run, which begins behind the counted

    def put(self, chunk: Chunk) -> None:
        """Check a chunk and write it; it is not kept yet."""
        if chunk.index < self._upload.chunks:
            return
        _check_next(self._upload, chunk, self._upload.chunks + len(self._rows))
        rows = self._service.sealer.check_chunk(chunk.data, self._schema, points=self._points)
        self._add(chunk)  # only what was checked
        self._rows.append(rows)
        if len(self._rows) == _RUN_CHUNKS:
            self.keep()

    def keep(self) -> Upload:
        """Make what was put durable and count it; return the upload as it then is."""
        run, rows = self._run, self._rows
        if run is None:
            return self._upload
        self._run, self._rows = None, []
        with closing(run), TURNS.alone(self._upload.id):
            self._upload = self._counted(run, rows)
        erase_late(self._service, self._upload)
        return self._upload

    def close(self) -> None:
        """Let go of what was not kept."""
        run, self._run, self._rows = self._run, None, []
        if run is not None:
            run.close()

    def _add(self, chunk: Chunk) -> None:
        if self._run is None:
            # A crash from here on leaves a run that has no name; the next start removes it.
            self._run = self._service.vault.begin_run(self._upload.id)
        try:
            add_chunk(self._run, chunk)
        except BaseException:
            self.close()  # of what was half written nothing may be counted
            raise

    def _counted(self, run: Run, rows: list[int]) -> Upload:
        """Requires that nobody else counts or completes this upload meanwhile."""
        now = self._service.store.read(self._now)
        new = rows[now.chunks - self._upload.chunks :]
        if now.state is not UploadState.OPEN or not new:
            return now  # another stream brought the same chunks, or another upload was completed
        # A crash after this line leaves a run that is not counted, under the name of the one that
        # comes when the chunks are sent again.
        run.keep(run_name(now.chunks))

        def count(tx: Transaction) -> Upload:
            again = self._now(tx)
            if again.state is not UploadState.OPEN or again.chunks != now.chunks:
                return again
            counted = replace(again, chunks=again.chunks + len(new), rows=again.rows + sum(new))
            tx.uploads.replace(counted)
            return counted

        return self._service.store.transact(count)

    def _now(self, tx: Transaction) -> Upload:
        found, _, _ = writable(tx, self._actor, self._upload.id)
        return found


def _check_next(upload: Upload, chunk: Chunk, expected: int) -> None:
    if chunk.index != expected or upload.state is not UploadState.OPEN:
        raise UploadConflict(upload=upload.id, why=_expectation(upload, expected))
    if chunk.index >= MAX_CHUNKS:
        raise FieldInvalid(field="index", expected=f"at most {MAX_CHUNKS} chunks")
    if len(chunk.data) > MAX_CHUNK_BYTES or not chunk.is_whole:
        raise FieldInvalid(field="data", expected="at most 1 MiB with the SHA-256 in `sha256`")


def _expectation(upload: Upload, expected: int) -> str:
    if upload.state is UploadState.OPEN:
        return f"the next chunk is number {expected}"
    return f"it is {upload.state} and takes no more chunks"

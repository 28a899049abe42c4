"""Sending one upload's chunks: make a segment, send it, have it acknowledged, make the next.

Memory is bounded by a segment; the service's pace is the reader's pace. Knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.chunks import Chunk, Journal
from cleanroom_client.errors import UploadStuck
from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.progress import Progress
from cleanroom_client.session import Session
from cleanroom_client.tables import Batch
from cleanroom_client.tokens import Tokens

SEGMENT_CHUNKS = 4

T = TypeVar("T")


class Sender:
    """Brings the batches of one upload to the service, without those that it has."""

    def __init__(
        self,
        session: Session,
        upload: pb.Upload,
        *,
        tokens: Tokens,
        journal: Journal,
        progress: Progress,
    ) -> None:
        """Start where `upload` is."""
        self._session = session
        self._upload = upload
        self._tokens = tokens
        self._journal = journal
        self._progress = progress
        self._blinded = 0

    def send_all(self, batches: Iterable[Batch]) -> pb.Upload:
        """Send one chunk for each batch, then complete the upload; return it.

        Requires the same batches in the same order whenever the upload is resumed.
        """
        chunks = 0
        for segment in _segments(enumerate(self._counted(batches)), SEGMENT_CHUNKS):
            chunks += len(segment)
            self._send(segment)
        request = pb.CompleteUploadRequest(
            upload=self._upload.id, chunks=chunks, sha256=self._journal.total(chunks)
        )
        call = self._session.transport.call
        complete = call(self._session.datasets.CompleteUpload, request).upload
        self._journal.remove()
        return complete

    def _counted(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        rows = 0
        for batch in batches:
            rows += batch.table.num_rows
            self._progress("rows read", rows)
            yield batch

    def _send(self, segment: Sequence[tuple[int, Batch]]) -> None:
        """Blind and send a segment's chunks, but for those the service and the journal have."""
        needed = [(i, batch) for i, batch in segment if self._is_needed(i)]
        if needed:
            chunks = self._chunks(needed)
            # A crash after this line leaves digests of chunks not yet sent; they stay right.
            self._journal.add(chunks)
            self._deliver([c for c in chunks if c.index >= self._upload.next_chunk])
        self._progress("rows uploaded", self._upload.rows)

    def _is_needed(self, index: int) -> bool:
        return index >= self._upload.next_chunk or not self._journal.knows(index)

    def _chunks(self, batches: Sequence[tuple[int, Batch]]) -> list[Chunk]:
        """Make chunks; the identities of all of them are blinded in one go for each key type."""
        tokens = {
            key_type: self._tokens_of([batch for _, batch in batches], key_type)
            for key_type in batches[0][1].identities
        }
        return [
            Chunk.of(index, batch.with_tokens({key: next(parts) for key, parts in tokens.items()}))
            for index, batch in batches
        ]

    def _tokens_of(self, batches: Sequence[Batch], key_type: KeyType) -> Iterator[list[bytes]]:
        """Return an iterator over the batches' tokens."""
        columns = [[i for i in batch.identities[key_type] if i is not None] for batch in batches]
        supply = iter(
            self._tokens.make([i for column in columns for i in column], key_type, self._more)
        )
        return iter([list(islice(supply, len(column))) for column in columns])

    def _more(self, blinded: int) -> None:
        self._blinded += blinded
        self._progress("keys blinded", self._blinded)

    def _deliver(self, chunks: Sequence[Chunk]) -> None:
        """Send chunks in one stream; after a cut, those the service does not have."""
        if not chunks:
            return
        is_first = True

        def attempt() -> pb.Upload:
            nonlocal is_first
            upload = self._upload if is_first else self._fetch()
            is_first = False  # a second attempt must ask how far the first came
            missing = [c for c in chunks if c.index >= upload.next_chunk]
            return self._stream(missing) if missing else upload

        self._upload = self._session.transport.retrying(attempt)
        if self._upload.next_chunk <= chunks[-1].index:
            raise UploadStuck(
                f"upload {self._upload.id} stopped before chunk {self._upload.next_chunk}: repeat "
                "the command, and it goes on from there"
            )

    def _fetch(self) -> pb.Upload:
        request = pb.GetUploadRequest(upload=self._upload.id)
        return self._session.transport.once(self._session.datasets.GetUpload, request).upload

    def _stream(self, chunks: Sequence[Chunk]) -> pb.Upload:
        requests = [
            pb.UploadChunksRequest(
                upload=self._upload.id, index=c.index, data=c.data, sha256=c.sha256
            )
            for c in chunks
        ]
        return self._session.transport.send(self._session.datasets.UploadChunks, requests).upload


def _segments(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items (`itertools.batched` of Python 3.12)."""
    iterator = iter(items)
    while segment := list(islice(iterator, size)):
        yield segment

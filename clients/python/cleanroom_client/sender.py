"""Sending one upload's chunks: read, blind and encode ahead of what is being sent; knows no files.

    a thread reads and checks   ->   a thread blinds and encodes   ->   the caller's thread sends

Each arrow holds a few segments of chunks at most, so that memory is bounded and the slowest of
the three sets the pace of all: the service's pace is the reader's pace. Where that is the service,
segments wait and go together: the end of a stream, where the disk is waited for, costs it more
than a chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TypeVar

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.ahead import Ahead, Check
from cleanroom_client.arrow_items import pack
from cleanroom_client.chunks import Chunk, Journal
from cleanroom_client.errors import UploadStuck
from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.packed import Packed
from cleanroom_client.progress import Progress
from cleanroom_client.session import Session
from cleanroom_client.tables import Batch
from cleanroom_client.tokens import Tokens

SEGMENT_CHUNKS = 4
STREAM_SEGMENTS = 8
_QUICK_S = 2.0

T = TypeVar("T")
Numbered = Sequence[tuple[int, Batch]]


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
        # What the service has and the journal knows is neither blinded nor sent again.
        self._first = min(upload.next_chunk, journal.known)
        # Each is written by one thread, and told by the caller's.
        self._read_chunks = self._read_rows = self._blinded = 0
        self._told: dict[str, int] = {}
        self._at_once = 1

    def send_all(self, batches: Iterable[Batch]) -> pb.Upload:
        """Send one chunk for each batch, then complete the upload; return it.

        Requires the same batches in the same order whenever the upload is resumed.
        Whatever ends this, an interrupt too, ends both threads before it leaves.
        """
        with Ahead(lambda check: self._made(batches, check), room=STREAM_SEGMENTS) as made:
            for segments in made.together(self._tell, most=lambda: self._at_once):
                self._send([chunk for segment in segments for chunk in segment])
                self._tell()
        self._tell()
        chunks_in_all = self._read_chunks
        request = pb.CompleteUploadRequest(
            upload=self._upload.id,
            chunks=chunks_in_all,
            sha256=self._journal.total(chunks_in_all),
        )
        call = self._session.transport.call
        complete = call(self._session.datasets.CompleteUpload, request).upload
        self._journal.remove()
        return complete

    def _read(self, batches: Iterable[Batch]) -> Iterator[Numbered]:
        """Yield segments of batches; runs in the thread that reads."""
        for segment in _segments(enumerate(batches), SEGMENT_CHUNKS):
            self._read_chunks += len(segment)
            self._read_rows += sum(batch.table.num_rows for _, batch in segment)
            yield segment

    def _made(self, batches: Iterable[Batch], check: Check) -> Iterator[list[Chunk]]:
        """Yield each segment's chunks that are needed; runs in the thread that blinds."""
        with Ahead(lambda _: self._read(batches)) as read:
            for segment in read.each(check):
                needed = [(i, batch) for i, batch in segment if i >= self._first]
                if needed:
                    yield self._chunks(needed, check)

    def _chunks(self, batches: Numbered, check: Check) -> list[Chunk]:
        """Make chunks; the identities of all of them are blinded in one go for each key type."""
        tokens = {
            key_type: self._tokens_of([batch for _, batch in batches], key_type, check)
            for key_type in batches[0][1].identities
        }
        return [
            Chunk.of(index, batch.with_tokens({key: next(parts) for key, parts in tokens.items()}))
            for index, batch in batches
        ]

    def _tokens_of(
        self, batches: Sequence[Batch], key_type: KeyType, check: Check
    ) -> Iterator[Packed]:
        """Return an iterator over the batches' tokens."""

        def more(blinded: int) -> None:
            check()
            self._blinded += blinded

        columns = [pack(batch.identities[key_type]) for batch in batches]
        tokens = memoryview(self._tokens.make(b"".join(columns), key_type, more))
        ends = accumulate(len(column) for column in columns)
        return iter([tokens[e - len(c) : e] for c, e in zip(columns, ends, strict=True)])

    def _tell(self) -> None:
        """Say how far each stage is, where it went on; only ever in the caller's thread."""
        stages = {
            "rows read": self._read_rows,
            "keys blinded": self._blinded,
            "rows uploaded": self._upload.rows,
        }
        for stage, done in stages.items():
            if done != self._told.get(stage, 0):
                self._told[stage] = done
                self._progress(stage, done)

    def _send(self, chunks: Sequence[Chunk]) -> None:
        # A crash after this line leaves digests of chunks not yet sent; they stay right.
        self._journal.add(chunks)
        clock = self._session.environment.monotonic_s
        since_s = clock()
        self._deliver([c for c in chunks if c.index >= self._upload.next_chunk])
        # A stream has a deadline, which a slow line must not meet with more than a segment.
        self._at_once = STREAM_SEGMENTS if clock() - since_s < _QUICK_S else 1

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
        requests = (c.request(self._upload.id) for c in chunks)
        return self._session.transport.send(self._session.upload_chunks, requests).upload


def _segments(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items (`itertools.batched` of Python 3.12)."""
    iterator = iter(items)
    while segment := list(islice(iterator, size)):
        yield segment

"""The blobs of one pass of one shard through one party: list, batch, answers; not who is next.

The list of a pass is what stands in the batch's rows: elements, then padding. Of the first pass it
is made from the origin, masked where more than one party is to be passed (planted.py); after a
pass the answers are the next one's list, padding and all: fresh padding would stand out to two
parties that compare what they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cleanroom.model.dataset import KeyType
from cleanroom.ports.records import RelayTask
from cleanroom.usecases import pieces
from cleanroom.usecases.elements import (
    BASE_POINTS,
    POINT_BYTES,
    Batch,
    Reference,
    check_answers,
    make_batch,
    planted_from,
    room,
    unpack,
)
from cleanroom.usecases.origins import Origins
from cleanroom.usecases.pieces import cut, names_of, pieces_of
from cleanroom.usecases.planted import SECRET_BYTES, Mask, Points, multiples
from cleanroom.usecases.service import Service
from cleanroom.usecases.spread import assert_room
from cleanroom.usecases.turns import Turns

_MEMORIES = Turns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One task's blobs. Requires: whoever writes holds the task's turn."""

    service: Service
    task: RelayTask

    def has_batch(self) -> bool:
        """Return whether the batch was made."""
        return self.service.vault.has_blob(self.task.upload, self._name("order"))

    def ensure_batch(self) -> None:
        """Make the batch unless it was made; it is never made again.

        A crash before the last blob leaves parts that the next call replaces: nobody was sent
        any of them.
        """
        vault, upload = self.service.vault, self.task.upload
        if self.has_batch():
            return
        base = base_points(self.service, self.task)
        service = self.service
        batch = make_batch(self._list(), base, self.task.size, service.entropy, service.curve)
        blobs = zip(self._batch_names(), batch.pieces(), strict=True)
        vault.put_blobs(upload, ((name, points.tobytes()) for name, points in blobs))
        vault.put_blob(upload, self._name("planted"), batch.planted_bytes())
        vault.put_blob(upload, self._name("order"), batch.source.tobytes())

    def sent(self, first: int, elements: int) -> Iterator[bytes]:
        """Yield the batch's points from `first` on, packed, so many at a time.

        Requires: so many divide a piece, and `first`, without a rest. Raises KeyError without a
        batch.
        """
        at, offset = divmod(first, pieces.PIECE_POINTS)
        step = elements * POINT_BYTES
        for name in self._batch_names()[at:]:
            piece = self.service.vault.get_blob(self.task.upload, name)
            for start in range(offset * POINT_BYTES, len(piece), step):
                yield piece[start : start + step]
            offset = 0

    def _batch_names(self) -> list[str]:
        return names_of(self._name("batch"), self.task.size)

    def keep_answers(self, chunks: Mapping[int, bytes]) -> None:
        """Keep some chunks of answers by index."""
        blobs = ((self._name("answer", index), data) for index, data in chunks.items())
        self.service.vault.put_blobs(self.task.upload, blobs)

    def checked(self, elements: int) -> Points:
        """Return the answers, kept so many in a chunk, in the order of the list.

        Raises RelayMisbehaved.
        """
        secret, picks = planted_from(self._get("planted"))
        batch = Batch(
            pieces=lambda: (unpack(chunk, "batch") for chunk in self.sent(0, elements)),
            source=np.frombuffer(self._get("order"), dtype=np.uint32),
            picks=picks,
            secret=secret,
        )
        chunks = range(-(-self.task.size // elements))
        answers = self._points([self._name("answer", index) for index in chunks])
        return _checked(self.service, self.task, batch, answers)

    def _points(self, names: list[str]) -> Iterator[Points]:
        for name in names:
            yield unpack(self.service.vault.get_blob(self.task.upload, name), name)

    def unmasked(self, answers: Points) -> Points:
        """Take off, in their place, the mask that the first pass put on; return the answers."""
        mask = self._mask()
        if mask is not None:
            for piece in cut(answers):
                piece[:] = multiples(piece, mask.off, self.service.curve)
        return answers

    def keep_list(self, points: Points) -> None:
        """Keep what the pass before this one answered."""
        self.service.vault.put_blobs(self.task.upload, pieces_of(self._name("list"), points))

    def _list(self) -> Iterator[Points]:
        """Yield elements and padding piece by piece, of which there is room for in the batch."""
        task = self.task
        if task.position:
            yield from self._points(names_of(self._name("list"), room(task.size)))
            return
        for rows in self._first_list():
            mask = self._mask()  # each time: once the upload is erased, nothing more of it is made
            yield rows if mask is None else multiples(rows, mask.on, self.service.curve)

    def _first_list(self) -> Iterator[Points]:
        task = self.task
        origins = Origins.of(self.service.vault, task.upload)
        parts = origins.parts_of(task.shard, task.shards)
        padding = room(task.size) - origins.count(task.key_type, parts)
        assert_room(task.size, room(task.size) - padding)
        yield from origins.elements(task.key_type, parts)
        if padding:
            yield unpack(b"".join(self.service.entropy.points(padding)), "padding")

    def _mask(self) -> Mask | None:
        """Return the shard's mask, None where one party alone is passed.

        The tasks say whether there must be one, so that a list is never sent bare because a blob
        is gone. Raises KeyError for a mask that was erased with its upload.
        """
        vault, task = self.service.vault, self.task
        beside = self.service.store.read(lambda tx: tx.relay.of_upload(task.upload))
        if all(t.position == 0 for t in beside if t.key_type == task.key_type):
            return None
        return Mask.from_bytes(vault.get_blob(task.upload, _mask_name(task.key_type, task.shard)))

    def _get(self, what: str, index: int | None = None) -> bytes:
        return self.service.vault.get_blob(self.task.upload, self._name(what, index))

    def _name(self, what: str, index: int | None = None) -> str:
        task = self.task
        name = f"{what}-{task.key_type}-{task.position}-{task.shard}"
        return name if index is None else f"{name}-{index:06d}"


def keep_masks(service: Service, upload: str, key: KeyType, shards: int) -> None:
    """Make the masks of a list that goes to two parties or more; see planted.py."""
    fresh = (Mask.fresh(service.entropy).to_bytes() for _ in range(shards))
    names = (_mask_name(key, shard) for shard in range(shards))
    service.vault.put_blobs(upload, zip(names, fresh, strict=True))


def _mask_name(key: KeyType, shard: int) -> str:
    return f"mask-{key}-{shard}"


def base_points(service: Service, task: RelayTask) -> Points:
    """Return the points whose multiples are in every batch of a party in its collaboration."""
    area, name = _area(task), f"base-{task.party}"
    with _MEMORIES.alone(f"{area}/{task.party}"):
        if not service.vault.has_blob(area, name):
            # A crash after this line leaves points that the next batch takes.
            points = b"".join(service.entropy.points(BASE_POINTS))
            service.vault.put_blob(area, name, points)
        return unpack(service.vault.get_blob(area, name), name)


def _checked(service: Service, task: RelayTask, batch: Batch, answers: Iterable[Points]) -> Points:
    """Check a pass against itself and what the party answered before; remember its first.

    One pass of a party at a time: of two that end at once and differ, one must be refused.
    """
    area, name = _area(task), f"known-{task.party}"
    with _MEMORIES.alone(f"{area}/{task.party}"):
        is_known = service.vault.has_blob(area, name)
        known = _reference(service.vault.get_blob(area, name)) if is_known else None
        found, base = check_answers(batch, answers, known, task.party, service.curve)
        if not is_known:
            # A crash after this line leaves what the pass, told to end again, finds confirmed.
            service.vault.put_blob(area, name, base.secret + base.answers.tobytes())
    return found


def _reference(data: bytes) -> Reference:
    return Reference(secret=data[:SECRET_BYTES], answers=unpack(data[SECRET_BYTES:], "known"))


def _area(task: RelayTask) -> str:
    return f"relay-{task.collaboration}"

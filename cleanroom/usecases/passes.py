"""The blobs of one pass of one shard through one party: list, batch, answers; not who is next.

The list of a pass is what stands in the batch's rows: elements, then padding. Of the first pass it
is made from the origin, masked where more than one party is to be passed (planted.py); after a
pass the answers are the next one's list, padding and all: fresh padding would stand out to two
parties that compare what they were sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cleanroom.model.dataset import KeyType
from cleanroom.ports.records import RelayTask
from cleanroom.usecases.elements import (
    BASE_POINTS,
    POINT_BYTES,
    Batch,
    Reference,
    check_answers,
    joined,
    make_batch,
    planted_from,
    room,
    unpack,
)
from cleanroom.usecases.origins import Origins
from cleanroom.usecases.planted import SECRET_BYTES, Mask, Points, multiples
from cleanroom.usecases.service import Service
from cleanroom.usecases.spread import assert_room
from cleanroom.usecases.turns import Turns

_PART_ELEMENTS = 1 << 18  # of a batch in one blob: a stream that goes on reads few of them
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
        vault.put_blobs(upload, self._parts(batch))
        vault.put_blob(upload, self._name("planted"), batch.planted_bytes())
        vault.put_blob(upload, self._name("order"), batch.source.tobytes())

    def _parts(self, batch: Batch) -> Iterator[tuple[str, bytes]]:
        for start in range(0, self.task.size, _PART_ELEMENTS):
            part = batch.points[start : start + _PART_ELEMENTS]
            yield self._name("batch", start // _PART_ELEMENTS), part.tobytes()

    def sent(self, first: int, elements: int) -> Iterator[bytes]:
        """Yield the batch's points from `first` on, packed, so many at a time.

        Raises KeyError without a batch.
        """
        at, held = -1, b""
        for start in range(first, self.task.size, elements):
            found = b""
            stop = min(start + elements, self.task.size)
            while start < stop:
                if at != start // _PART_ELEMENTS:
                    at = start // _PART_ELEMENTS
                    held = self._get("batch", at)
                end = min(stop, (at + 1) * _PART_ELEMENTS)
                offset = at * _PART_ELEMENTS
                found += held[(start - offset) * POINT_BYTES : (end - offset) * POINT_BYTES]
                start = end  # noqa: PLW2901 - within this chunk
            yield found

    def keep_answers(self, chunks: Mapping[int, bytes]) -> None:
        """Keep some chunks of answers by index."""
        blobs = ((self._name("answer", index), data) for index, data in chunks.items())
        self.service.vault.put_blobs(self.task.upload, blobs)

    def checked(self, chunks: int) -> Points:
        """Return the answers in the order of the list; raises RelayMisbehaved."""
        secret, picks = planted_from(self._get("planted"))
        batch = Batch(
            points=unpack(next(self.sent(0, self.task.size)), "batch"),
            source=np.frombuffer(self._get("order"), dtype=np.uint32),
            picks=picks,
            secret=secret,
        )
        packed = b"".join(self._get("answer", index) for index in range(chunks))
        return _checked(self.service, self.task, batch, unpack(packed, "elements"))

    def unmasked(self, answers: Points) -> Points:
        """Return the last party's answers without the mask that the first pass put on."""
        mask = self._mask()
        return answers if mask is None else multiples(answers, mask.off, self.service.curve)

    def keep_list(self, points: Points) -> None:
        """Keep what the pass before this one answered."""
        self.service.vault.put_blob(self.task.upload, self._name("list"), points.tobytes())

    def _list(self) -> Points:
        """Return elements and padding, of which there is room for in the batch."""
        task, count = self.task, room(self.task.size)
        if task.position:
            return unpack(self._get("list"), "list")
        origins = Origins.of(self.service.vault, task.upload)
        found = origins.elements(task.key_type, origins.parts_of(task.shard, task.shards))
        assert_room(task.size, len(found))
        padding = b"".join(self.service.entropy.points(count - len(found)))
        rows = joined([found, unpack(padding, "padding")])
        mask = self._mask()
        return rows if mask is None else multiples(rows, mask.on, self.service.curve)

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


def _checked(service: Service, task: RelayTask, batch: Batch, answers: Points) -> Points:
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

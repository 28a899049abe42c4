"""What receiving and relaying costs the service: CPU for a million elements, and peak memory.

Usage: bench_relay.py [rows, default 1000000] [rows more in a second upload, default 0] [seal]
One key type, one other party, whose answers are not counted. The time is CPU
of the process in seconds for each million rows; memory is the process's peak so far.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from cleanroom.engine.layout import wire_schema
from cleanroom.ports.records import Upload
from cleanroom.usecases import ingest, intake, relay
from cleanroom.usecases.chunks import Chunk
from cleanroom.usecases.origins import Origins
from cleanroom.wiring.environment import SystemCurve, SystemEntropy
from cleanroom_client.chunks import rows_per_chunk
from support.processes import policy_text
from support.rooms import Room, ipc, party

PARTY, DATASET, SEED = "megamart", "exposures", 7


def main(rows: int, more: int, *, seals: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        room = Room.open(Path(folder), policy_text(collaboration="bench"))
        room.service = replace(room.service, entropy=SystemEntropy())
        for count in (rows, rows + more)[: 1 + (more > 0)]:
            print(f"{count} rows")
            upload = received(room, count)
            relayed(room, count)
            with told("what sealing reads", count):
                origins = Origins.of(room.service.vault, upload.id)
                sum(len(data) for _, data in origins.remembered(room.policy.matching.keys))
            if seals or more:
                with told("seal", count):
                    room.seal(DATASET)


def received(room: Room, rows: int) -> Upload:
    upload, digest, sent = room.begin(DATASET), hashlib.sha256(), 0
    with told("chunks", rows) as counted:
        group: list[Chunk] = []
        for index, data in enumerate(chunks(room, rows)):
            sha256 = hashlib.sha256(data).digest()
            digest.update(sha256)
            group.append(Chunk(index=index, data=data, sha256=sha256))
            sent += 1
            if len(group) == 4:
                with counted():
                    put(room, upload, group)
                group = []
        with counted():
            put(room, upload, group)
    with told("complete", rows):
        upload, _ = ingest.complete(
            room.service, room.owner(DATASET), upload=upload.id, chunks=sent, sha256=digest.digest()
        )
    return upload


def put(room: Room, upload: Upload, group: list[Chunk]) -> None:
    if group:
        intake.put_chunks(room.service, room.owner(DATASET), upload=upload.id, chunks=group)


def chunks(room: Room, rows: int) -> Iterator[bytes]:
    """Yield chunks whose elements are the same in every run, row by row."""
    schema = wire_schema(room.policy.dataset(DATASET).schema)
    each = rows_per_chunk(schema)
    for start in range(0, rows, each):
        n = min(each, rows - start)
        yield ipc(pa.table([column(f, n, start) for f in schema], schema=schema))


def column(field: pa.Field, n: int, start: int) -> pa.Array:
    if field.name == "tok_email":
        points = np.random.default_rng([SEED, start]).integers(0, 256, (n, 32), dtype=np.uint8)
        points[:, 31] &= 0x3F
        buffers = [None, pa.py_buffer(points.tobytes())]
        return pa.FixedSizeBinaryArray.from_buffers(field.type, n, buffers)
    if field.nullable and field.name != "arm":
        return pa.nulls(n, field.type)
    value = {"purposes": 1, "consent_until": 2**40}.get(field.name, 0)
    return pa.repeat(pa.scalar(value, field.type), n)


def relayed(room: Room, rows: int) -> None:
    with told("relay", rows) as counted:
        while True:
            with counted():
                ready, _ = relay.tasks(room.service, party(PARTY))
            if not ready:
                return
            for task in ready:
                answer(room, task.id, counted)


def answer(room: Room, task: str, counted) -> None:
    at, last = 0, 1
    while at < last:
        with counted():
            found = room.service.store.read(lambda tx: tx.relay.get(task))
            last = -(-found.size // relay.CHUNK_ELEMENTS)
            stream = relay.stream(room.service, party(PARTY), task, at)
            segment = [next(stream) for _ in range(min(4, last - at))]
        answers = [(index, honest(packed)) for index, packed in segment]
        with counted():
            relay.take_all(room.service, party(PARTY), task=task, chunks=answers)
        at += len(segment)


def honest(packed: bytes) -> bytes:
    """Raise to a fixed secret, as the party's own machine does: not counted."""
    return SystemCurve().multiply(packed, bytes(range(32)))


@contextmanager
def told(what: str, rows: int):
    spent = [0.0, 0.0]
    parts = []

    @contextmanager
    def counted():
        parts.append(1)
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        spent[0] += time.process_time() - cpu
        spent[1] += time.perf_counter() - wall

    cpu, wall = time.process_time(), time.perf_counter()
    yield counted
    if not parts:
        spent = [time.process_time() - cpu, time.perf_counter() - wall]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scaled = [s / rows * 1e6 for s in spent]
    print(f"  {what:18} {scaled[0]:6.2f} CPU s/M {scaled[1]:6.2f} wall s/M   peak {peak:6.0f} MB")


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    main(*(numbers + [1_000_000, 0][len(numbers) :]), seals="seal" in sys.argv)

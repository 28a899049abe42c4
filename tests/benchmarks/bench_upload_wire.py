"""Uploads packed tokens beside a raw gRPC byte stream of the same size on the same channel.

Usage: bench_upload_wire.py [--chunks 128]
The server is the real one in a process of its own, with one more method that takes bytes and
counts them. Afterwards the service's own work on a chunk is timed in this process, step by step.
The bar is a ratio, because the machine's speed is not ours to choose.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pyarrow as pa
from upload_policy import POLICY

from cleanroom.config import load_config
from cleanroom.demo.processes import free_address
from cleanroom.engine.sealer import ArrowSealer
from cleanroom.policy.parse import parse_policy
from cleanroom.rpc import server as rpc_server
from cleanroom.sandbox.create import Options, create_sandbox
from cleanroom.wiring.build import build_service
from cleanroom.wiring.opening import open_store
from cleanroom.wiring.serve import serve
from cleanroom_client import CleanRoom
from cleanroom_client.arrow_items import unpack
from cleanroom_client.chunks import Chunk, Journal, rows_per_chunk
from cleanroom_client.sender import SEGMENT_CHUNKS, STREAM_SEGMENTS, Sender
from cleanroom_client.tables import DatasetSpec, wire_schema
from cleanroom_client.tokens import Sha256Tokens
from cleanroom_client.upload import pb

BAR, ROUNDS = 0.5, 9
STREAM_CHUNKS = SEGMENT_CHUNKS * STREAM_SEGMENTS
RAW = "bench.Raw", "Take"
DATASET, OWNER = "audience", "acme-brand"


def take(requests: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
    return sum(len(data) for data in requests).to_bytes(8)


def serve_with_raw(config: str) -> None:
    """Serve as `cleanroom serve` does, with the raw method on the same server."""
    make, (service, method) = grpc.server, RAW

    def made(*args, **kwargs):
        server = make(*args, **kwargs)
        handler = grpc.stream_unary_rpc_method_handler(take)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )
        return server

    rpc_server.grpc.server = made
    serve(load_config(config))


@contextmanager
def served(config: Path) -> Iterator[int]:
    command = [sys.executable, __file__, "--serve", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()  # it takes calls
        wait_until_idle(process.pid)  # what it loads for its first question would take a core
        try:
            yield process.pid
        finally:
            process.terminate()


@contextmanager
def counted(server: int, told: list[int]) -> Iterator[None]:
    """Tell the processor time of both sides, which busy neighbours disturb less than wall time."""
    before = cpu_ticks(server) + cpu_ticks(os.getpid())
    yield
    told.append(cpu_ticks(server) + cpu_ticks(os.getpid()) - before)


def wait_until_idle(pid: int) -> None:
    """Return when a process took no processor time for half a second; on Linux."""
    used = -1
    while used != (used := cpu_ticks(pid)):
        time.sleep(0.5)


def cpu_ticks(pid: int) -> int:
    """Return hundredths of a second of user and system time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def made_chunks(count: int) -> list[Chunk]:
    """Return chunks as full as the SDK fills them; any 255 random bits pass for a point here."""
    schema = wire_schema(DatasetSpec(keys=("email",)))  # type: ignore[arg-type]
    rows, entropy = rows_per_chunk(schema), np.random.default_rng(1)
    fixed = {"purposes": 1, "consent_at": 0, "consent_until": 2**40, "occurred_at": 0}
    columns = {name: pa.array(np.full(rows, value)) for name, value in fixed.items()}
    columns["ref"] = pa.nulls(rows, pa.binary(16))
    chunks = []
    for index in range(count):
        points = entropy.integers(0, 256, (rows, 32), np.uint8)
        points[:, 31] &= 0x7F
        columns["tok_email"] = unpack(points.tobytes())
        arrays = [columns[name] for name in schema.names]
        chunks.append(Chunk.of(index, pa.Table.from_arrays(arrays, schema=schema)))
    return chunks


def begun(room: CleanRoom, number: int) -> pb.Upload:
    session = room._session
    request = pb.CreateUploadRequest(
        dataset=session.dataset_name(DATASET),
        request_id=f"{number:032x}",
        policy_digest=session.collaboration().ruling().digest,
    )
    return session.transport.call(session.datasets.CreateUpload, request).upload


def send_upload(room: CleanRoom, chunks: list[Chunk], number: int) -> float:
    """Return the seconds that sending takes in streams as long as the SDK's."""
    sender = Sender(
        room._session,
        begun(room, number),
        tokens=Sha256Tokens(),
        journal=Journal(Path("/nonexistent")),
        progress=lambda *_: None,
    )
    started = time.perf_counter()
    for at in range(0, len(chunks), STREAM_CHUNKS):
        sender._deliver(chunks[at : at + STREAM_CHUNKS])
    return time.perf_counter() - started


def send_raw(room: CleanRoom, chunks: list[Chunk]) -> float:
    """Return the seconds that the same bytes take as messages of bytes, in one stream."""
    method = room._session.transport.channel.stream_unary("/" + "/".join(RAW))
    started = time.perf_counter()
    method(iter([chunk.data for chunk in chunks]), timeout=60)
    return time.perf_counter() - started


def least(work: Callable[[], object]) -> float:
    times = []
    for _ in range(20):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times) * 1e3


def service_steps(config: Path, chunk: Chunk) -> dict[str, float]:
    """Return the milliseconds of each of the service's steps on one chunk; needs it stopped."""
    loaded = load_config(config)
    schema = parse_policy(POLICY).dataset(DATASET).schema
    sealer = ArrowSealer()
    with closing(open_store(loaded)) as store:
        service = build_service(loaded, store)
        upload = next(iter((loaded.vault / "uploads").iterdir())).name

        run = service.vault.begin_run(upload)

        def count(tx):
            found = tx.uploads.get(upload)
            tx.uploads.replace(replace(found, rows=found.rows + 1))

        def end(service):
            with closing(service.vault.begin_run(upload)) as last:
                last.add(0, chunk.data, chunk.sha256)
                last.keep("bench")
            service.store.transact(count)

        return {
            "protobuf": least(
                lambda: pb.UploadChunksRequest.FromString(
                    pb.UploadChunksRequest(data=chunk.data).SerializeToString()
                )
            ),
            "SHA-256": least(lambda: hashlib.sha256(chunk.data).digest()),
            "check_chunk": least(lambda: sealer.check_chunk(chunk.data, schema, points=True)),
            "encrypt and write": least(lambda: run.add(0, chunk.data, chunk.sha256)),
            "end of a stream": least(lambda: end(service)),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=128)
    parser.add_argument("--serve", metavar="CONFIG")
    options = parser.parse_args()
    if options.serve:
        serve_with_raw(options.serve)
        return
    chunks = made_chunks(options.chunks)
    size = sum(len(chunk.data) for chunk in chunks)
    with tempfile.TemporaryDirectory() as folder:
        where = Options(listen=free_address())
        sandbox = create_sandbox(Path(folder) / "room", POLICY, options=where)
        raw, upload = [], []
        cpu: dict[str, list[int]] = {"raw": [], "upload": []}
        with served(sandbox.server_config) as server:
            for name in sandbox.parties:
                with CleanRoom.connect(sandbox.profile(name)) as room:
                    room.accept()
            with CleanRoom.connect(sandbox.profile(OWNER)) as room:
                send_raw(room, chunks)
                for number in range(ROUNDS):
                    with counted(server, cpu["raw"]):
                        raw.append(send_raw(room, chunks))
                    with counted(server, cpu["upload"]):
                        upload.append(send_upload(room, chunks, number))
        steps = service_steps(sandbox.server_config, chunks[0])
    rows = sum(chunk.rows for chunk in chunks)
    ratio = min(raw) / min(upload)
    print(f"{len(chunks)} chunks of {size / len(chunks) / 2**20:.2f} MiB, least of {ROUNDS}")
    print(f"raw stream: {size / min(raw) / 1e6:.0f} MB/s")
    print(f"upload:     {size / min(upload) / 1e6:.0f} MB/s, {rows / min(upload):.0f} tokens/s")
    print(f"ratio {ratio:.2f}, bar {BAR}: {'held' if ratio >= BAR else 'MISSED'}")
    each = {name: sum(ticks) * 10 / ROUNDS / len(chunks) for name, ticks in cpu.items()}
    print(f"CPU of both sides: raw {each['raw']:.2f}, upload {each['upload']:.2f} ms a chunk")
    print(f"a chunk takes {min(upload) / len(chunks) * 1e3:.2f} ms, of which the service's steps:")
    for step, ms in steps.items():
        print(f"  {step:18} {ms:6.2f} ms")


if __name__ == "__main__":
    main()

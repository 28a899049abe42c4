"""Workers that blind chunks, and the frames that processes speak; knows nothing of whole lists.

Where the native kernel runs, the workers are threads. Where it does not:

The workers are plain subprocesses (`python -m cleanroom_client.blinding.worker`) and not
`multiprocessing`: fork is unsafe beside gRPC's threads, and spawn runs the caller's script again,
which surprises whoever calls the SDK from a notebook or a script without a main guard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Self

from cleanroom_client.blinding.points import BadPoint, PointFault
from cleanroom_client.blinding.secret import BlindingKey

HELLO = b"cleanroom/v1 blinding worker\0"
OK, BAD = b"\0", b"\1"
MAX_FRAME_BYTES = 1 << 28
_LENGTH_BYTES = 4
_POSITION_BYTES = 4


class WorkerDied(RuntimeError):
    """A worker process ended before it answered; run again with `workers=1`."""

    def __str__(self) -> str:
        """Return one sentence."""
        return "a blinding worker process ended unexpectedly: try again with workers=1"


def write_frame(stream: IO[bytes], payload: bytes) -> None:
    """Write a 4-byte big-endian length and the payload."""
    stream.write(len(payload).to_bytes(_LENGTH_BYTES) + payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next payload, or None at a clean end; raise WorkerDied inside a frame."""
    header = stream.read(_LENGTH_BYTES)
    if not header:
        return None
    length = int.from_bytes(header)
    payload = stream.read(length) if length <= MAX_FRAME_BYTES else b""
    if len(header) != _LENGTH_BYTES or len(payload) != length:
        raise WorkerDied
    return payload


def pack_request(dst: bytes, chunk: bytes) -> bytes:
    """Return the request to blind packed items: the tag behind its 4-byte length, the items."""
    return len(dst).to_bytes(_LENGTH_BYTES) + dst + chunk


def unpack_request(request: bytes) -> tuple[bytes, bytes]:
    """Inverse of `pack_request`; the two ends are one program, so nothing is checked."""
    end = _LENGTH_BYTES + int.from_bytes(request[:_LENGTH_BYTES])
    return request[_LENGTH_BYTES:end], request[end:]


def pack_bad_point(error: BadPoint) -> bytes:
    """Return the reply that carries a BadPoint to the parent."""
    return BAD + (error.position or 0).to_bytes(_POSITION_BYTES) + error.fault.name.encode()


def unpack_reply(reply: bytes | None) -> bytes:
    """Return the blinded chunk of a reply, or raise what it carries."""
    if reply is None:
        raise WorkerDied
    if reply[:1] == OK:
        return reply[1:]
    position, name = reply[1 : 1 + _POSITION_BYTES], reply[1 + _POSITION_BYTES :]
    raise BadPoint(PointFault[name.decode()], int.from_bytes(position))


class _Worker:
    """One process that answers one chunk at a time; ends by itself when its input closes."""

    def __init__(self, key: BlindingKey) -> None:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cleanroom_client.blinding.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._ask(HELLO + key.reveal_to_keystore())

    def _ask(self, payload: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened with PIPE above
        try:
            write_frame(self._process.stdin, payload)
        except BrokenPipeError:
            raise WorkerDied from None

    def blind(self, chunk: bytes, dst: bytes) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - opened with PIPE above
        self._ask(pack_request(dst, chunk))
        return unpack_reply(read_frame(self._process.stdout))

    def close(self) -> None:
        # Killing is safe: a worker owns nothing durable.
        self._process.kill()
        self._process.communicate()


class WorkerPool:
    """Several workers behind one `map`; a context manager that ends them on the way out."""

    def __init__(self, workers: int, key: BlindingKey) -> None:
        """Start `workers` processes that hold a copy of the key."""
        self._threads = ThreadPoolExecutor(workers)
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._workers: list[_Worker] = []
        for _ in range(workers):
            self._workers.append(_Worker(key))
            self._idle.put(self._workers[-1])

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes first, so that threads waiting for them return."""
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(cancel_futures=True)

    def map(self, chunks: Sequence[bytes], dst: bytes) -> Iterator[bytes]:
        """Yield the blinded chunks (packed items), in order; raise BadPoint or WorkerDied."""
        return self._threads.map(lambda chunk: self._one(chunk, dst), chunks)

    def _one(self, chunk: bytes, dst: bytes) -> bytes:
        worker = self._idle.get()
        try:
            return worker.blind(chunk, dst)
        finally:
            self._idle.put(worker)


class ThreadPool:
    """Several threads behind one `map`, for work that releases the interpreter lock."""

    def __init__(self, workers: int, blind: Callable[[bytes, bytes], bytes]) -> None:
        """Blind each chunk by `blind(chunk, dst)`."""
        self._threads = ThreadPoolExecutor(workers)
        self._blind = blind

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what runs end; start nothing more."""
        self._threads.shutdown(cancel_futures=True)

    def map(self, chunks: Sequence[bytes], dst: bytes) -> Iterator[bytes]:
        """Yield the blinded chunks (packed items), in order; raise BadPoint."""
        return self._threads.map(lambda chunk: self._blind(chunk, dst), chunks)

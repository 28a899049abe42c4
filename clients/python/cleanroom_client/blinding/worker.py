"""The worker process of `pool`: reads a key and then chunks, answers each; knows nothing else."""

from __future__ import annotations

import signal
import sys
from typing import BinaryIO

from cleanroom_client.blinding.lists import blind_chunk
from cleanroom_client.blinding.points import BadPoint
from cleanroom_client.blinding.pool import (
    HELLO,
    OK,
    pack_bad_point,
    read_frame,
    unpack_request,
    write_frame,
)
from cleanroom_client.blinding.secret import BlindingKey


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer chunks until the input ends; raises ValueError for a stranger's greeting."""
    hello = read_frame(requests) or b""
    if not hello.startswith(HELLO):
        msg = "not a blinding pool of this version"
        raise ValueError(msg)
    key = BlindingKey(hello.removeprefix(HELLO))
    while (frame := read_frame(requests)) is not None:
        write_frame(replies, _answer(frame, key))


def _answer(frame: bytes, key: BlindingKey) -> bytes:
    dst, chunk = unpack_request(frame)
    try:
        return OK + blind_chunk(chunk, key, dst=dst)
    except BadPoint as error:
        return pack_bad_point(error)


if __name__ == "__main__":
    # An interrupt at the terminal reaches every process: the parent decides and closes our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)

"""A partner's process that is killed at one of the streams it sends, and small chunks to meet it.

`python -m support.dying_client ORDER` reads {"profile", "dataset", "file", "deadly", "sent"} as
JSON: it uploads the file, or blinds where there is none, and dies by SIGKILL at its `deadly`-th
stream, before or after that was sent.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from cleanroom_client import CleanRoom, agent, sender, transport, upload

ROWS = 20
# What these are patched to makes a small table go in many streams of several chunks.
SMALL: tuple[tuple[object, str, Any], ...] = (
    (upload, "rows_per_chunk", lambda _schema: ROWS),
    (sender, "SEGMENT_CHUNKS", 2),
    (sender, "STREAM_SEGMENTS", 1),
    (agent, "SEGMENT_CHUNKS", 2),
)
CHUNK_ELEMENTS = 64
SMALL_RELAY = {
    "cleanroom.usecases.relay:CHUNK_ELEMENTS": CHUNK_ELEMENTS,
}


def die_at(deadly: int, *, sent: bool, send: Callable[..., Any]) -> Callable[..., Any]:
    """Return `send`, which kills this process at its `deadly`-th call."""
    calls = 0

    def sending(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == deadly and not sent:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(*args)
        if calls == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return sending


def run(order: Mapping[str, Any]) -> None:
    """Do what is ordered, until the deadly stream."""
    for module, name, value in SMALL:
        setattr(module, name, value)
    send = transport.Transport.send
    deadly = die_at(order["deadly"], sent=order["sent"], send=send)
    transport.Transport.send = deadly  # type: ignore[method-assign]
    with CleanRoom.connect(order["profile"]) as room:
        if order["file"]:
            room.upload(order["dataset"], order["file"], again=True)
        else:
            room.blind(max_wait_s=0)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))

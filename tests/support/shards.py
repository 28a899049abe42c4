"""What relay tasks are and what parties are sent of them, for the tests of shards."""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.ports.records import RelayTask, Upload
from cleanroom.usecases import relay
from support.rooms import Room, party


def tasks_of(room: Room, upload: Upload) -> tuple[RelayTask, ...]:
    return room.service.store.read(lambda tx: tx.relay.of_upload(upload.id))


def batches(room: Room, tasks: Sequence[RelayTask]) -> list[list[bytes]]:
    """Return the points of each task in the order in which its party is sent them."""
    return [
        [
            packed[i : i + 32]
            for _, packed in relay.stream(room.service, party(task.party), task.id, 0)
            for i in range(0, len(packed), 32)
        ]
        for task in tasks
    ]


def everything_sent(room: Room) -> dict[str, set[bytes]]:
    """Let agents run until nothing is left to do; return all that each party was sent."""
    seen: dict[str, set[bytes]] = {}
    working = True
    while working:
        working = False
        for name in room.policy.owners():
            ready, _ = relay.tasks(room.service, party(name))
            for points in batches(room, ready):
                seen.setdefault(name, set()).update(points)
            working = room.blind(name) > 0 or working
    return seen

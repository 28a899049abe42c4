"""Rows of relay tasks; must not know elements or who goes after whom."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from cleanroom.model.dataset import KeyType
from cleanroom.ports.records import RelayTask, TaskState
from cleanroom.storage.errors import StoreMisused
from cleanroom.storage.tables import relay_tasks


class SqlRelay:
    """The `Relay` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, task: RelayTask) -> None:
        """Keep a new task; a known id is refused by the database."""
        self._connection.execute(
            relay_tasks.insert().values(
                id=task.id,
                upload=task.upload,
                collaboration=task.collaboration,
                key_type=task.key_type.value,
                party=task.party,
                position=task.position,
                state=task.state.value,
                size=task.size,
                returned=task.returned,
                shard=task.shard,
                shards=task.shards,
                lease=task.lease,
                leased_until_s=task.leased_until_s,
            )
        )

    def get(self, task: str) -> RelayTask | None:
        """Return a task by id."""
        query = select(relay_tasks).where(relay_tasks.c.id == task)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _task(row)

    def of_upload(self, upload: str) -> tuple[RelayTask, ...]:
        """Return an upload's tasks by (key type, position, shard); key types in text order."""
        query = (
            select(relay_tasks)
            .where(relay_tasks.c.upload == upload)
            .order_by(
                relay_tasks.c.key_type,
                relay_tasks.c.position,
                relay_tasks.c.shard,
                relay_tasks.c.seq,
            )
        )
        return tuple(_task(row) for row in self._connection.execute(query))

    def ready_for(self, party: str) -> tuple[RelayTask, ...]:
        """Return the READY tasks of a party in the order they were added."""
        query = (
            select(relay_tasks)
            .where(relay_tasks.c.party == party, relay_tasks.c.state == TaskState.READY.value)
            .order_by(relay_tasks.c.seq)
        )
        return tuple(_task(row) for row in self._connection.execute(query))

    def unfinished(self, collaboration: str) -> tuple[RelayTask, ...]:
        """Return the WAITING and READY tasks of a collaboration in the order they were added."""
        states = (TaskState.WAITING.value, TaskState.READY.value)
        query = (
            select(relay_tasks)
            .where(relay_tasks.c.collaboration == collaboration, relay_tasks.c.state.in_(states))
            .order_by(relay_tasks.c.seq)
        )
        return tuple(_task(row) for row in self._connection.execute(query))

    def replace(self, task: RelayTask) -> None:
        """Store what may change of a known task; raises StoreMisused for another."""
        change = (
            relay_tasks.update()
            .where(relay_tasks.c.id == task.id)
            .values(
                state=task.state.value,
                size=task.size,
                returned=task.returned,
                lease=task.lease,
                leased_until_s=task.leased_until_s,
            )
        )
        if self._connection.execute(change).rowcount != 1:
            raise StoreMisused(f"relay task {task.id} is not known")


def _task(row: Row[Any]) -> RelayTask:
    return RelayTask(
        id=row.id,
        upload=row.upload,
        collaboration=row.collaboration,
        key_type=KeyType(row.key_type),
        party=row.party,
        position=row.position,
        state=TaskState(row.state),
        size=row.size,
        returned=row.returned,
        shard=row.shard,
        shards=row.shards,
        lease=row.lease,
        leased_until_s=row.leased_until_s,
    )

"""Rows of log entries and tree nodes, appended together; must not know what an entry says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from cleanroom.audit.payload import Erasable, Payload
from cleanroom.audit.tree import appended_nodes, leaf_hash
from cleanroom.storage.tables import log_entries, log_nodes, log_payloads


class SqlLog:
    """The `Log` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entry: bytes, payloads: Sequence[Erasable] = ()) -> int:
        """Append one encoded entry, its tree nodes and payloads; return its index.

        The index is the primary key, so two appends at once cannot both have it, and an index
        given to a transaction that failed is given again: indices are dense.
        """
        index = self.size()
        self._connection.execute(log_entries.insert().values(idx=index, entry=entry))
        created = appended_nodes(index, leaf_hash(entry), self.node)
        rows = [{"level": level, "idx": node, "hash": digest} for level, node, digest in created]
        self._connection.execute(log_nodes.insert(), rows)
        if payloads:
            beside = [
                {"entry": index, "name": p.name, "salt": p.salt, "content": p.content}
                for p in payloads
            ]
            self._connection.execute(log_payloads.insert(), beside)
        return index

    def size(self) -> int:
        """Return the number of entries."""
        last = self._connection.execute(select(func.max(log_entries.c.idx))).scalar_one()
        return 0 if last is None else last + 1

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; raises KeyError when there is none."""
        query = select(log_nodes.c.hash).where(log_nodes.c.level == level, log_nodes.c.idx == index)
        found: bytes | None = self._connection.execute(query).scalar_one_or_none()
        if found is None:
            raise KeyError(f"the log has no node {index} on level {level}")
        return found

    def nodes(self, level: int, start: int, end: int) -> Mapping[int, bytes]:
        """Return the hashes of a level from `start` to before `end`, by index, those there are."""
        query = select(log_nodes.c.idx, log_nodes.c.hash).where(
            log_nodes.c.level == level, log_nodes.c.idx >= start, log_nodes.c.idx < end
        )
        return {row.idx: row.hash for row in self._connection.execute(query)}

    def entry(self, index: int) -> bytes | None:
        """Return one entry's bytes, or None outside the log."""
        if not 0 <= index < self.size():
            return None
        query = select(log_entries.c.entry).where(log_entries.c.idx == index)
        return self._connection.execute(query).scalar_one_or_none()

    def entries(self, start: int, count: int) -> tuple[bytes, ...]:
        """Return up to `count` entries from `start`, in order; none where there are none."""
        end = min(start + count, self.size())
        if not 0 <= start < end:
            return ()
        query = (
            select(log_entries.c.entry)
            .where(log_entries.c.idx >= start, log_entries.c.idx < end)
            .order_by(log_entries.c.idx)
        )
        return tuple(self._connection.execute(query).scalars())

    def payloads(self, start: int, end: int) -> tuple[Payload, ...]:
        """Return what is kept beside entries `start` to before `end`, by entry and name."""
        query = (
            select(log_payloads)
            .where(log_payloads.c.entry >= start, log_payloads.c.entry < end)
            .order_by(log_payloads.c.entry, log_payloads.c.name)
        )
        return tuple(
            Payload(
                entry=row.entry,
                kept=Erasable(name=row.name, salt=row.salt, content=row.content),
            )
            for row in self._connection.execute(query)
        )

    def erase_payloads(self, index: int) -> int:
        """Erase what is kept beside an entry, with its salts; return how many there were."""
        gone = log_payloads.delete().where(log_payloads.c.entry == index)
        return self._connection.execute(gone).rowcount

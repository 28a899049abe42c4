"""The log of the store in memory; shares no code with the durable one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cleanroom.audit.payload import Erasable, Payload
from cleanroom.audit.tree import leaf_hash, node_hash
from cleanroom.storage.errors import StoreMisused


class MemoryLog:
    """The `Log` port over the state of a `memory_store`."""

    def __init__(self, state: Any) -> None:
        self.s = state

    def append(self, entry: bytes, payloads: Sequence[Erasable] = ()) -> int:
        self.s.entries.append(entry)
        index = len(self.s.entries) - 1
        for kept in payloads:
            if (index, kept.name) in self.s.payloads:
                raise StoreMisused("a duplicate")
            self.s.payloads[index, kept.name] = Payload(entry=index, kept=kept)
        return index

    def size(self) -> int:
        return len(self.s.entries)

    def node(self, level: int, index: int) -> bytes:
        """By definition, from the leaves: slow, and independent of what a store keeps."""
        start, end = index << level, (index + 1) << level
        if index < 0 or end > len(self.s.entries):
            raise KeyError(f"no node {index} on level {level}")
        hashes = [leaf_hash(entry) for entry in self.s.entries[start:end]]
        while len(hashes) > 1:
            hashes = [node_hash(*hashes[i : i + 2]) for i in range(0, len(hashes), 2)]
        return hashes[0]

    def nodes(self, level: int, start: int, end: int) -> dict[int, bytes]:
        last = min(end, len(self.s.entries) >> level)
        return {index: self.node(level, index) for index in range(max(start, 0), last)}

    def entry(self, index: int) -> bytes | None:
        return self.s.entries[index] if 0 <= index < len(self.s.entries) else None

    def entries(self, start: int, count: int) -> tuple[bytes, ...]:
        return tuple(self.s.entries[start : start + max(count, 0)]) if start >= 0 else ()

    def payloads(self, start: int, end: int) -> tuple[Payload, ...]:
        rows = sorted(self.s.payloads.items())
        return tuple(payload for (entry, _), payload in rows if start <= entry < end)

    def erase_payloads(self, index: int) -> int:
        gone = [key for key in self.s.payloads if key[0] == index]
        for key in gone:
            del self.s.payloads[key]
        return len(gone)

"""The check that entries decode and the stored tree is theirs; must not know what entries say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.errors import EntryInvalid
from cleanroom.audit.tree import HASH_BYTES, appended_nodes, leaf_hash
from cleanroom.ports.store import Log
from cleanroom.storage.problem import Problem, problem

BATCH: Final = 1000  # entries of at most 64 KiB
OF_QUESTIONS: Final = frozenset(
    {EntryKind.QUESTION_RESERVED, EntryKind.QUESTION_RELEASED, EntryKind.QUESTION_FAILED}
)


def check_log(log: Log) -> tuple[list[Problem], dict[int, Entry]]:
    """Return what is wrong with the log, and its entries about accepted questions by index.

    Rebuilds every hash from the entries, holding one node for each level.
    """
    found: list[Problem] = []
    questions: dict[int, Entry] = {}
    edge: dict[tuple[int, int], bytes] = {}
    for index, data in _entries(log):
        found += _check_nodes(log, index, data, edge)
        try:
            entry = decode_entry(data) if data is not None else None
        except EntryInvalid as error:
            found.append(problem(f"log entry {index}", str(error)))
        else:
            if entry is not None and entry.kind in OF_QUESTIONS:
                questions[index] = entry
    return found + _surplus(log), questions


def _entries(log: Log) -> Iterator[tuple[int, bytes | None]]:
    size = log.size()
    for start in range(0, size, BATCH):
        indices = range(start, min(start + BATCH, size))
        batch = log.entries(start, BATCH)
        if len(batch) == len(indices):
            yield from zip(indices, batch, strict=True)
        else:
            yield from ((index, log.entry(index)) for index in indices)


def _check_nodes(
    log: Log, index: int, data: bytes | None, edge: dict[tuple[int, int], bytes]
) -> list[Problem]:
    """Compare the nodes this entry completes; `edge` keeps the left siblings still needed."""
    found = []
    if data is None:
        found.append(problem(f"log entry {index}", "it is missing"))
        leaf = _stored(log, 0, index) or bytes(HASH_BYTES)  # to go on with
    else:
        leaf = leaf_hash(data)
    for level, node, digest in appended_nodes(index, leaf, lambda *at: edge.pop(at)):
        if _stored(log, level, node) != digest:
            what = "its hash does not follow from the entries"
            found.append(problem(f"log node {node} on level {level}", what))
        if not node & 1:
            edge[level, node] = digest
    return found


def _surplus(log: Log) -> list[Problem]:
    """Look for a node just beyond the tree, on which the next append would fail."""
    size = log.size()
    beyond = [(level, size >> level) for level in range(size.bit_length() + 1)]
    return [
        problem(f"log node {node} on level {level}", "the log is not that long")
        for level, node in beyond
        if _stored(log, level, node) is not None
    ]


def _stored(log: Log, level: int, index: int) -> bytes | None:
    try:
        return log.node(level, index)
    except KeyError:
        return None

"""Reading the log by a choice, in short reads beside a running server; must not know who asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from cleanroom.audit.choice import Choice, answers
from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.payload import Payload, opened
from cleanroom.audit.rows import Found
from cleanroom.ports.store import Store, Transaction

_BATCH = 1000
_MAX_READ = 20_000  # entries that one call reads through: a filter must not hold a worker for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the chosen entries, and where the next page begins.

    `next` is the first index not looked at, or, newest first, the one above it: the log's size,
    or 0, when there are no more. A page may be empty and not the last.
    """

    found: tuple[tuple[Found, bytes], ...]
    next: int
    size: int


def chosen(store: Store, choice: Choice) -> Iterator[Found]:
    """Yield the wanted entries, oldest first; raises EntryInvalid for bytes that are none."""
    start, size = 0, store.read(lambda tx: tx.log.size())
    while start < size:
        end = min(start + _BATCH, size)
        yield from store.read(partial(_within, choice, start, end))
        start = end


def newest(store: Store, choice: Choice, count: int) -> list[Found]:
    """Return the newest `count` wanted entries, oldest first; reads no further back than it must."""
    return list(islice(_backwards(store, choice), count))[::-1]


def _backwards(store: Store, choice: Choice) -> Iterator[Found]:
    end, batch = store.read(lambda tx: tx.log.size()), 50
    while end > 0:
        start = max(0, end - batch)
        yield from reversed(store.read(partial(_within, choice, start, end)))
        end, batch = start, min(2 * batch, _BATCH)


def one(store: Store, index: int) -> tuple[Found, bytes] | None:
    """Return an entry and its bytes; None outside the log."""

    def work(tx: Transaction) -> tuple[Found, bytes] | None:
        data = tx.log.entry(index)
        if data is None:
            return None
        return _found(tx, index, decode_entry(data), tx.log.payloads(index, index + 1)), data

    return store.read(work)


def page_after(tx: Transaction, choice: Choice, start: int, count: int) -> Page:
    """Return up to `count` wanted entries from index `start` on."""
    size = tx.log.size()
    end = min(size, start + _MAX_READ)
    ahead = (
        pair
        for at in range(start, end, _BATCH)
        for pair in _with_bytes(tx, choice, at, min(at + _BATCH, end))
    )
    found = tuple(islice(ahead, count))
    full = len(found) == count
    return Page(found=found, next=found[-1][0].index + 1 if full else max(start, end), size=size)


def page_before(tx: Transaction, choice: Choice, before: int, count: int) -> Page:
    """Return up to `count` wanted entries below index `before`, newest first."""
    size = tx.log.size()
    end = min(size, before)
    least = max(0, end - _MAX_READ)
    back = (
        pair
        for at in range(end, least, -_BATCH)
        for pair in reversed(_with_bytes(tx, choice, max(least, at - _BATCH), at))
    )
    found = tuple(islice(back, count))
    full = len(found) == count
    return Page(found=found, next=found[-1][0].index if full else least, size=size)


def _within(choice: Choice, start: int, end: int, tx: Transaction) -> list[Found]:
    return [found for found, _ in _with_bytes(tx, choice, start, end)]


def _with_bytes(tx: Transaction, choice: Choice, start: int, end: int) -> list[tuple[Found, bytes]]:
    batch = enumerate(tx.log.entries(start, end - start), start=start)
    kept = _by_entry(tx.log.payloads(start, end))
    read = (
        (_found(tx, index, decode_entry(data), kept.get(index, ())), data) for index, data in batch
    )
    return [(f, data) for f, data in read if choice.takes(f.entry, f.reserved)]


def _by_entry(payloads: Iterable[Payload]) -> Mapping[int, list[Payload]]:
    found: defaultdict[int, list[Payload]] = defaultdict(list)
    for payload in payloads:
        found[payload.entry].append(payload)
    return found


def _found(tx: Transaction, index: int, entry: Entry, kept: Sequence[Payload]) -> Found:
    reserved = _reserved(tx, entry)
    return Found(index=index, entry=opened(entry, kept), reserved=reserved, kept=tuple(kept))


def _reserved(tx: Transaction, entry: Entry) -> Entry | None:
    """Return the entry that reserved the question which this one answers, where there is one."""
    digest = answers(entry)
    if digest is None:
        return None
    at = entry.fields.get("reserved_entry")
    if not isinstance(at, int):
        question = tx.questions.get(digest)
        at = None if question is None else question.reserved_entry
    data = None if at is None else tx.log.entry(at)
    found = None if data is None else decode_entry(data)
    is_reserved = found is not None and found.kind is EntryKind.QUESTION_RESERVED
    return found if is_reserved else None

"""Log entries chosen and put into words; must not know where they are stored or printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.ports.store import Store, Transaction

_BATCH: Final = 1000
_SHORT: Final = 12  # of a digest's 64 digits; `audit show` has them all
_DIGEST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which entries are wanted; None leaves a side open. `since_s` is unix seconds."""

    party: str | None = None
    kind: EntryKind | None = None
    since_s: int | None = None

    def takes(self, entry: Entry) -> bool:
        """Return whether the entry is wanted; a party's are those it caused or is named in."""
        return (
            (self.kind is None or entry.kind is self.kind)
            and (self.since_s is None or entry.time_s >= self.since_s)
            and (self.party is None or self.party in _parties(entry))
        )


def stored_entries(store: Store) -> Iterator[tuple[int, bytes]]:
    """Yield every entry with its index, in short reads beside a running server."""
    start = 0
    while batch := store.read(partial(_batch, start)):
        yield from enumerate(batch, start=start)
        start += len(batch)


def _batch(start: int, tx: Transaction) -> tuple[bytes, ...]:
    return tx.log.entries(start, _BATCH)


def chosen(store: Store, choice: Choice) -> Iterator[tuple[int, Entry]]:
    """Yield the wanted entries in order; raises EntryInvalid for bytes that are none."""
    for index, data in stored_entries(store):
        entry = decode_entry(data)
        if choice.takes(entry):
            yield index, entry


def as_json(index: int, entry: Entry) -> dict[str, Json]:
    """Return an entry for programs; `time` repeats `time_s` for people."""
    return {
        "index": index,
        "time": when(entry),
        "time_s": entry.time_s,
        "kind": entry.kind.value,
        "actor": entry.actor,
        "collaboration": entry.collaboration,
        "fields": entry.fields,
        "salt": entry.salt.hex(),
    }


def as_row(index: int, entry: Entry) -> tuple[str, ...]:
    """Return an entry for a table: index, time, kind, actor, collaboration, what."""
    return (
        str(index),
        when(entry),
        entry.kind.value,
        entry.actor,
        entry.collaboration or "",
        _words(entry.fields),
    )


def when(entry: Entry) -> str:
    """Return the entry's time in ISO 8601, UTC; as it stands when no calendar has it."""
    try:
        return datetime.fromtimestamp(entry.time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return str(entry.time_s)


def _words(fields: Mapping[str, Json]) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in fields.items())


def _short(value: Json) -> str:
    if isinstance(value, str):
        return f"{value[:_SHORT]}…" if _is_digest(value) else value
    if isinstance(value, Mapping):
        return f"({_words(value)})"
    if isinstance(value, list | tuple):
        return " ".join(_short(item) for item in value)
    return json.dumps(value)


def _is_digest(text: str) -> bool:
    return len(text) == _DIGEST and all(c in "0123456789abcdef" for c in text)


def _parties(entry: Entry) -> set[Json]:
    named = {entry.fields.get(key) for key in ("party", "owner") if key in entry.fields}
    return {entry.actor.partition("/")[2], *(n for n in named if isinstance(n, str))}

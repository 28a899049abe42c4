"""People of a sealed version found by references, listed, and taken out; knows no withdrawals.

A reference is looked up by the 16 bytes that a version stores of it: an owner's own reference, or
the first half of a token. Values are packed; a number of -1 is nobody.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom.engine.digest import content_digest
from cleanroom.engine.layout import (
    CONTROL,
    NO_ARM,
    STORED_TOKEN_BYTES,
    TEST,
    count_column,
    dimension_column,
    filter_column,
    measure_column,
    token_column,
)
from cleanroom.engine.order import Flags, Ints
from cleanroom.engine.people import fixed_bytes
from cleanroom.model.dataset import DatasetSchema, Domain
from cleanroom.model.subject import PersonHeld
from cleanroom.ports.tables import Sealed, SealedTables

_STORED = pa.binary(STORED_TOKEN_BYTES)
_ARMS = {TEST: "test", CONTROL: "control", NO_ARM: "none"}


def find(tables: SealedTables, values: bytes) -> tuple[int, ...]:
    """Return whose each of some packed references is."""
    wanted = _packed(values)
    whose: dict[bytes, int] = {}
    for column, person in _columns(tables):
        at = pc.is_in(column, value_set=wanted)
        whose |= dict(
            zip(column.filter(at).to_pylist(), person.filter(at).to_pylist(), strict=True)
        )
    return tuple(whose.get(value, -1) for value in wanted.to_pylist())


def references_of(tables: SealedTables, people: Collection[int]) -> bytes:
    """Return, packed, everything by which some people could be found."""
    wanted = pa.array(sorted(people), pa.int64())
    found = (
        column.filter(pc.is_in(person, value_set=wanted)).combine_chunks().drop_null()
        for column, person in _columns(tables)
    )
    return b"".join(fixed_bytes(values).tobytes() for values in found)


def without(tables: SealedTables, people: Collection[int]) -> tuple[Sealed, Ints]:
    """Return the version without some people, and everybody's new number (people,).

    Ensures that it is the version that sealing makes of the other people's rows alone.
    """
    stays = np.ones(tables.persons.num_rows, dtype=np.bool_)
    stays[list(people)] = False
    number = np.cumsum(stays) - 1
    number[~stays] = -1
    left = SealedTables(
        persons=_of_those(tables.persons, stays, number),
        events=_of_those(tables.events, stays, number),
        references=_of_those(tables.references, stays, number),
    )
    return Sealed(tables=left, digest=content_digest(left)), number


class Stored:
    """The stored halves of tokens, to ask of many tokens whether they are among them.

    Of those that share their first 8 bytes one is found, which chance makes of none: a token that
    is missed is asked of the other parties again, no more.
    """

    __slots__ = ("_first", "_second")

    def __init__(self, halves: bytes) -> None:
        words = np.frombuffer(halves, dtype="<u8").reshape(-1, 2)
        order = np.argsort(words[:, 0])
        self._first, self._second = words[order, 0], words[order, 1]

    def has(self, tokens: bytes, width: int) -> Flags:
        """Return which of some packed tokens (n,) begin with one of the halves."""
        words = np.frombuffer(tokens, dtype="<u8").reshape(-1, width // 8)
        if not len(self._first):
            return np.zeros(len(words), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self._first, words[:, 0]), len(self._first) - 1)
        same: Flags = self._first[place] == words[:, 0]
        same &= self._second[place] == words[:, 1]
        return same


def person_held(tables: SealedTables, person: int, schema: DatasetSchema) -> PersonHeld:
    """Return what the version holds of a person, with the labels of its schema."""
    (record,) = tables.persons.filter(pc.equal(tables.persons["person"], person)).to_pylist()
    events = tables.events.filter(pc.equal(tables.events["person"], person))
    values = {d.name: d.values[record[dimension_column(d.name)]] for d in schema.dimensions}
    arm = {"arm": _ARMS[record["arm"]]} if schema.has_arm else {}
    counts = {c.name: count_column(c.name) for c in schema.counts}
    measures = {m.name: measure_column(m.name) for m in schema.measures}
    times = events["occurred_at"].to_pylist() if schema.timed else []
    return PersonHeld(
        rows=events.num_rows,
        values=values | arm,
        sums={n: pc.sum(events[c]).as_py() or 0 for n, c in (counts | measures).items()},
        filters={f.name: _labels(events, f) for f in schema.filters},
        first_at_s=min(times, default=0),
        last_at_s=max(times, default=0),
        keys=tuple(str(key) for key in schema.keys if record[token_column(key)] is not None),
        purposes=record["purposes"],
        consent_at_s=record["consent_at"],
        consent_until_s=record["consent_until"],
    )


def _labels(events: pa.Table, domain: Domain) -> tuple[str, ...]:
    codes = pc.unique(events[filter_column(domain.name)]).to_pylist()
    return tuple(domain.values[code] for code in sorted(codes))


def _columns(tables: SealedTables) -> list[tuple[pa.ChunkedArray, pa.ChunkedArray]]:
    """Return each column of stored references beside that of the people whose they are."""
    persons, references = tables.persons, tables.references
    tokens = [f.name for f in persons.schema if pa.types.is_fixed_size_binary(f.type)]
    found = [(persons[name], persons["person"]) for name in tokens]
    return [*found, (references["ref"], references["person"])]


def _of_those(table: pa.Table, stays: Flags, number: npt.NDArray[np.int64]) -> pa.Table:
    person = np.asarray(table["person"])
    kept = table.filter(pa.array(stays[person]))
    at = table.schema.get_field_index("person")
    renumbered = pa.array(number[person[stays[person]]])
    return kept.set_column(at, table.schema.field(at), renumbered)


def _packed(values: bytes) -> pa.FixedSizeBinaryArray:
    count = len(values) // STORED_TOKEN_BYTES
    return pa.FixedSizeBinaryArray.from_buffers(_STORED, count, [None, pa.py_buffer(values)])

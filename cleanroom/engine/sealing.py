"""Turns uploaded rows into a sealed version: one record for each person, and their events.

Must not know how tokens were blinded or where the version is kept.
Requires that equal keys have equal tokens. Ensures that a token belongs to exactly one person,
that the tables depend on the set of rows and not on their order, and that a person's consent is
the narrowest of the rows that entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cleanroom.engine.digest import content_digest
from cleanroom.engine.layout import (
    NO_ARM,
    REFERENCES_SCHEMA,
    STORED_TOKEN_BYTES,
    dimension_column,
    events_schema,
    persons_schema,
    token_column,
)
from cleanroom.engine.people import ABSENT, Grouped, Identity, Ints, components, identity_of
from cleanroom.engine.rows import sealable_rows
from cleanroom.model.dataset import DatasetSchema, KeyType
from cleanroom.ports.tables import Sealed, SealedTables, TokenMap


class TokensCollide(RuntimeError):
    """Two people's tokens share their stored half; names the column only."""


def seal(
    rows: Iterable[pa.Table],
    schema: DatasetSchema,
    tokens: Mapping[KeyType, TokenMap | None],
    sealable: tuple[int, ...],
) -> Sealed:
    """Seal rows of `layout.wire_schema(schema)`.

    `tokens` gives the final token of each uploaded element; a key type that is None or absent
    was uploaded as final tokens. Rows that hold all bits of none of `sealable` do not enter.
    Rows that share a reference or a token are one person; a row with neither is its own.
    Raises FieldInvalid, rows.TokenMissing, TokensCollide.
    """
    table = sealable_rows(rows, schema, tokens, sealable)  # 1. only what may be used
    identities = {k: identity_of(table[token_column(k)]) for k in schema.keys}
    refs = identity_of(table["ref"])
    linked = components([*identities.values(), refs], table.num_rows)  # 2. who is who
    integers = _integers(table)
    people = _people(linked, identities, refs, integers)  # 3. one record for each person
    sealed = SealedTables(  # 4. tables in an order that only their content decides
        persons=_persons(people, schema, identities),
        events=_events(people.of_row, schema, integers),
        references=_references(people.of_row, refs),
    )
    return Sealed(tables=sealed, digest=content_digest(sealed))


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """`of_row` is the final number of each row's person; the rest is by person, in that order.

    `least` is the rank of the least token by key type. Every owner with the same set of tokens
    chooses the same one, whichever rows they came in.
    """

    of_row: Ints
    least: Mapping[KeyType, Ints]
    columns: Mapping[str, Ints]


def _integers(table: pa.Table) -> dict[str, Ints]:
    names = [f.name for f in table.schema if pa.types.is_integer(f.type)]
    return {n: table[n].to_numpy().astype(np.int64, copy=False) for n in names}


def _people(
    linked: Ints, identities: Mapping[KeyType, Identity], refs: Identity, rows: Mapping[str, Ints]
) -> _People:
    by_person = Grouped(linked)
    least = {k: by_person.reduced(np.minimum, i.ranks) for k, i in identities.items()}
    columns = _merged(by_person, rows)
    # Tokens and references order everybody who has one. Whoever has neither is a single row,
    # whose values decide; those still equal are alike in all, and any order is the same.
    priority = [
        *least.values(),
        by_person.reduced(np.minimum, refs.ranks),
        *(by_person.first(column) for column in rows.values()),
    ]
    order = np.lexsort(priority[::-1])
    number = np.empty(len(by_person), dtype=np.int64)
    number[order] = np.arange(len(by_person))
    return _People(
        of_row=number[linked],
        least={k: ranks[order] for k, ranks in least.items()},
        columns={name: column[order] for name, column in columns.items()},
    )


def _merged(by_person: Grouped, rows: Mapping[str, Ints]) -> dict[str, Ints]:
    """Return people's columns: the smallest code, the arm all agree on, the narrowest consent."""
    prefix = dimension_column("")
    dimensions = (name for name in rows if name.startswith(prefix))
    return {
        **{name: by_person.reduced(np.minimum, rows[name]) for name in dimensions},
        "arm": by_person.agreed(rows["arm"], NO_ARM),
        "purposes": by_person.reduced(np.bitwise_and, rows["purposes"]),
        "consent_at": by_person.reduced(np.maximum, rows["consent_at"]),
        "consent_until": by_person.reduced(np.minimum, rows["consent_until"]),
    }


def _persons(
    people: _People, schema: DatasetSchema, identities: Mapping[KeyType, Identity]
) -> pa.Table:
    number = np.arange(len(people.columns["arm"]), dtype=np.int64)
    columns: dict[str, Ints | pa.Array] = {"person": number, **people.columns}
    for key, identity in identities.items():
        columns[token_column(key)] = _stored_tokens(token_column(key), people.least[key], identity)
    return _table(columns, persons_schema(schema))


def _stored_tokens(column: str, least: Ints, identity: Identity) -> pa.Array:
    present = least != ABSENT
    stored = np.zeros((len(least), STORED_TOKEN_BYTES), dtype=np.uint8)
    stored[present] = identity.values[least[present], :STORED_TOKEN_BYTES]
    ascending = identity.values[np.sort(least[present]), :STORED_TOKEN_BYTES]
    if (ascending[1:] == ascending[:-1]).all(axis=1).any():
        raise TokensCollide(f"{column}: the stored tokens of two people are equal")
    buffers = [pa.array(present).buffers()[1], pa.py_buffer(stored)]
    return pa.Array.from_buffers(pa.binary(STORED_TOKEN_BYTES), len(least), buffers)


def _events(of_row: Ints, schema: DatasetSchema, rows: Mapping[str, Ints]) -> pa.Table:
    kind = events_schema(schema)
    columns: dict[str, Ints] = {f.name: rows[f.name] for f in kind if f.name != "person"}
    columns = {"person": of_row, **columns}
    order = np.lexsort(tuple(columns.values())[::-1])
    return _table({name: column[order] for name, column in columns.items()}, kind)


def _references(of_row: Ints, refs: Identity) -> pa.Table:
    present = refs.ranks != ABSENT
    person = np.empty(len(refs.values), dtype=np.int64)
    person[refs.ranks[present]] = of_row[present]  # rows that share a reference are one person
    ref_type = REFERENCES_SCHEMA.field("ref").type
    data = pa.py_buffer(np.ascontiguousarray(refs.values))
    ref = pa.Array.from_buffers(ref_type, len(person), [None, data])
    return pa.table([ref, pa.array(person)], schema=REFERENCES_SCHEMA)


def _table(columns: Mapping[str, Ints | pa.Array], kind: pa.Schema) -> pa.Table:
    def arrow(field: pa.Field) -> pa.Array:
        column = columns[field.name]
        return column if isinstance(column, pa.Array) else pa.array(column).cast(field.type)

    return pa.table([arrow(field) for field in kind], schema=kind)

"""Turns uploaded rows into a sealed version: one record for each person, and their events.

Must not know how tokens were blinded or where the version is kept.
Requires that equal keys have equal tokens. Ensures that a token belongs to exactly one person,
that the tables depend on the set of rows and not on their order, and that a person's consent is
the narrowest of the rows that entered.

Memory: the rows' own columns are held once, as narrow as they came. Each column of identities is
32 bytes a row only until it is ranked; then it is a 4-byte rank a row and the first half of each
different token. Token maps are read key by key, each in as many parts as the caller likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from cleanroom.engine.digest import content_digest
from cleanroom.engine.gathered import Gathered
from cleanroom.engine.layout import (
    NO_ARM,
    REFERENCES_SCHEMA,
    STORED_TOKEN_BYTES,
    events_schema,
    persons_schema,
    token_column,
)
from cleanroom.engine.order import Bytes, Ints, ordering, ranked, taken
from cleanroom.engine.people import Grouped, Identity, components, identity_of
from cleanroom.engine.rows import sealable_rows
from cleanroom.engine.tokens import final_tokens
from cleanroom.model.consent import ALL_MARKS
from cleanroom.model.dataset import DatasetSchema, KeyType
from cleanroom.ports.tables import Sealed, SealedTables, TokenMap


class TokensCollide(RuntimeError):
    """Two people's tokens share their stored half; names the column only."""


def seal(
    rows: Iterable[pa.Table],
    schema: DatasetSchema,
    tokens: Mapping[KeyType, TokenMap | Iterable[TokenMap] | None],
    sealable: tuple[int, ...],
) -> Sealed:
    """Seal rows of `layout.wire_schema(schema)`.

    `tokens` gives the final token of each uploaded element, whole or in parts that are read once;
    a key type that is None or absent was uploaded as final tokens. Rows that serve none of
    `sealable` (model/consent.py, `cared`) do not enter.
    Rows that share a reference or a token are one person; a row with neither is its own.
    Raises FieldInvalid, tokens.TokenMissing, TokensCollide.
    """
    kept = sealable_rows(rows, schema, sealable)  # 1. only what may be used
    identities = {key: _identity(kept, key, tokens.get(key)) for key in schema.keys}
    refs = _references_of(kept)
    integers = kept.integers()
    by_person = Grouped(components([*identities.values(), refs], kept.count))  # 2. who is who
    order, of_row = _numbered(by_person, [*identities.values(), refs], integers)
    others: list[tuple[Bytes, Ints]] = []
    persons = _persons(
        by_person, order, schema, identities, integers, of_row, others
    )  # 3. one record for each
    del by_person, order
    sealed = SealedTables(  # 4. tables in an order that only their content decides
        persons=persons,
        events=_events(of_row, schema, integers),
        references=_references(of_row, refs, others),
    )
    return Sealed(tables=sealed, digest=content_digest(sealed))


def _identity(
    rows: Gathered, key: KeyType, given: TokenMap | Iterable[TokenMap] | None
) -> Identity:
    column = token_column(key)
    values, present = rows.fixed(column)
    ranks, places = ranked(values)
    if given is not None:  # elements that have one token are one identity
        values = taken(values, places)  # lets the rows' own go
        values = final_tokens(values, (given,) if isinstance(given, TokenMap) else given, column)
        final_ranks, places = ranked(values)
        ranks = final_ranks[ranks]
    return identity_of(ranks, taken(values, places, STORED_TOKEN_BYTES), present)


def _references_of(rows: Gathered) -> Identity:
    values, present = rows.fixed("ref")
    ranks, places = ranked(values)
    return identity_of(ranks, taken(values, places), present)


def _numbered(
    by_person: Grouped, identities: list[Identity], rows: Mapping[str, Ints]
) -> tuple[Ints, Ints]:
    """Return people in their final order (people,) and the number of each row's person (rows,).

    The least token of the first type decides, then of the next, then the least reference.
    Whoever has none of these is a single row and comes last, where the row's values decide;
    those still equal are alike in all, and any order is the same.
    """
    named = [by_person.reduced(np.minimum, identity.ranks) for identity in identities]
    order = ordering(named)
    absent = (ranks[order] == one.absent for ranks, one in zip(named, identities, strict=True))
    nameless = np.logical_and.reduce(list(absent))
    last = order[nameless]
    if len(last):
        order[nameless] = last[ordering([by_person.first(c, last) for c in rows.values()])]
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return order, by_person.by_row(number)


def _persons(
    by_person: Grouped,
    order: Ints,
    schema: DatasetSchema,
    identities: dict[KeyType, Identity],
    rows: dict[str, Ints],
    of_row: Ints,
    others: list[tuple[Bytes, Ints]],
) -> pa.Table:
    """Return the people in their order; identities and columns of rows go as they are used up.

    A person's token is the least of theirs: every owner with the same set of tokens chooses the
    same one, whichever rows they came in. What is left of them is added to `others`.
    """
    kind = persons_schema(schema)
    columns: dict[str, pa.Array] = {"person": pa.array(np.arange(len(order), dtype=np.int64))}
    for key in schema.keys:
        identity = identities.pop(key)
        least = by_person.reduced(np.minimum, identity.ranks)[order]
        columns[token_column(key)] = _stored_tokens(token_column(key), least, identity)
        others.append(_others(least, identity, of_row))
    for name in kind.names:
        if name not in columns:
            columns[name] = pa.array(_merged(by_person, name, rows.pop(name))[order])
    return pa.table([columns[f.name] for f in kind], schema=kind)


def _merged(by_person: Grouped, name: str, column: Ints) -> Ints:
    """Return people's column: the arm all agree on, the narrowest consent, the smallest code."""
    if name == "arm":
        return by_person.agreed(column, NO_ARM)
    if name == "purposes":
        return _purposes(by_person, column)
    return by_person.reduced(np.maximum if name == "consent_at" else np.minimum, column)


def _purposes(by_person: Grouped, column: Ints) -> Ints:
    """Return the purposes of all of a person's rows, with the marks of the bases of any."""
    marks = np.int64(ALL_MARKS)
    if not (column & marks).any():
        return by_person.reduced(np.bitwise_and, column)
    return by_person.reduced(np.bitwise_and, column ^ marks) ^ marks


def _stored_tokens(column: str, least: Ints, identity: Identity) -> pa.Array:
    present = least != identity.absent
    _check_apart(column, least[present], identity)
    stored = np.zeros((len(least), STORED_TOKEN_BYTES), dtype=np.uint8)
    stored[present] = identity.values.take(least[present], axis=0)
    buffers = [pa.array(present).buffers()[1], pa.py_buffer(stored)]
    return pa.Array.from_buffers(pa.binary(STORED_TOKEN_BYTES), len(least), buffers)


def _check_apart(column: str, least: Ints, identity: Identity) -> None:
    """Raise TokensCollide if two people's stored tokens are equal (docs/privacy-guarantee.md)."""
    chosen = np.zeros(len(identity.values), dtype=np.bool_)
    chosen[least] = True
    stored = identity.values[chosen].view(np.uint64)  # ascending, so that equal ones are adjacent
    if (stored[1:] == stored[:-1]).all(axis=1).any():
        raise TokensCollide(f"{column}: the stored tokens of two people are equal")


def _events(of_row: Ints, schema: DatasetSchema, rows: dict[str, Ints]) -> pa.Table:
    """Return one event for each row; columns of rows go as they are used up."""
    kind = events_schema(schema)
    rows["person"] = of_row
    order = ordering([rows[name] for name in kind.names])
    return pa.table([pa.array(rows.pop(f.name)[order]).cast(f.type) for f in kind], schema=kind)


def _others(least: Ints, identity: Identity, of_row: Ints) -> tuple[Bytes, Ints]:
    """Return the identity's values that are nobody's least, ascending, and whose each is."""
    of_value = np.empty(len(identity.values), dtype=np.int64)
    present = identity.present
    of_value[identity.ranks[present]] = of_row[present]
    other = np.flatnonzero(least[of_value] != np.arange(len(of_value)))
    return identity.values.take(other, axis=0), of_value[other]


def _references(of_row: Ints, refs: Identity, others: list[tuple[Bytes, Ints]]) -> pa.Table:
    """Return what leads an owner to a person beside the stored tokens: references, other tokens."""
    present = refs.present
    person = np.empty(len(refs.values), dtype=np.int64)
    person[refs.ranks[present]] = of_row[present]  # rows that share a reference are one person
    values = np.concatenate([refs.values, *(found for found, _ in others)])
    person = np.concatenate([person, *(whose for _, whose in others)])
    ref_type = REFERENCES_SCHEMA.field("ref").type
    ref = pa.Array.from_buffers(ref_type, len(person), [None, pa.py_buffer(values)])
    return pa.table([ref, pa.array(person)], schema=REFERENCES_SCHEMA)

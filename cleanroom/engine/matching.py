"""Who may be used, and who is paired with whom; must not know what is counted.

Stages follow the policy's priority of key types. Each stage joins the people whom no earlier
stage paired. Tokens are unique on each side, so that a stage, and so the whole, is one-to-one,
and removing one person changes the number of pairs by at most one (docs/privacy-guarantee.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from cleanroom.engine.layout import token_column
from cleanroom.engine.session import Session
from cleanroom.model.consent import Epoch
from cleanroom.model.dataset import DatasetSchema, KeyType, VersionRef
from cleanroom.ports.tables import SealedTables


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One dataset of a question: its usable people and all its events."""

    schema: DatasetSchema
    persons: ir.Table
    events: ir.Table


def side(
    session: Session, version: VersionRef, tables: SealedTables, purposes: int, epoch: Epoch
) -> Side:
    """Return a version with the people who agreed to `purposes` at the epoch."""
    persons = session.table(_with_uuids(tables.persons))
    return Side(
        schema=version.schema,
        persons=consenting(persons, purposes, epoch),
        events=session.table(tables.events),
    )


def consenting(persons: ir.Table, purposes: int, epoch: Epoch) -> ir.Table:
    """Return the people usable at the epoch: the rule of model/consent.py `Epoch`."""
    usable = persons.filter(
        (persons.purposes & purposes) == purposes,
        persons.consent_at < epoch.agreed_before_s,
        persons.consent_until >= epoch.end_s,
    )
    if epoch.agreed_from_s is None:
        return usable
    return usable.filter(usable.consent_at >= epoch.agreed_from_s)


def pairs(
    session: Session,
    left: Side,
    right: Side,
    stages: tuple[KeyType, ...],
    wanted: tuple[Mapping[str, str], Mapping[str, str]],
) -> ir.Table:
    """Return `stage` (0..K-1) and the columns that are `wanted` of either side, a row a pair.

    `wanted` gives the column of `persons` under each name to be returned.
    """
    if len(stages) == 1:  # nothing to look at again: one query from the tables to the figures
        return _joined(left.persons, right.persons, token_column(stages[0]), 0, wanted)
    numbered = {"left": "person", **wanted[0]}, {"right": "person", **wanted[1]}
    found: list[ir.Table] = []
    free_left, free_right = left.persons, right.persons
    for number, key in enumerate(stages):
        # Computed, because later stages look at it several times, and because Ibis mistakes the
        # columns of a relation that is joined again to what was made from it.
        stage = session.computed(
            _joined(free_left, free_right, token_column(key), number, numbered)
        )
        free_left = free_left.anti_join(stage, free_left.person == stage.left)
        free_right = free_right.anti_join(stage, free_right.person == stage.right)
        found.append(stage.drop("left", "right"))
    return ibis.union(*found, distinct=False)


def _joined(
    left: ir.Table,
    right: ir.Table,
    token: str,
    stage: int,
    wanted: tuple[Mapping[str, str], Mapping[str, str]],
) -> ir.Table:
    ours = left.select(left_token=token, **wanted[0])
    theirs = right.select(right_token=token, **wanted[1])
    # An absent token equals nothing, not even another absent one.
    joined = ours.join(theirs, ours.left_token == theirs.right_token)
    return joined.select(*wanted[0], *wanted[1], stage=ibis.literal(stage, "int8"))


def _with_uuids(persons: pa.Table) -> pa.Table:
    """Show 16-byte tokens to DuckDB as UUIDs, which it joins about twice as fast as blobs."""
    for index, field in enumerate(persons.schema):
        if pa.types.is_fixed_size_binary(field.type):
            chunks = [
                pa.ExtensionArray.from_storage(pa.uuid(), chunk)
                for chunk in persons.column(index).chunks
            ]
            tokens = pa.chunked_array(chunks, type=pa.uuid())
            persons = persons.set_column(index, field.name, tokens)
    return persons

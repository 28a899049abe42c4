"""Uploaded rows and sealed versions for tests, from plain records.

A record is a dict: a key type's name gives a key's text (its token is made here), `ref`, a
dimension, a filter, a count or a measure give that column, `arm`, `at`, and consent. What a
record leaves out is absent, or the usual value of `USUAL`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from cleanroom.engine.layout import (
    count_column,
    dimension_column,
    filter_column,
    measure_column,
    token_column,
    wire_schema,
)
from cleanroom.engine.sealing import seal
from cleanroom.model.allowance import Grouping
from cleanroom.model.buckets import Buckets
from cleanroom.model.dataset import (
    Bounded,
    DatasetSchema,
    Domain,
    KeyType,
    Unit,
    VersionRef,
)
from cleanroom.ports.tables import SealedTables

Record = Mapping[str, Any]

KEYS = (KeyType.EMAIL, KeyType.PHONE, KeyType.LOYALTY_ID)
EPOCH_S = 1_700_006_400  # the start of a UTC day
FOREVER_S = 2**40
USUAL: Record = {
    "arm": -1,
    "at": 0,
    "purposes": 1,
    "consent_at": 0,
    "consent_until": FOREVER_S,
}


def exposures_schema(keys: tuple[KeyType, ...] = KEYS) -> DatasetSchema:
    """Return an advertiser's dataset: arm, two dimensions, a count."""
    return DatasetSchema(
        name="exposures",
        owner="acme-brand",
        keys=keys,
        dimensions=(
            Domain(name="city", values=("ufa", "kazan", "other")),
            Domain(name="segment", values=("cooks", "other")),
        ),
        has_arm=True,
        counts=(Bounded(name="impressions", unit=Unit.COUNT, max_per_person=50),),
    )


def sales_schema(keys: tuple[KeyType, ...] = KEYS) -> DatasetSchema:
    """Return a retailer's dataset: visits in rows, then an amount; a dimension and a filter."""
    return DatasetSchema(
        name="sales",
        owner="megamart",
        keys=keys,
        dimensions=(Domain(name="tier", values=("gold", "basic")),),
        measures=(
            Bounded(name="visits", unit=Unit.ROWS, max_per_person=60),
            Bounded(name="amount", unit=Unit.MINOR, max_per_person=1_500_000),
        ),
        filters=(Domain(name="category", values=("hair-colour", "hair-care", "other")),),
        timed=True,
    )


def token(text: str) -> bytes:
    """Return a 32-byte stand-in for the final token of a key."""
    return hashlib.sha256(text.encode()).digest()


def reference(text: str) -> bytes:
    """Return a 16-byte person reference."""
    return hashlib.sha256(b"ref:" + text.encode()).digest()[:16]


def wire_rows(schema: DatasetSchema, records: Sequence[Record]) -> pa.Table:
    """Return the rows as they arrive, with final tokens."""
    kind = wire_schema(schema)
    columns = {field.name: [] for field in kind}
    for record in records:
        for name, value in _wire_row(schema, {**USUAL, **record}).items():
            columns[name].append(value)
    return pa.table([pa.array(columns[f.name], f.type) for f in kind], schema=kind)


def _wire_row(schema: DatasetSchema, record: Record) -> dict[str, Any]:
    ref = record.get("ref")
    row = {
        "ref": None if ref is None else reference(ref),
        "arm": record["arm"] if schema.has_arm else -1,
        "occurred_at": record["at"],
        **{c: record[c] for c in ("purposes", "consent_at", "consent_until")},
    }
    for key in schema.keys:
        text = record.get(key)
        row[token_column(key)] = None if text is None else token(text)
    for domain in schema.dimensions:
        row[dimension_column(domain.name)] = record.get(domain.name, 0)
    for domain in schema.filters:
        row[filter_column(domain.name)] = record.get(domain.name, 0)
    for count in schema.counts:
        row[count_column(count.name)] = record.get(count.name, 0)
    for measure in schema.measures:
        if measure.unit is not Unit.ROWS:
            row[measure_column(measure.name)] = record.get(measure.name, 0)
    return row


def sealed(
    schema: DatasetSchema, records: Sequence[Record], sealable: tuple[int, ...] = (1,)
) -> SealedTables:
    """Return the records as a sealed version."""
    return seal([wire_rows(schema, records)], schema, {}, sealable).tables


def versions(*schemas: DatasetSchema) -> tuple[VersionRef, ...]:
    """Return a version of each dataset, named after it."""
    return tuple(VersionRef(version=schema.name, schema=schema) for schema in schemas)


def grouping(schema: DatasetSchema, name: str) -> Grouping:
    """Return a `by` dimension as the policy resolves it."""
    domain = schema.dimension(name)
    assert domain is not None
    return Grouping(dataset=schema.name, domain=domain)


def bucket_grouping(schema: DatasetSchema, name: str, **rule: Any) -> Grouping:
    """Return a `by` dimension cut by buckets of those `edges`, as the policy resolves it."""
    buckets = Buckets(dimension=f"{schema.name}.{name}", **rule)
    values = tuple(f"bucket {i}" for i in range(len(buckets.edges) + 1))
    domain = Domain(name=name, values=values)
    return Grouping(dataset=schema.name, domain=domain, buckets=buckets)

"""The columns of uploaded rows and of sealed tables; must not know how either is made.

| table | column | type | meaning |
|---|---|---|---|
| persons | `person` | int64 | 0..n-1, each once |
| | `tok_<key type>` | 16 bytes, nullable | first half of the person's token, unique |
| | `dim_<name>` | int16 | position in the declared domain |
| | `arm` | int8 | 1 test, 0 control, -1 none or contradicted |
| | `purposes`, `consent_at`, `consent_until` | int64 | see model/consent.py |
| events | `person` | int64 | whose event it is; one row for each row that entered |
| | `count_<name>`, `measure_<name>` | int64 | a measure in `rows` is 1 |
| | `filter_<name>` | int16 | position in the declared domain |
| | `occurred_at` | int64 | unix seconds; 0 where the dataset is not timed |
| references | `ref` | 16 bytes | what else leads its owner to a person: their own reference, or the first half of a token that is not the person's least |
| | `person` | int64 | that person |
"""

from __future__ import annotations

import pyarrow as pa

from cleanroom.model.dataset import DatasetSchema, KeyType, Unit

NO_ARM, CONTROL, TEST = -1, 0, 1
TOKEN_BYTES = 32
# Two of n different tokens share their first 128 bits with odds below n^2 / 2^129: 3e-25 for the
# 2*10^7 of two sides of ten million. Within a version that is checked at sealing; between two
# versions it would be one false pair, which nobody could see.
STORED_TOKEN_BYTES = 16

CONSENT_COLUMNS = ("purposes", "consent_at", "consent_until")

_CODE = pa.int16()
_ARM = pa.int8()
_REF = pa.binary(16)

REFERENCES_SCHEMA = pa.schema(
    [pa.field("ref", _REF, nullable=False), pa.field("person", pa.int64(), nullable=False)]
)


def token_column(key: KeyType) -> str:
    """Return the column of a key type's tokens."""
    return f"tok_{key}"


def dimension_column(name: str) -> str:
    """Return the column of a dimension's codes."""
    return f"dim_{name}"


def measure_column(name: str) -> str:
    """Return the column of a measure's amounts."""
    return f"measure_{name}"


def count_column(name: str) -> str:
    """Return the column of a count."""
    return f"count_{name}"


def filter_column(name: str) -> str:
    """Return the column of an event filter's codes."""
    return f"filter_{name}"


def wire_schema(schema: DatasetSchema) -> pa.Schema:
    """Return the columns of uploaded rows.

    `ref` and tokens (fixed_size_binary[32], blinded or final) may be null or left out; `arm` and
    `occurred_at` may where the dataset declares no arm or time; nothing else may.
    A measure in `rows` has no column.
    """
    uploaded = [m for m in schema.measures if m.unit is not Unit.ROWS]
    return pa.schema(
        [
            pa.field("ref", _REF),
            *(pa.field(token_column(k), pa.binary(TOKEN_BYTES)) for k in schema.keys),
            *(_required(dimension_column(d.name), _CODE) for d in schema.dimensions),
            pa.field("arm", _ARM, nullable=not schema.has_arm),
            *(_required(count_column(c.name)) for c in schema.counts),
            *(_required(measure_column(m.name)) for m in uploaded),
            *(_required(filter_column(f.name), _CODE) for f in schema.filters),
            pa.field("occurred_at", pa.int64(), nullable=not schema.timed),
            *(_required(c) for c in CONSENT_COLUMNS),
        ]
    )


def persons_schema(schema: DatasetSchema) -> pa.Schema:
    """Return the columns of a sealed version's people, one row each."""
    return pa.schema(
        [
            _required("person"),
            *(pa.field(token_column(k), pa.binary(STORED_TOKEN_BYTES)) for k in schema.keys),
            *(_required(dimension_column(d.name), _CODE) for d in schema.dimensions),
            _required("arm", _ARM),
            *(_required(c) for c in CONSENT_COLUMNS),
        ]
    )


def events_schema(schema: DatasetSchema) -> pa.Schema:
    """Return the columns of a sealed version's events, one row for each row that entered."""
    return pa.schema(
        [
            _required("person"),
            *(_required(count_column(c.name)) for c in schema.counts),
            *(_required(measure_column(m.name)) for m in schema.measures),
            *(_required(filter_column(f.name), _CODE) for f in schema.filters),
            _required("occurred_at"),
        ]
    )


def _required(name: str, kind: pa.DataType = pa.int64()) -> pa.Field:  # noqa: B008 - immutable
    return pa.field(name, kind, nullable=False)

"""The columns as they travel to the service; knows nothing of how a partner's file looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from cleanroom_client.arrow_items import spread
from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.packed import Packed
from cleanroom_client.tables.spec import DatasetSpec

REF_BYTES, TOKEN_BYTES = 16, 32
ARM_CONTROL, ARM_TEST, ARM_NONE = 0, 1, -1


def token_column(key_type: KeyType) -> str:
    """Return the name of the token column of `key_type`."""
    return f"tok_{key_type}"


def wire_schema(spec: DatasetSpec) -> pa.Schema:
    """Return the exact Arrow schema of a dataset's batches on the wire.

    Only `ref` and the tokens may be null. A measure of unit `rows` has no column.
    """
    return pa.schema(list(_fields(spec)))


def _fields(spec: DatasetSpec) -> Iterator[pa.Field]:
    yield pa.field("ref", pa.binary(REF_BYTES))
    for key_type in spec.keys:
        yield pa.field(token_column(key_type), pa.binary(TOKEN_BYTES))
    for name in spec.dimensions:
        yield pa.field(f"dim_{name}", pa.int16(), nullable=False)
    if spec.arm is not None:
        yield pa.field("arm", pa.int8(), nullable=False)
    for name in spec.counts:
        yield pa.field(f"count_{name}", pa.int64(), nullable=False)
    for name in spec.uploaded_measures():
        yield pa.field(f"measure_{name}", pa.int64(), nullable=False)
    for name in spec.event_filters:
        yield pa.field(f"filter_{name}", pa.int16(), nullable=False)
    for name in ("occurred_at", "purposes", "consent_at", "consent_until"):
        yield pa.field(name, pa.int64(), nullable=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows of a dataset: the wire table, its tokens still null, and the identities for them.

    `identities[key_type]` has one entry per row of `table`: 32 bytes, or null without that key.
    Identities never leave the party: `with_tokens` makes what is sent.
    """

    table: pa.Table
    identities: Mapping[KeyType, pa.FixedSizeBinaryArray] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse identities that do not go with the rows."""
        if any(len(column) != self.table.num_rows for column in self.identities.values()):
            raise ValueError("each key type needs one identity or null per row")

    def with_tokens(self, tokens: Mapping[KeyType, Packed]) -> pa.Table:
        """Return the table with its tokens: one per identity that is not null, packed, in order.

        Raises ValueError where there are not as many as that.
        """
        table = self.table
        for key_type, identities in self.identities.items():
            column = spread(tokens[key_type], identities)
            at = table.schema.get_field_index(token_column(key_type))
            table = table.set_column(at, table.schema.field(at), column)
        return table

"""A partner's file or DataFrame as checked batches in the wire schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanroom_client.lazily import fetcher

# Arrow and phone numbers take half of a command's start, and most commands do without.
if TYPE_CHECKING:
    from cleanroom_client.tables.errors import BadInput
    from cleanroom_client.tables.reader import BATCH_ROWS, TableReader
    from cleanroom_client.tables.report import UploadReport
    from cleanroom_client.tables.schema import Batch, token_column, wire_schema
    from cleanroom_client.tables.sources import Tabular
    from cleanroom_client.tables.spec import PURPOSES, ArmSpec, DatasetSpec, Unit

__all__ = [
    "BATCH_ROWS",
    "PURPOSES",
    "ArmSpec",
    "BadInput",
    "Batch",
    "DatasetSpec",
    "TableReader",
    "Tabular",
    "Unit",
    "UploadReport",
    "token_column",
    "wire_schema",
]

__getattr__ = fetcher(
    __name__,
    {
        "ArmSpec": "spec",
        "BATCH_ROWS": "reader",
        "BadInput": "errors",
        "Batch": "schema",
        "DatasetSpec": "spec",
        "PURPOSES": "spec",
        "TableReader": "reader",
        "Tabular": "sources",
        "Unit": "spec",
        "UploadReport": "report",
        "token_column": "schema",
        "wire_schema": "schema",
    },
)

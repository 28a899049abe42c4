"""The digest of a partner's table, so that the same table finds its own upload again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from cleanroom_client.tables.csv_source import CsvSource
from cleanroom_client.tables.sources import Tabular, open_source

_BATCH_ROWS = 10_000


def content_digest(table: Tabular, delimiter: str) -> bytes:
    """Return 32 bytes that are equal for equal content.

    A CSV file is its bytes, hashed in one pass before anything else (1 GB takes a second or two);
    anything else its headers and values as text, so that a DataFrame has a digest too.
    Raises BadInput.
    """
    source = open_source(table, delimiter)
    if isinstance(table, Path) and isinstance(source, CsvSource):
        return _digest_of_file(table)
    digest = hashlib.sha256(b"cleanroom-table/v1\0")
    _add(digest, _as_array(source.headers))
    for batch in source.batches(_BATCH_ROWS):
        for column in batch.columns:
            _add(digest, column)
    return digest.digest()


def _digest_of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _as_array(texts: Sequence[str]) -> pa.Array:
    # A header of a DataFrame may hold what UTF-8 cannot: it is hashed all the same.
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return pa.array(encoded, pa.binary())


def _add(digest: hashlib._Hash, column: pa.Array) -> None:
    """Hash the number of texts, their lengths and their bytes; nothing else reads alike.

    The texts are a string or binary array without nulls.
    """
    digest.update(len(column).to_bytes(8))
    if not len(column):
        return
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1]
    digest.update(np.diff(bounds).astype(">u4").tobytes())
    if data is not None:
        digest.update(memoryview(data)[int(bounds[0]) : int(bounds[-1])])

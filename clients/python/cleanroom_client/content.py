"""The digest of a partner's table, so that the same table finds its own upload again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cleanroom_client.tables.sources import CsvSource, Tabular, open_source

_BATCH_ROWS = 10_000


def content_digest(table: Tabular, delimiter: str) -> bytes:
    """Return 32 bytes that are equal for equal content.

    A CSV file is its bytes; anything else its headers and values as text, so that a DataFrame
    has a digest too. Raises BadInput.
    """
    source = open_source(table, delimiter)
    if isinstance(table, Path) and isinstance(source, CsvSource):
        return _digest_of_file(table)
    digest = hashlib.sha256(b"cleanroom-table/v1\0")
    _add(digest, list(source.headers))
    for batch in source.batches(_BATCH_ROWS):
        for column in batch.columns:
            _add(digest, column.to_pylist())
    return digest.digest()


def _digest_of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _add(digest: hashlib._Hash, texts: list[str | None]) -> None:
    """Hash the number of texts, their lengths and their characters; nothing else reads alike."""
    encoded = [(text or "").encode("utf-8", "surrogatepass") for text in texts]
    lengths = b"".join(len(text).to_bytes(4) for text in encoded)
    digest.update(len(encoded).to_bytes(8) + lengths + b"".join(encoded))

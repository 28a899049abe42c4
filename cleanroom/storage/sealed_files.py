"""A version's three tables as encrypted Parquet files and their one digest; knows no master key.

Parquet modular encryption, AES_GCM_V1: footers and pages are authenticated, and each file is bound
to its version and place by an AAD prefix that the file itself does not hold.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

from cleanroom.ports.tables import SealedTables
from cleanroom.ports.vault import VaultDamaged
from cleanroom.storage.files import sync

TABLES: Final = ("persons", "events", "references")
_DOMAIN: Final = "cleanroom-version/v1"
_NUMBER: Final = "person"
_PAGE_BYTES: Final = 1 << 20
_PAGE_ROWS: Final = 1 << 17  # what 8-byte values make of a page


def write_tables(folder: Path, version: str, tables: SealedTables, data_key: bytes) -> str:
    """Write and flush the three files; return their digest (see `digest_of`)."""
    for name in TABLES:
        path = _file(folder, name)
        properties = encryption.create_encryption_properties(
            data_key, aad_prefix=_aad(version, name), store_aad_prefix=False, plaintext_footer=False
        )
        table = getattr(tables, name)
        pq.write_table(table, path, encryption_properties=properties, **_encoding(table.schema))
        path.chmod(0o600)
        sync(path)
    return digest_of(folder, version)


def read_tables(folder: Path, version: str, file_digest: str, data_key: bytes) -> SealedTables:
    """Check the digest, then decrypt; raises VaultDamaged naming the version.

    The digest comes first because an answer from footer statistics would touch no page.
    """
    where = f"version {version}"
    try:
        found = digest_of(folder, version)
    except FileNotFoundError as error:
        raise VaultDamaged(f"{where} lacks {Path(error.filename).name}") from None
    if found != file_digest:
        raise VaultDamaged(f"the files of {where} are not those that were sealed")
    try:
        return SealedTables(**{name: _read(folder, version, name, data_key) for name in TABLES})
    except (pa.ArrowException, OSError) as error:
        raise VaultDamaged(f"the files of {where} cannot be decrypted") from error


def digest_of(folder: Path, version: str) -> str:
    """Return hex SHA-256 over domain, version, and each file's name and SHA-256, in fixed order."""
    whole = hashlib.sha256(_aad(version, "files"))
    for name in TABLES:
        with _file(folder, name).open("rb") as file:
            part = hashlib.file_digest(file, "sha256").digest()
        whole.update(name.encode() + b"\0" + part)
    return whole.hexdigest()


def _encoding(schema: pa.Schema) -> dict[str, Any]:
    """Return how the columns are written, so that nobody tries in vain what cannot make them small.

    Tokens and references are random bytes, and people are numbered, mostly in order. All others
    have few values. Statistics would be read by nobody: every answer reads all of a column.
    """
    random = [f.name for f in schema if pa.types.is_fixed_size_binary(f.type)]
    others = [name for name in schema.names if name not in (*random, _NUMBER)]
    return {
        "data_page_version": "1.0",
        "data_page_size": _PAGE_BYTES,
        "max_rows_per_page": _PAGE_ROWS,
        "write_statistics": False,
        "use_dictionary": others,
        "compression": {name: "snappy" if name in others else "none" for name in schema.names},
        "column_encoding": {
            name: "DELTA_BINARY_PACKED" for name in schema.names if name == _NUMBER
        },
    }


def _read(folder: Path, version: str, name: str, key: bytes) -> pa.Table:
    properties = encryption.create_decryption_properties(key, aad_prefix=_aad(version, name))
    with pq.ParquetFile(_file(folder, name), decryption_properties=properties) as file:
        return file.read()


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _aad(version: str, name: str) -> bytes:
    return f"{_DOMAIN}\0{version}\0{name}\0".encode()

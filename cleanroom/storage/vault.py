"""Uploads and versions as encrypted files, one data key each; must not know what is in them.

    <root>/uploads/<upload>/data.key, <blob>..., <run>...
    <root>/versions/<version>/data.key, persons.parquet, events.parquet, references.parquet,
                              <blob>...

Without its `data.key` a folder is noise: deleting that file erases the rest.
Does not detect an older blob put back under its own name; versions are held by their digest.
Does not overwrite deleted keys on the disk: the root belongs on an encrypted volume.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from cleanroom.ports.environment import Entropy
from cleanroom.ports.tables import SealedTables
from cleanroom.ports.vault import VaultDamaged
from cleanroom.storage.buffers import Buffers
from cleanroom.storage.files import (
    UNFINISHED,
    checked_name,
    create_file,
    is_name,
    make_folder,
    place_files,
    remove_folder,
    remove_unfinished,
    removed_on_error,
    sync,
    write_new,
)
from cleanroom.storage.keys import KEY_BYTES, Sealer, key_wrapper
from cleanroom.storage.runs import FileRun, read_run
from cleanroom.storage.sealed_files import read_tables, write_tables

_BLOB_HEADER: Final = b"cleanroom-vault-blob/v1\0"
_ITEM_HEADER: Final = b"cleanroom-vault-item/v1\0"
_KEY: Final = "data.key"
_GROUP_BLOBS, _GROUP_BYTES = 64, 8 << 20  # held and flushed together, about


class FileVault:
    """The `Vault` port on a local folder; any number of threads of one process."""

    __slots__ = ("_buffers", "_entropy", "_making", "_uploads", "_versions", "_wrapper")

    def __init__(self, root: Path, master_key: bytes, entropy: Entropy) -> None:
        """Open or make the folder; `master_key` is 32 bytes, see keys.load_master_key."""
        self._uploads, self._versions = root / "uploads", root / "versions"
        self._entropy = entropy
        self._wrapper = key_wrapper(master_key, entropy)
        self._making = threading.Lock()
        self._buffers = Buffers()
        for folder in (self._uploads, self._versions):
            make_folder(folder)
            # Repairs a crash between making a name in it and flushing that name.
            sync(folder)

    def put_blob(self, upload: str, name: str, data: bytes) -> None:
        """Keep a blob of an upload; the same name again replaces it atomically.

        Raises ValueError for an upload or name that cannot be a file's name.
        """
        self.put_blobs(upload, [(name, data)])

    def put_blobs(self, upload: str, blobs: Iterable[tuple[str, bytes]]) -> None:
        """Keep blobs (name, data) of an upload in order; each replaces its name atomically.

        Raises ValueError for an upload or name that cannot be a file's name, and what `blobs`
        raises; those before are then whole, but perhaps not durable.
        """
        folder = self._uploads / checked_name(upload)
        for group in _groups(blobs):
            files = [(folder / checked_name(name), name, data) for name, data in group]
            sealer = self._blob_sealer(self._key_for_writing(folder, upload))
            sealed = [(p, sealer.seal_parts(data, _context(upload, n))) for p, n, data in files]
            place_files(sealed, self._unique)
            # A crash before this leaves some of the new files or the old ones, whole; the caller
            # was not told.
            sync(folder)

    def begin_run(self, upload: str) -> FileRun:
        """Return a new run of an upload; raises ValueError for one that cannot be a file's name."""
        folder = self._uploads / checked_name(upload)
        sealer = self._item_sealer(self._key_for_writing(folder, upload))
        path = folder / (UNFINISHED + self._unique())
        return FileRun(path, sealer, _items_of(upload), self._buffers)

    def read_run(self, upload: str, name: str) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield number, note and data of each item; raises KeyError when there is none, VaultDamaged."""
        folder, file = self._uploads / checked_name(upload), checked_name(name)
        where = f"run {name} of upload {upload}"
        sealer = self._item_sealer(self._read_key(folder, "upload", upload))
        return read_run(folder / file, sealer, _items_of(upload), where)

    def get_blob(self, upload: str, name: str) -> bytes:
        """Return a blob; raises KeyError when there is none, VaultDamaged when it was changed."""
        folder, file = self._uploads / checked_name(upload), checked_name(name)
        where = f"blob {name} of upload {upload}"
        key = self._read_key(folder, "upload", upload)
        return self._open_blob(folder / file, key, _context(upload, name), where)

    def has_blob(self, upload: str, name: str) -> bool:
        """Return whether a blob was kept under the name and its upload is not erased."""
        folder, file = self._uploads / checked_name(upload), checked_name(name)
        return (folder / _KEY).is_file() and (folder / file).is_file()

    def erase_upload(self, upload: str) -> None:
        """Delete an upload's data key, then its blobs; nothing to erase is fine."""
        _erase(self._uploads / checked_name(upload))

    def put_version(
        self, version: str, tables: SealedTables, blobs: Iterable[tuple[str, bytes]] = ()
    ) -> str:
        """Write a version's encrypted files; return the hex SHA-256 over its tables.

        Raises FileExistsError when the version exists: it is immutable until it is erased.
        """
        final = self._versions / checked_name(version)
        if final.exists():
            raise FileExistsError(f"version {version} is already in the vault")
        # A crash before the rename leaves an unfinished folder, which the next start sweeps.
        unfinished = self._versions / (UNFINISHED + self._unique())
        unfinished.mkdir(mode=0o700)
        with removed_on_error(unfinished):
            digest = self._write_version(unfinished, version, tables, blobs)
            unfinished.rename(final)
        # A crash from here on leaves a whole version without a row: fsck notes it, and sealing
        # starts again under a new id.
        sync(self._versions)
        return digest

    def get_version(self, version: str, file_digest: str) -> SealedTables:
        """Check the digest, then decrypt; raises VaultDamaged, or KeyError without a data key."""
        folder = self._versions / checked_name(version)
        key = self._read_key(folder, "version", version)
        return read_tables(folder, version, file_digest, key)

    def get_version_blob(self, version: str, name: str) -> bytes:
        """Return a blob of a version; raises KeyError when there is none, VaultDamaged."""
        folder, file = self._versions / checked_name(version), checked_name(name)
        where = f"blob {name} of version {version}"
        key = self._read_key(folder, "version", version)
        return self._open_blob(
            folder / file, _version_blob_key(key), _context(version, name), where
        )

    def version_blobs(self, version: str) -> tuple[str, ...]:
        """Return the names of a version's blobs, sorted; none of an erased one."""
        folder = self._versions / checked_name(version)
        if not (folder / _KEY).is_file():
            return ()
        return tuple(sorted(p.name for p in folder.iterdir() if is_name(p.name)))

    def erase_version(self, version: str) -> None:
        """Delete a version's data key, then its files; nothing to erase is fine."""
        _erase(self._versions / checked_name(version))

    def inventory(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids of uploads and of versions that have a data key, sorted."""
        return _ids_in(self._uploads), _ids_in(self._versions)

    def sweep(self) -> int:
        """Remove what crashes left unfinished; return how much. Requires: nobody is writing."""
        folders = [self._uploads, self._versions, *self._uploads.iterdir()]
        return sum(remove_unfinished(folder) for folder in folders if folder.is_dir())

    def _write_version(
        self,
        folder: Path,
        version: str,
        tables: SealedTables,
        blobs: Iterable[tuple[str, bytes]],
    ) -> str:
        key = self._entropy.token_bytes(KEY_BYTES)
        write_new(folder / _KEY, self._wrapper.seal(key, _context("version", version)))
        digest = write_tables(folder, version, tables, key)
        sealer = self._blob_sealer(_version_blob_key(key))
        for name, data in blobs:
            write_new(folder / checked_name(name), sealer.seal(data, _context(version, name)))
        sync(folder)
        return digest

    def _key_for_writing(self, folder: Path, upload: str) -> bytes:
        # One maker at a time: whoever finds a key here finds it durable.
        with self._making:
            if not (folder / _KEY).exists():
                make_folder(folder)
                key = self._entropy.token_bytes(KEY_BYTES)
                wrapped = self._wrapper.seal(key, _context("upload", upload))
                # A crash before it leaves an empty folder, after it a key without blobs; the
                # upload's next chunk goes on from either, and fsck notes one without a row.
                create_file(folder / _KEY, wrapped, self._unique())
        return self._read_key(folder, "upload", upload)

    def _read_key(self, folder: Path, kind: str, name: str) -> bytes:
        where = f"the data key of {kind} {name}"
        try:
            wrapped = (folder / _KEY).read_bytes()
        except FileNotFoundError:
            raise KeyError(f"{where} is not in the vault") from None
        key = self._wrapper.open(wrapped, _context(kind, name), where)
        if len(key) != KEY_BYTES:
            raise VaultDamaged(f"{where} has another length")
        return key

    def _open_blob(self, path: Path, key: bytes, context: bytes, where: str) -> bytes:
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            raise KeyError(f"there is no {where}") from None
        return self._blob_sealer(key).open(sealed, context, where)

    def _blob_sealer(self, key: bytes) -> Sealer:
        return Sealer(key, _BLOB_HEADER, self._entropy)

    def _item_sealer(self, key: bytes) -> Sealer:
        return Sealer(key, _ITEM_HEADER, self._entropy)

    def _unique(self) -> str:
        return self._entropy.token_bytes(8).hex()


def _groups(blobs: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    size = 0
    for name, data in blobs:
        group.append((name, data))
        size += len(data)
        if len(group) == _GROUP_BLOBS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _version_blob_key(key: bytes) -> bytes:
    """Return the key of a version's blobs: Parquet uses the version's own in its own way."""
    return hmac.digest(key, b"cleanroom-version-blobs/v1\0", "sha256")


def _context(kind: str, name: str) -> bytes:
    return f"{kind}\0{name}".encode()


def _items_of(upload: str) -> Callable[[int], bytes]:
    return lambda number: _context(upload, str(number))


def _ids_in(folder: Path) -> tuple[str, ...]:
    found = (path for path in folder.iterdir() if not path.name.startswith(UNFINISHED))
    return tuple(sorted(path.name for path in found if (path / _KEY).is_file()))


def _erase(folder: Path) -> None:
    if folder.is_dir():
        (folder / _KEY).unlink(missing_ok=True)
        # From here on the content is gone, whatever happens; a crash leaves files without a
        # key, which erasing again removes.
        sync(folder)
    remove_folder(folder)

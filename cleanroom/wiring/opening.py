"""Opens what a configuration names: database, vault, log key; must not load engines or gRPC."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cleanroom.audit.note import Ed25519Signer
from cleanroom.config import Config, Log
from cleanroom.ports.environment import Entropy
from cleanroom.storage.files import make_folder
from cleanroom.storage.keys import load_master_key
from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.vault import FileVault
from cleanroom.wiring.errors import CannotServe


def open_store(config: Config) -> SqlStore:
    """Open the database, making it if there is none; raises StoreUnusable."""
    make_folder(config.data)
    return SqlStore(config.database)


def open_existing_store(config: Config) -> SqlStore:
    """Open the database of a service that has run before; raises CannotServe, StoreUnusable."""
    if not config.database.is_file():
        raise CannotServe(f"{config.database}: there is no database yet: start the service first")
    return SqlStore(config.database)


def open_vault(config: Config, entropy: Entropy) -> FileVault:
    """Open the vault under the master key; raises CannotServe, MasterKeyRefused."""
    try:
        master_key = load_master_key(config.master_key)
    except OSError as error:
        raise _unreadable(config.master_key, "the master key", error) from None
    return FileVault(config.vault, master_key, entropy)


def load_signer(log: Log) -> Ed25519Signer:
    """Return the log's signer; raises CannotServe for a key that is open to others or not one."""
    try:
        mode, pem = stat.S_IMODE(log.key.stat().st_mode), log.key.read_bytes()
    except OSError as error:
        raise _unreadable(log.key, "the log's key", error) from None
    if mode & 0o077:
        raise CannotServe(f"{log.key} may be used by others: chmod 600 it")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotServe(f"{log.key}: expected an unencrypted Ed25519 private key in PEM")
    return Ed25519Signer(name=log.name, key=key)


def _unreadable(path: Path, what: str, error: OSError) -> CannotServe:
    return CannotServe(f"{path}: {what} cannot be read: {error.strerror}")

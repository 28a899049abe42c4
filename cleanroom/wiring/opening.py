"""Opens what a configuration names: database, vault, log key; must not load engines or gRPC."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cleanroom.audit.note import Ed25519Signer, NoteVerifier, verifier_of
from cleanroom.config import Config, Log
from cleanroom.ports.environment import Entropy
from cleanroom.storage.checkpoints import CheckpointFiles
from cleanroom.storage.files import make_folder, write_new
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


def load_signers(log: Log) -> tuple[Ed25519Signer, ...]:
    """Return the log's signers, the current one first, then the one before while it signs too.

    Raises CannotServe for a key that is open to others or not one.
    """
    keys = (log.key,) if log.previous_key is None else (log.key, log.previous_key)
    signers = tuple(_load_signer(log.name, key) for key in keys)
    if len({signer.public_key for signer in signers}) != len(signers):
        raise CannotServe(f"{log.previous_key}: `key` and `previous_key` are the same key")
    return signers


def log_keys(log: Log) -> tuple[NoteVerifier, ...]:
    """Return the log's verifier keys, the current one first; raises CannotServe."""
    return tuple(verifier_of(signer) for signer in load_signers(log))


def open_remembered(config: Config, entropy: Entropy) -> CheckpointFiles:
    """Return the checkpoints that were shown, beside the database."""
    return CheckpointFiles(config.data, lambda: entropy.token_bytes(8).hex())


def create_log_key(name: str, path: Path) -> Ed25519Signer:
    """Write a fresh key of a log (PEM, mode 0600); raises OSError, leaving a file that is there."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_new(path, pem)
    return Ed25519Signer(name=name, key=key)


def _load_signer(name: str, path: Path) -> Ed25519Signer:
    try:
        mode, pem = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except OSError as error:
        raise _unreadable(path, "the log's key", error) from None
    if mode & 0o077:
        raise CannotServe(f"{path} may be used by others: chmod 600 it")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotServe(f"{path}: expected an unencrypted Ed25519 private key in PEM")
    return Ed25519Signer(name=name, key=key)


def _unreadable(path: Path, what: str, error: OSError) -> CannotServe:
    return CannotServe(f"{path}: {what} cannot be read: {error.strerror}")

"""A witness's folder: its key, the logs it watches, and its memory; must not know HTTP.

witness.key   its Ed25519 key (PEM, mode 0600)
witness.vkey  its verifier key, to be given to logs and readers
logs.vkey     the verifier keys of the logs it watches, a line each
state.json    the largest tree cosigned of each log; never to be lost or put back
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cleanroom.audit.cosignature import witness_key_of
from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import Ed25519Signer, NoteVerifier
from cleanroom.witness.state import WitnessUnusable, create_state


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessFolder:
    """The paths of a witness."""

    root: Path

    @property
    def key(self) -> Path:
        """The private key."""
        return self.root / "witness.key"

    @property
    def public(self) -> Path:
        """The witness's name and verifier key."""
        return self.root / "witness.vkey"

    @property
    def logs(self) -> Path:
        """The verifier keys of the logs it watches."""
        return self.root / "logs.vkey"

    @property
    def state(self) -> Path:
        """Its memory."""
        return self.root / "state.json"


def create_witness(root: Path, name: str, log_keys: str) -> str:
    """Make a witness's folder; return its verifier key as text.

    Raises NoteInvalid for a name or log keys that cannot be, WitnessUnusable for a folder that is
    in use already.
    """
    signer = Ed25519Signer(name=name, key=Ed25519PrivateKey.generate())
    parse_logs(log_keys)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise WitnessUnusable(f"{root} is not an empty folder: name a new one")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder, public = WitnessFolder(root=root), witness_key_of(signer).text
    _write(folder.key, signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _write(folder.public, f"{public}\n".encode())
    _write(folder.logs, "".join(f"{line}\n" for line in log_keys.split()).encode())
    # The last: without it the folder is no witness, whatever else a crash left.
    create_state(folder.state)
    return public


def load_signer(folder: WitnessFolder) -> Ed25519Signer:
    """Return the witness's signer under the name in its verifier key; raises WitnessUnusable."""
    try:
        mode, pem = stat.S_IMODE(folder.key.stat().st_mode), folder.key.read_bytes()
        stated = folder.public.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WitnessUnusable(f"{error.filename}: {error.strerror}") from None
    if mode & 0o077:
        raise WitnessUnusable(f"{folder.key} may be used by others: chmod 600 it")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise WitnessUnusable(f"{folder.key}: expected an unencrypted Ed25519 private key in PEM")
    signer = Ed25519Signer(name=stated.partition("+")[0], key=key)
    if witness_key_of(signer).text != stated:
        raise WitnessUnusable(f"{folder.public} is not the verifier key of {folder.key}")
    return signer


def load_logs(folder: WitnessFolder) -> Mapping[str, tuple[NoteVerifier, ...]]:
    """Return the keys of the logs it watches, by origin; raises WitnessUnusable."""
    try:
        return parse_logs(folder.logs.read_text(encoding="utf-8"))
    except OSError as error:
        raise WitnessUnusable(f"{folder.logs}: {error.strerror}") from None
    except (NoteInvalid, UnicodeDecodeError) as error:
        raise WitnessUnusable(f"{folder.logs}: {error}") from None


def parse_logs(text: str) -> Mapping[str, tuple[NoteVerifier, ...]]:
    """Return the verifier keys of logs, a line each, by origin; raises NoteInvalid.

    Two keys of one name belong to a log whose key is being replaced.
    """
    logs: dict[str, tuple[NoteVerifier, ...]] = {}
    for line in text.split():
        key = NoteVerifier.parse(line)
        logs[key.name] = (*logs.get(key.name, ()), key)
    if not logs:
        raise NoteInvalid(why="expected the verifier keys of logs, a line each")
    return logs


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

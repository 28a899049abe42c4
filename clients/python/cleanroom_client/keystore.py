"""One file with a profile's secrets, per collaboration; knows no policy, service or prompt.

The file is JSON with a version, readable by its owner only. With a passphrase its secrets are
sealed by AES-256-GCM under a key from scrypt (RFC 7914); without one, mode 0600 is all there is.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cleanroom_client.blinding.secret import BlindingKey, Entropy, PersonKey, SharedKey

VERSION = "cleanroom-keystore/v1"
FILE_NAME = "keystore.json"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1  # 32 MiB and about 0.1 s a guess
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32
_DIGEST_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_Document = dict[str, dict[str, str]]


class KeystoreError(Exception):
    """Base of what may be wrong with a keystore: names the file, never its contents."""

    sentence = "{path}: the keystore cannot be used"

    def __init__(self, path: Path) -> None:
        """Keep the path."""
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Return one sentence that says what to do."""
        return self.sentence.format(path=self.path)


class KeystoreMissing(KeystoreError):
    """There is no such file."""

    sentence = "{path}: there is no keystore here: run 'accept' first, or restore it from a backup"


class KeystoreExists(KeystoreError):
    """Creating would overwrite secrets that cannot be made again."""

    sentence = "{path}: a keystore is here already and is not overwritten"


class KeystoreExposed(KeystoreError):
    """Other users of the machine may read the file."""

    sentence = "{path}: the keystore is open to other users: run 'chmod 600 {path}'"


class KeystoreUnreadable(KeystoreError):
    """The system does not let us read the file."""

    sentence = "{path}: the keystore cannot be read: is it a file of yours?"


class KeystoreDamaged(KeystoreError):
    """The file is not a keystore of a known version."""

    sentence = "{path}: the keystore is damaged or of another version: restore it from a backup"


class PassphraseNeeded(KeystoreError):
    """The file is sealed and no passphrase was given."""

    sentence = "{path}: the keystore is sealed: set CLEANROOM_PASSPHRASE or enter the passphrase"


class PassphraseWrong(KeystoreError):
    """The passphrase does not open the file, or the sealed part was altered."""

    sentence = "{path}: the passphrase does not open the keystore"


class PassphraseUnused(KeystoreError):
    """A passphrase was given for a file that is not sealed; going on would mislead."""

    sentence = "{path}: a passphrase was given, but the keystore is not sealed by one"


class SecretsMissing(KeystoreError):
    """The keystore holds nothing for the collaboration."""

    sentence = "{path}: the keystore holds no secrets for this collaboration yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What one party holds for one collaboration; shows nothing when printed.

    `accepted` are the digests of the policies that it accepted, 32 bytes each.
    """

    blinding: BlindingKey = field(repr=False)
    person: PersonKey = field(repr=False)
    hpke: X25519PrivateKey = field(repr=False)
    shared: SharedKey | None = field(default=None, repr=False)
    accepted: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """Return fresh secrets without a shared key, from three draws of 32 bytes."""
        return cls(
            blinding=BlindingKey.generate(entropy),
            person=PersonKey.generate(entropy),
            hpke=X25519PrivateKey.from_private_bytes(entropy(_KEY_BYTES)),
        )

    def to_document(self) -> dict[str, str]:
        """Return the secrets in base64 by name, for the file alone."""
        raw = {
            "blinding": self.blinding.reveal_to_keystore(),
            "person": self.person.reveal_to_keystore(),
            "hpke": self.hpke.private_bytes_raw(),
        }
        if self.shared is not None:
            raw["shared"] = self.shared.reveal_to_keystore()
        if self.accepted:
            raw["accepted"] = b"".join(self.accepted)
        return {name: _b64(value) for name, value in raw.items()}

    @classmethod
    def from_document(cls, document: Mapping[str, str]) -> Self:
        """Inverse of `to_document`; raises ValueError, TypeError or KeyError."""
        raw = {name: _unb64(value) for name, value in document.items()}
        shared, accepted = raw.pop("shared", None), raw.pop("accepted", b"")
        secrets = cls(
            blinding=BlindingKey(raw.pop("blinding")),
            person=PersonKey(raw.pop("person")),
            hpke=X25519PrivateKey.from_private_bytes(raw.pop("hpke")),
            shared=None if shared is None else SharedKey(shared),
            accepted=tuple(
                accepted[i : i + _DIGEST_BYTES] for i in range(0, len(accepted), _DIGEST_BYTES)
            ),
        )
        if raw or len(accepted) % _DIGEST_BYTES:
            raise ValueError("unknown secrets")
        return secrets


class Keystore:
    """The secrets of one profile, kept in one file.

    Several processes may use one file: each change is made under a lock on what is there then.
    """

    def __init__(self, path: Path, passphrase: str | None, held: Mapping[str, Secrets]) -> None:
        """Use `open` or `create`."""
        self._path = path
        self._passphrase = passphrase
        self._held = dict(held)

    def __repr__(self) -> str:
        """Return the path only."""
        return f"<Keystore {self._path}>"

    @classmethod
    def create(cls, path: Path, *, passphrase: str | None, entropy: Entropy) -> Self:
        """Write an empty keystore; raise KeystoreExists where there is one."""
        with _locked(path):
            if path.exists():
                raise KeystoreExists(path)
            _save(path, {}, passphrase, entropy)
        return cls(path, passphrase, {})

    @classmethod
    def open(cls, path: Path, *, passphrase: str | None) -> Self:
        """Read a keystore; raise the KeystoreError that says what is wrong."""
        return cls(path, passphrase, _read(path, passphrase))

    @property
    def collaborations(self) -> tuple[str, ...]:
        """The collaborations it holds secrets for."""
        return tuple(sorted(self._held))

    def secrets(self, collaboration: str) -> Secrets:
        """Return what is held for `collaboration`; raise SecretsMissing."""
        try:
            return self._held[collaboration]
        except KeyError:
            raise SecretsMissing(self._path) from None

    def ensure(self, collaboration: str, *, entropy: Entropy) -> Secrets:
        """Return what is held for `collaboration`, made and saved first if there is nothing."""
        if collaboration not in self._held:
            with self._changing(entropy) as held:
                if collaboration not in held:
                    held[collaboration] = Secrets.generate(entropy)
        return self._held[collaboration]

    def keep_shared_key(self, collaboration: str, key: SharedKey, *, entropy: Entropy) -> None:
        """Save the hmac key shared in `collaboration`; raise SecretsMissing before `ensure`."""
        with self._changing(entropy) as held:
            held[collaboration] = replace(self._known(held, collaboration), shared=key)

    def ensure_shared_key(self, collaboration: str, *, entropy: Entropy) -> SharedKey:
        """Return the hmac key of `collaboration`, made and saved first if there is none.

        Of several processes that find none one makes it. Raises SecretsMissing before `ensure`.
        """
        with self._changing(entropy) as held:
            known = self._known(held, collaboration)
            shared = known.shared or SharedKey.generate(entropy)
            held[collaboration] = replace(known, shared=shared)
        return shared

    def note_accepted(self, collaboration: str, digest: str, *, entropy: Entropy) -> None:
        """Save that a policy (hex SHA-256) was accepted; raise SecretsMissing before `ensure`."""
        with self._changing(entropy) as held:
            known = self._known(held, collaboration)
            accepted = dict.fromkeys((*known.accepted, bytes.fromhex(digest)))
            held[collaboration] = replace(known, accepted=tuple(accepted))

    def has_accepted(self, collaboration: str, digest: str) -> bool:
        """Tell whether a policy (hex SHA-256) was noted as accepted, by any process until now."""
        if bytes.fromhex(digest) not in self.secrets(collaboration).accepted:
            self._held = _read(self._path, self._passphrase)
        return bytes.fromhex(digest) in self.secrets(collaboration).accepted

    def _known(self, held: Mapping[str, Secrets], collaboration: str) -> Secrets:
        if collaboration not in held:
            raise SecretsMissing(self._path)
        return held[collaboration]

    @contextlib.contextmanager
    def _changing(self, entropy: Entropy) -> Iterator[dict[str, Secrets]]:
        """Lend what the file holds now; nothing changed is used before it is saved."""
        with _locked(self._path):
            held = _read(self._path, self._passphrase)
            yield held
            _save(self._path, held, self._passphrase, entropy)
            self._held = held


def _save(
    path: Path, held: Mapping[str, Secrets], passphrase: str | None, entropy: Entropy
) -> None:
    document = {name: secrets.to_document() for name, secrets in held.items()}
    text = json.dumps(_sealed(document, passphrase, entropy), indent=1) + "\n"
    _write_atomically(path, text.encode())


def _sealed(document: _Document, passphrase: str | None, entropy: Entropy) -> dict[str, object]:
    if passphrase is None:
        return {"version": VERSION, "collaborations": document}
    salt, nonce = entropy(_SALT_BYTES), entropy(_NONCE_BYTES)
    secret = json.dumps(document).encode()
    box = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, secret, VERSION.encode())
    return {"version": VERSION, "salt": _b64(salt), "nonce": _b64(nonce), "sealed": _b64(box)}


def _stretch(passphrase: str, salt: bytes) -> bytes:
    kdf = Scrypt(salt=salt, length=_KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
    return kdf.derive(passphrase.encode())


def _read(path: Path, passphrase: str | None) -> dict[str, Secrets]:
    raw = _read_private(path)
    try:
        document = json.loads(raw)
        if document["version"] != VERSION:
            raise KeystoreDamaged(path)
        plain = _opened(path, document, passphrase)
        return {name: Secrets.from_document(held) for name, held in plain.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise KeystoreDamaged(path) from None


def _opened(path: Path, document: Mapping[str, str], passphrase: str | None) -> _Document:
    """Return the plain part; raises KeystoreError, or what `_read` turns into one."""
    if "sealed" not in document:
        if passphrase is not None:
            raise PassphraseUnused(path)
        return _as_document(document["collaborations"])
    if passphrase is None:
        raise PassphraseNeeded(path)
    key = _stretch(passphrase, _unb64(document["salt"]))
    box, nonce = _unb64(document["sealed"]), _unb64(document["nonce"])
    try:
        return _as_document(json.loads(AESGCM(key).decrypt(nonce, box, VERSION.encode())))
    except InvalidTag:
        raise PassphraseWrong(path) from None


def _as_document(value: object) -> _Document:
    if not isinstance(value, dict) or not all(isinstance(held, dict) for held in value.values()):
        raise TypeError("not a mapping of mappings")
    return value


def _read_private(path: Path) -> bytes:
    """Return the file's bytes after its mode was checked on the open file; raise KeystoreError."""
    try:
        with path.open("rb") as file:
            # Windows has no such bits; there the profile folder's access list decides.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise KeystoreExposed(path)
            return file.read()
    except FileNotFoundError:
        raise KeystoreMissing(path) from None
    except OSError:
        raise KeystoreUnreadable(path) from None


def _write_atomically(path: Path, data: bytes) -> None:
    """Replace `path`, readable by its owner only.

    A crash before the rename leaves the old file and a temporary one, which the next write
    replaces; a crash after it leaves the new file.
    """
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the one lock of this keystore; it ends with the process, so a crash leaves nothing."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - absent on Windows

    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)

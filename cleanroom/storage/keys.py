"""The master key's file and data keys wrapped under it; must not know what they encrypt.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces: one key must encrypt fewer than 2^32
messages, which an upload's blobs and the number of wrapped keys stay far below.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cleanroom.ports.environment import Entropy
from cleanroom.ports.vault import VaultDamaged
from cleanroom.storage.files import create_file, make_folder

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MASTER_HEADER: Final = b"cleanroom-master-key/v1\n"
_KEY_HEADER: Final = b"cleanroom-vault-key/v1\0"


class MasterKeyRefused(Exception):
    """The master key's file is open to others, or is not such a file."""


def create_master_key(path: Path, entropy: Entropy) -> None:
    """Write a fresh key, mode 0600, as text a person can put away; raises FileExistsError."""
    data = _MASTER_HEADER + entropy.token_bytes(KEY_BYTES).hex().encode() + b"\n"
    make_folder(path.parent)
    create_file(path, data, entropy.token_bytes(8).hex())


def load_master_key(path: Path) -> bytes:
    """Return the 32-byte key; raises MasterKeyRefused, or OSError when it cannot be opened."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) & 0o177:
            raise MasterKeyRefused(f"{path} may be used by others: chmod 600 it")
        data = file.read(4096)
    text = data.removeprefix(_MASTER_HEADER).removesuffix(b"\n")
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or data != _MASTER_HEADER + key.hex().encode() + b"\n":
        raise MasterKeyRefused(f"{path} is not a master key of this program")
    return key


class Sealer:
    """Encrypts byte strings under one key, each opening with a header and bound to a context."""

    __slots__ = ("_aead", "_entropy", "_header")

    def __init__(self, key: bytes, header: bytes, entropy: Entropy) -> None:
        """Take a 32-byte key."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._aead, self._header, self._entropy = AESGCM(key), header, entropy

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Return header, nonce and ciphertext; header and context are authenticated."""
        return b"".join(self.seal_parts(data, context))

    def seal_parts(self, data: bytes, context: bytes) -> tuple[bytes, bytes]:
        """Return what `seal` does in two parts, of which the second is large."""
        nonce = self._entropy.token_bytes(NONCE_BYTES)
        return self._header + nonce, self._aead.encrypt(nonce, data, self._header + context)

    @property
    def overhead(self) -> int:
        """How much longer what is sealed is than the data."""
        return len(self._header) + NONCE_BYTES + _TAG_BYTES

    def seal_into(self, buffer: memoryview, data: bytes, context: bytes) -> None:
        """Put what `seal` returns into a buffer of just that length."""
        nonce = self._entropy.token_bytes(NONCE_BYTES)
        start = len(self._header) + NONCE_BYTES
        buffer[:start] = self._header + nonce
        self._aead.encrypt_into(nonce, data, self._header + context, buffer[start:])

    def open(self, sealed: bytes, context: bytes, where: str) -> bytes:
        """Inverse of `seal`; raises VaultDamaged naming `where`."""
        start = len(self._header)
        nonce = sealed[start : start + NONCE_BYTES]
        body = memoryview(sealed)[start + NONCE_BYTES :]  # not copied: blobs may be large
        if not sealed.startswith(self._header) or len(nonce) != NONCE_BYTES:
            raise VaultDamaged(f"{where} does not open as this program writes it")
        try:
            return self._aead.decrypt(nonce, body, self._header + context)
        except InvalidTag:
            raise VaultDamaged(f"{where} is not what was written") from None


def key_wrapper(master_key: bytes, entropy: Entropy) -> Sealer:
    """Return what wraps data keys under the master key."""
    return Sealer(master_key, _KEY_HEADER, entropy)

"""C2SP signed notes with Ed25519 (type 0x01); must not know what a note's text means.

Signatures of other types count as those of unknown signers: ignored. Those of type 0x04 are known
to cosignature.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cleanroom.audit.encoding import decode_base64, encode_base64
from cleanroom.audit.errors import NoteInvalid

ED25519: Final = b"\x01"  # C2SP signed-note, "Signature types"
KEY_ID_BYTES: Final = 4
PUBLIC_KEY_BYTES: Final = 32
MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100  # the specification asks for at least 16
DASH: Final = "\u2014 "


class Signer(Protocol):
    """Holds one Ed25519 private key and never shows it; may be called from any thread."""

    @property
    def name(self) -> str:
        """The key name that stands in signature lines."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of RFC 8032, section 5.1.5."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of RFC 8032, section 5.1.6, over the message."""


class Verifier(Protocol):
    """A known signer, of any type of signature."""

    @property
    def name(self) -> str:
        """The key name that stands in signature lines."""

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that tell keys and types of one name apart."""

    def verify(self, message: bytes, signature: bytes) -> None:
        """Verify a signature over a note's text; raises NoteInvalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519Signer:
    """A signer over a key in this process's memory."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        """Check the name."""
        check_name(self.name)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of RFC 8032, section 5.1.5."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over the message."""
        return self.key.sign(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteVerifier:
    """A known signer's name and Ed25519 public key (32 bytes); raises NoteInvalid for others."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Check name and length."""
        check_name(self.name)
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise NoteInvalid(why=f"the public key is not {PUBLIC_KEY_BYTES} bytes long")

    @classmethod
    def parse(cls, text: str) -> NoteVerifier:
        """Return the verifier of `name+keyid+base64(0x01 || public key)`; raises NoteInvalid."""
        name, public_key = parse_key(text, ED25519, "0x01 (Ed25519)")
        return cls(name=name, public_key=public_key)

    @property
    def text(self) -> str:
        """The verifier key as text: the inverse of `parse`."""
        return write_key(self.name, self.public_key, ED25519)

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        return key_id(self.name, self.public_key, ED25519)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Verify an Ed25519 signature over the message; raises NoteInvalid."""
        verify_ed25519(self.name, self.public_key, message, signature)


def parse_keys(text: str) -> tuple[NoteVerifier, ...]:
    """Return the verifier keys of one log, a line each; raises NoteInvalid.

    There are two while one follows the other; all bear the log's name.
    """
    keys = tuple(NoteVerifier.parse(line) for line in text.split())
    if not keys or len({key.name for key in keys}) != 1:
        raise NoteInvalid(why="expected the verifier keys of one log, a line each")
    return keys


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line: `text` is the whole line, its newline included."""

    name: str
    key_id: bytes
    signature: bytes
    text: str


def parse_key(text: str, kind: bytes, words: str) -> tuple[str, bytes]:
    """Return name and public key of `name+keyid+base64(kind || key)`; raises NoteInvalid."""
    name, *rest = text.split("+", 2)
    if len(rest) != 2:  # noqa: PLR2004 # the key id and the key
        raise NoteInvalid(why="a verifier key has the form name+keyid+base64")
    key = _base64("the verifier key", rest[1])
    if key[:1] != kind:
        raise NoteInvalid(why=f"the verifier key is not of type {words}")
    check_name(name)
    if rest[0] != key_id(name, key[1:], kind).hex():
        raise NoteInvalid(why="the verifier key does not have the key id it states")
    return name, key[1:]


def write_key(name: str, public_key: bytes, kind: bytes) -> str:
    """Return a verifier key as text: the inverse of `parse_key`."""
    stated = key_id(name, public_key, kind).hex()
    return f"{name}+{stated}+{encode_base64(kind + public_key)}"


def key_id(name: str, public_key: bytes, kind: bytes = ED25519) -> bytes:
    """Return SHA-256(name || 0x0A || kind || public key)[:4] (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public_key).digest()[:KEY_ID_BYTES]


def verify_ed25519(name: str, public_key: bytes, message: bytes, signature: bytes) -> None:
    """Verify a signature of RFC 8032 over the message; raises NoteInvalid naming the signer."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise NoteInvalid(why=f"the signature of {name} does not verify") from None


def verifier_of(signer: Signer) -> NoteVerifier:
    """Return the public half of a signer."""
    return NoteVerifier(name=signer.name, public_key=signer.public_key)


def sign_note(text: str, *signers: Signer) -> str:
    """Return the text, a blank line and a signature line of each signer.

    Raises NoteInvalid when the text does not end in a newline or holds other control characters.
    """
    _check_text(text)
    return f"{text}\n" + "".join(_signed_line(text, signer) for signer in signers)


def _signed_line(text: str, signer: Signer) -> str:
    signed = verifier_of(signer).key_id + signer.sign(text.encode())
    return f"{DASH}{signer.name} {encode_base64(signed)}\n"


def open_note(note: str | bytes, verifiers: Sequence[Verifier]) -> str:
    """Return the text of a note that at least one known signer signed; raises NoteInvalid.

    Signatures of unknown signers are ignored, as the specification demands, so that a note may
    carry them; a bad or repeated signature of a known signer refuses the whole note.
    """
    if not signatures_of(note, verifiers):
        raise NoteInvalid(why="no known key signed it")
    return split_note(note)[0]


def signatures_of(note: str | bytes, verifiers: Sequence[Verifier]) -> tuple[SignatureLine, ...]:
    """Return the lines of known signers, each verified; raises NoteInvalid."""
    # 1. Parse: text, then signature lines, nothing behind them.
    text, lines = split_note(note)
    # 2. Every signature that names a known key must verify, once.
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    found: dict[tuple[str, bytes], SignatureLine] = {}
    for line in lines:
        key = (line.name, line.key_id)
        if key not in known:
            continue
        if key in found:
            raise NoteInvalid(why=f"{line.name} signed it twice with one key")
        known[key].verify(text.encode(), line.signature)
        found[key] = line
    return tuple(found.values())


def split_note(note: str | bytes) -> tuple[str, list[SignatureLine]]:
    """Return the text and the signature lines, none verified, split at the last blank line."""
    head, blank, tail = _decode(note).rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise NoteInvalid(why="it needs a text, a blank line and signature lines, each ended")
    text = head + "\n"
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteInvalid(why=f"it has more than {MAX_SIGNATURES} signatures")
    return text, [_signature_line(line) for line in lines]


def _decode(note: str | bytes) -> str:
    try:
        data = note.encode() if isinstance(note, str) else note
        text = data.decode("utf-8")
    except UnicodeError:
        raise NoteInvalid(why="it is not valid UTF-8") from None
    if len(data) > MAX_NOTE_BYTES:
        raise NoteInvalid(why=f"it is longer than {MAX_NOTE_BYTES} bytes")
    return text


def _signature_line(line: str) -> SignatureLine:
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not space:
        raise NoteInvalid(why="a signature line has the form: em dash, name, base64")
    check_name(name)
    data = _base64("a signature", encoded)
    if len(data) <= KEY_ID_BYTES:
        raise NoteInvalid(why="a signature is too short to hold a key id")
    return SignatureLine(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:], f"{line}\n")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteInvalid(why="the text does not end in a newline")
    if any(char < " " and char != "\n" for char in text):
        raise NoteInvalid(why="the text holds control characters")
    _decode(text)


def check_name(name: str) -> None:
    """Raise NoteInvalid for a name that cannot stand in a signature line."""
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise NoteInvalid(why="a key name is empty or holds a space, a plus or a control character")
    _decode(name)


def _base64(what: str, text: str) -> bytes:
    try:
        return decode_base64(text)
    except ValueError:
        raise NoteInvalid(why=f"{what} is not canonical base64") from None

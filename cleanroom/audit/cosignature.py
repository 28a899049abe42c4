"""C2SP tlog-cosignatures with Ed25519 (type 0x04): an outsider's word that a log only grew.

A cosignature says: as of this time, the largest consistent tree of this origin that the witness has
seen is the one in the checkpoint. Must not know how a witness is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.encoding import MAX_EXACT_INTEGER, encode_base64
from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import (
    DASH,
    PUBLIC_KEY_BYTES,
    Signer,
    check_name,
    key_id,
    parse_key,
    signatures_of,
    split_note,
    verify_ed25519,
    write_key,
)

COSIGNATURE: Final = b"\x04"
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKey:
    """A witness's name and Ed25519 public key (32 bytes); raises NoteInvalid for others."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Check name and length."""
        check_name(self.name)
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise NoteInvalid(why=f"the public key is not {PUBLIC_KEY_BYTES} bytes long")

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """Return the key of `name+keyid+base64(0x04 || public key)`; raises NoteInvalid."""
        name, public_key = parse_key(text, COSIGNATURE, "0x04 (Ed25519 cosignature)")
        return cls(name=name, public_key=public_key)

    @property
    def text(self) -> str:
        """The key as text: the inverse of `parse`."""
        return write_key(self.name, self.public_key, COSIGNATURE)

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || 0x04 || public key)."""
        return key_id(self.name, self.public_key, COSIGNATURE)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Verify a timestamped signature over a note's text; raises NoteInvalid."""
        time_s = _time(self.name, signature)
        signed = _signed(message, time_s)
        verify_ed25519(self.name, self.public_key, signed, signature[_TIME_BYTES:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """One witness's verified cosignature: by whom, when (unix seconds), and its note line."""

    witness: str
    time_s: int
    line: str


def witness_key_of(signer: Signer) -> WitnessKey:
    """Return the public half of a witness's signer."""
    return WitnessKey(name=signer.name, public_key=signer.public_key)


def cosign(text: str, signer: Signer, time_s: int) -> str:
    """Return the note line of a cosignature over a checkpoint's text.

    Requires that the caller has durably remembered this tree as the largest it has seen, and
    verified that it continues the one before.
    """
    if not 0 <= time_s <= MAX_EXACT_INTEGER:
        raise NoteInvalid(why="a cosignature's time is unix seconds")
    signature = signer.sign(_signed(text.encode(), time_s))
    stamped = witness_key_of(signer).key_id + time_s.to_bytes(_TIME_BYTES, "big") + signature
    return f"{DASH}{signer.name} {encode_base64(stamped)}\n"


def cosignatures(note: str | bytes, witnesses: Sequence[WitnessKey]) -> tuple[Cosignature, ...]:
    """Return the cosignatures of known witnesses on a note, in its order.

    Lines of unknown signers are ignored. Raises NoteInvalid for a known witness's line that does
    not verify, or stands twice. Does not verify the log's own signature.
    """
    return tuple(
        Cosignature(witness=line.name, time_s=_time(line.name, line.signature), line=line.text)
        for line in signatures_of(note, witnesses)
    )


def require_quorum(note: str | bytes, witnesses: Sequence[WitnessKey], quorum: int) -> None:
    """Raise NoteInvalid unless at least `quorum` of the witnesses cosigned the note."""
    found = {item.witness for item in cosignatures(note, witnesses)}
    if len(found) < quorum:
        missing = ", ".join(sorted({key.name for key in witnesses} - found))
        why = f"{len(found)} of {quorum} wanted witnesses cosigned it, missing: {missing}"
        raise NoteInvalid(why=why)


def with_lines(note: str, lines: Sequence[str]) -> str:
    """Return a note with signature lines added, those it has already left alone."""
    known = {line.text for line in split_note(note)[1]}
    return note + "".join(line for line in dict.fromkeys(lines) if line not in known)


def _signed(text: bytes, time_s: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time_s + text


def _time(name: str, signature: bytes) -> int:
    if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise NoteInvalid(why=f"the cosignature of {name} is not a time and a signature")
    time_s = int.from_bytes(signature[:_TIME_BYTES], "big")
    if time_s > 2**63 - 1:
        raise NoteInvalid(why=f"the cosignature of {name} has a time beyond 2^63 - 1")
    return time_s

"""Receipts: a measurement, its log entry and the proof that it is logged; knows no service.

A receipt is canonical JSON (RFC 8785) of exactly four keys:
`!v` (the version), `entry` (base64), `measurement` (its exact text) and `proof` (C2SP tlog-proof).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.commitment import verify_commitment
from cleanroom.audit.encoding import (
    Json,
    decode_base64,
    decode_canonical,
    encode_base64,
    encode_canonical,
)
from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.errors import AuditError, ReceiptInvalid
from cleanroom.audit.note import NoteVerifier
from cleanroom.audit.tlog_proof import TlogProof, decode_tlog_proof, encode_tlog_proof
from cleanroom.audit.tree import leaf_hash, verify_inclusion

VERSION: Final = "cleanroom-receipt/v1"
COMMITMENT_FIELD: Final = "measurement_commitment"
_KEYS: Final = frozenset({"!v", "entry", "measurement", "proof"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """What a verified receipt shows: these measurement bytes, logged by this entry, here."""

    measurement: bytes
    entry: Entry
    index: int
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class _Parts:
    measurement: bytes
    entry: bytes
    proof: TlogProof


def build_receipt(
    *,
    measurement: bytes,
    entry: bytes,
    index: int,
    proof: Sequence[bytes],
    checkpoint_note: str,
) -> bytes:
    """Return a receipt's bytes from the measurement's text, entry bytes and inclusion proof.

    `proof` leads from leaf `index` to the root of the signed checkpoint.
    Raises ReceiptInvalid (step 1) for parts that cannot be written; verifies nothing else.
    """
    with _step(1, "form"):
        text = encode_tlog_proof(
            TlogProof(index=index, hashes=tuple(proof), checkpoint_note=checkpoint_note)
        )
        data = encode_canonical(
            {
                "!v": VERSION,
                "entry": encode_base64(entry),
                "measurement": measurement.decode("utf-8"),
                "proof": text,
            }
        )
        _parse(data)  # what cannot be read back is not written
    return data


def verify_receipt(data: bytes, log_key: NoteVerifier) -> VerifiedReceipt:
    """Verify a receipt against the log's public key; raises ReceiptInvalid naming the step.

    Ensures: the holder of the log's key signed a tree of which the entry is a leaf, and the entry
    commits to exactly these measurement bytes.

    Does not verify that the numbers are true, that the parties' inputs were, or that the noise was
    drawn as stated.
    Does not verify that no other fork of the log exists: without a witness's cosignature the key's
    holder may show another history to others.
    Does not verify cosignatures: lines of other keys in the checkpoint note are ignored.
    """
    # 1. Parse: the one canonical form, known keys, known version.
    with _step(1, "form"):
        parts = _parse(data)
    # 2. The checkpoint carries the log's signature, and the log's name.
    with _step(2, "checkpoint signature"):
        checkpoint = open_checkpoint(parts.proof.checkpoint_note, log_key)
    # 3. The entry is a leaf of the checkpoint's tree (RFC 9162, section 2.1.3.2).
    with _step(3, "inclusion"):
        verify_inclusion(
            leaf_hash=leaf_hash(parts.entry),
            index=parts.proof.index,
            size=checkpoint.size,
            proof=parts.proof.hashes,
            root=checkpoint.root,
        )
    # 4. The entry speaks of a released question.
    with _step(4, "entry"):
        entry = decode_entry(parts.entry)
        _check_released(entry)
    # 5. The entry commits to these measurement bytes.
    with _step(5, "measurement"):
        verify_commitment(commitment=_commitment(entry), salt=entry.salt, payload=parts.measurement)
    return VerifiedReceipt(
        measurement=parts.measurement, entry=entry, index=parts.proof.index, checkpoint=checkpoint
    )


@contextmanager
def _step(step: int, check: str) -> Iterator[None]:
    """Turn what a step raises into ReceiptInvalid with the step's number and name."""
    try:
        yield
    except (AuditError, ValueError) as error:
        raise ReceiptInvalid(step=step, check=check, why=str(error)) from error


def _parse(data: bytes) -> _Parts:
    """Return the parts of a receipt; raises ValueError or AuditError."""
    value = decode_canonical(data)
    if not isinstance(value, Mapping) or frozenset(value) != _KEYS:
        raise ValueError(f"it must be an object of exactly the keys {sorted(_KEYS)}")
    if value["!v"] != VERSION:
        raise ValueError(f"its version is not {VERSION}")
    return _Parts(
        measurement=_text(value, "measurement").encode("utf-8"),
        entry=decode_base64(_text(value, "entry")),
        proof=decode_tlog_proof(_text(value, "proof")),
    )


def _text(value: Mapping[str, Json], key: str) -> str:
    item = value[key]
    if not isinstance(item, str):
        raise ValueError(f"{key} is not text")  # noqa: TRY004 # _step turns ValueError into the promised error
    return item


def _check_released(entry: Entry) -> None:
    if entry.kind is not EntryKind.QUESTION_RELEASED:
        raise ValueError(f"it is a {entry.kind} entry, not {EntryKind.QUESTION_RELEASED}")


def _commitment(entry: Entry) -> bytes:
    text = entry.fields.get(COMMITMENT_FIELD)
    if not isinstance(text, str):
        raise ValueError(f"the entry has no {COMMITMENT_FIELD}")  # noqa: TRY004 # _step turns ValueError into the promised error
    commitment = bytes.fromhex(text)
    if commitment.hex() != text:
        raise ValueError(f"{COMMITMENT_FIELD} is not lowercase hexadecimal")
    return commitment

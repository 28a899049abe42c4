"""C2SP tlog-witness: what `add-checkpoint` says, and whether a witness may sign; knows no HTTP.

The story of `judge` is the specification's, in its order; a refusal carries the HTTP status that
the specification gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.checkpoint import Checkpoint, decode_checkpoint, open_checkpoint
from cleanroom.audit.encoding import decode_base64, decode_decimal, encode_base64
from cleanroom.audit.errors import NoteInvalid, ProofInvalid, WitnessRefused
from cleanroom.audit.note import NoteVerifier, split_note
from cleanroom.audit.tlog_proof import MAX_HASHES
from cleanroom.audit.tree import HASH_BYTES, verify_consistency

SIZE_TYPE: Final = "text/x.tlog.size"
MAX_BODY_BYTES: Final = 1 << 16  # of a note with a hundred signatures and the longest proof
BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request: the size the witness saw last, a consistency proof from it, and the note."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str


def encode_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Return the request's body."""
    hashes = "".join(f"{encode_base64(item)}\n" for item in request.proof)
    return f"old {request.old_size}\n{hashes}\n{request.note}".encode()


def decode_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Return the request of a body: the inverse; raises WitnessRefused with status 400."""
    try:
        return _parse(body.decode("utf-8"))
    except ValueError as error:
        raise WitnessRefused(status=BAD_REQUEST, why=str(error)) from None


def _parse(body: str) -> AddCheckpoint:
    head, blank, note = body.partition("\n\n")
    old, *hashes = head.split("\n")
    if not blank or not old.startswith("old "):
        raise ValueError("expected the old size, proof lines, a blank line and a checkpoint")
    proof = tuple(decode_base64(line) for line in hashes)
    if len(proof) > MAX_HASHES or any(len(item) != HASH_BYTES for item in proof):
        raise ValueError(f"a proof has at most {MAX_HASHES} hashes of {HASH_BYTES} bytes")
    return AddCheckpoint(old_size=decode_decimal(old[4:]), proof=proof, note=note)


def judge(
    request: AddCheckpoint,
    logs: Mapping[str, Sequence[NoteVerifier]],
    seen: Mapping[str, Checkpoint],
) -> tuple[Checkpoint, str]:
    """Return the checkpoint that may be remembered and cosigned, and its text.

    `logs` are the known logs' keys by origin, `seen` the largest tree cosigned of each.
    Requires that nobody changes `seen` until the caller has remembered the result: two requests
    at once could otherwise roll it back.
    Raises WitnessRefused.
    """
    # 1. The log is known, and signed the checkpoint.
    checkpoint, text = _opened(request.note, logs)
    # 2. The old size is not beyond the checkpoint's.
    if request.old_size > checkpoint.size:
        raise WitnessRefused(status=BAD_REQUEST, why="the old size is beyond the checkpoint's")
    # 3. It is the one seen last.
    last = seen.get(checkpoint.origin)
    last_size = 0 if last is None else last.size
    if request.old_size != last_size:
        why = f"the tree cosigned last has {last_size} entries"
        raise WitnessRefused(status=CONFLICT, why=why, size=last_size)
    # 4. The same size has the same root; a larger tree continues the old one.
    _check_growth(last, checkpoint, request.proof)
    return checkpoint, text


def _opened(note: str, logs: Mapping[str, Sequence[NoteVerifier]]) -> tuple[Checkpoint, str]:
    try:
        text = split_note(note)[0]
        stated = decode_checkpoint(text)
    except NoteInvalid as error:
        raise WitnessRefused(status=BAD_REQUEST, why=str(error)) from None
    if stated.origin not in logs:
        raise WitnessRefused(status=NOT_FOUND, why=f"the log {stated.origin} is not known here")
    try:
        return open_checkpoint(note, logs[stated.origin]), text
    except NoteInvalid as error:
        raise WitnessRefused(status=FORBIDDEN, why=str(error)) from None


def _check_growth(last: Checkpoint | None, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    if last is None or last.size == 0:
        if proof:
            raise WitnessRefused(status=UNPROCESSABLE, why="there is nothing to prove yet")
        return
    if last.size == checkpoint.size and last.root != checkpoint.root:
        why = f"another tree of {last.size} entries was cosigned before: the log was forked"
        raise WitnessRefused(status=CONFLICT, why=why)
    try:
        verify_consistency(
            old_size=last.size,
            old_root=last.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=proof,
        )
    except ProofInvalid as error:
        raise WitnessRefused(status=UNPROCESSABLE, why=str(error)) from None

"""C2SP tlog-checkpoints: a signed tree head; must not know how the tree is stored.

Whoever signs must never sign two inconsistent checkpoints; nothing here can keep that promise,
because nothing here remembers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.encoding import decode_base64, decode_decimal, encode_base64
from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import NoteVerifier, Signer, open_note, sign_note
from cleanroom.audit.tree import EMPTY_ROOT, HASH_BYTES

MAX_SIZE: Final = 2**63 - 1
_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log's name, its number of entries, and the root (32 bytes) over them.

    Raises NoteInvalid for values that a checkpoint cannot state.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Check every field."""
        if not self.origin or any(char < " " for char in self.origin):
            raise NoteInvalid(why="the origin is empty or holds control characters")
        if not 0 <= self.size <= MAX_SIZE:
            raise NoteInvalid(why="the tree size is out of range")
        if len(self.root) != HASH_BYTES:
            raise NoteInvalid(why=f"the root is not {HASH_BYTES} bytes long")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise NoteInvalid(why="the root of an empty log is not the empty root")


def encode_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the note text: origin, decimal size, base64 root, a line each."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode_base64(checkpoint.root)}\n"


def decode_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a note text; raises NoteInvalid.

    Extension lines are refused: the specification advises against them and no monitor audits them.
    """
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[-1]:
        raise NoteInvalid(why="a checkpoint is exactly three lines: origin, size, root")
    try:
        size, root = decode_decimal(lines[1]), decode_base64(lines[2])
    except ValueError as error:
        raise NoteInvalid(why=f"the checkpoint's size or root: {error}") from None
    return Checkpoint(origin=lines[0], size=size, root=root)


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> str:
    """Return the signed note; raises NoteInvalid when a signer's name is not the origin.

    While one key follows another, both sign.

    Requires that the caller has durably stored every entry the size counts, and that this tree
    extends every tree signed before.
    """
    for signer in signers:
        _check_origin(checkpoint, signer.name)
    return sign_note(encode_checkpoint(checkpoint), *signers)


def open_checkpoint(
    note: str | bytes, log_keys: NoteVerifier | Sequence[NoteVerifier]
) -> Checkpoint:
    """Return the checkpoint of a note signed by the log's key, or one of its keys.

    A log has two keys while one follows the other; both bear its name. The origin must be that
    name, so that one key cannot speak for another log. Raises NoteInvalid.
    Does not verify that this is the log's only history: that takes a witness.
    """
    keys = [log_keys] if isinstance(log_keys, NoteVerifier) else list(log_keys)
    checkpoint = decode_checkpoint(open_note(note, keys))
    for key in keys:
        _check_origin(checkpoint, key.name)
    return checkpoint


def _check_origin(checkpoint: Checkpoint, name: str) -> None:
    if checkpoint.origin != name:
        raise NoteInvalid(why=f"the checkpoint's origin is not the name of the key {name}")

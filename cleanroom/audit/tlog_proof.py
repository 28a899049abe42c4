"""C2SP tlog-proof texts: an inclusion proof with its checkpoint; must not know what was proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cleanroom.audit.encoding import decode_base64, decode_decimal, encode_base64
from cleanroom.audit.errors import ProofInvalid
from cleanroom.audit.tree import HASH_BYTES

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_INDEX: Final = 2**63 - 1
MAX_HASHES: Final = 63  # the depth of the largest tree


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A leaf's index, its inclusion path (32 bytes each, sibling first), and a checkpoint note.

    Raises ProofInvalid for values that cannot be written.
    Nothing of it is verified here.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: str

    def __post_init__(self) -> None:
        """Check ranges and lengths."""
        if not 0 <= self.index < MAX_INDEX:
            raise _invalid("the index is out of range")
        if len(self.hashes) > MAX_HASHES:
            raise _invalid(f"it has more than {MAX_HASHES} hashes")
        if any(len(item) != HASH_BYTES for item in self.hashes):
            raise _invalid(f"a hash is not {HASH_BYTES} bytes long")
        if not self.checkpoint_note:
            raise _invalid("it has no checkpoint")


def encode_tlog_proof(proof: TlogProof) -> str:
    """Return the text: header, index, one base64 hash a line, a blank line, the checkpoint."""
    hashes = "".join(f"{encode_base64(item)}\n" for item in proof.hashes)
    return f"{HEADER}\nindex {proof.index}\n{hashes}\n{proof.checkpoint_note}"


def decode_tlog_proof(text: str) -> TlogProof:
    """Return the parts of a proof text; raises ProofInvalid.

    An `extra` line is refused: nothing authenticates it and this log writes none.
    """
    head, blank, note = text.partition("\n\n")
    if not blank:
        raise _invalid("it has no blank line before the checkpoint")
    header, *lines = head.split("\n")
    if header != HEADER:
        raise _invalid(f"its first line is not {HEADER}")
    if not lines or not lines[0].startswith("index "):
        raise _invalid("its second line does not give the index")
    try:
        index = decode_decimal(lines[0].removeprefix("index "))
        hashes = tuple(decode_base64(line) for line in lines[1:])
    except ValueError as error:
        raise _invalid(f"its index or a hash: {error}") from None
    return TlogProof(index=index, hashes=hashes, checkpoint_note=note)


def _invalid(why: str) -> ProofInvalid:
    return ProofInvalid(proof="tlog", why=why)

"""Signs the log's checkpoints: none without what was shown before being its beginning.

A checkpoint is signed only over committed entries, read in one snapshot, and whoever is shown one
is shown it after it was remembered apart from the database. So a later one contradicts none, even
when an older copy of the database is put back: then nothing is signed.
A receipt's checkpoint is not remembered: it is one of those in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.audit.checkpoint import Checkpoint, decode_checkpoint, open_checkpoint
from cleanroom.audit.cosignature import with_lines
from cleanroom.audit.errors import LogInconsistent, NoteInvalid
from cleanroom.audit.log import verify_extension
from cleanroom.audit.note import NoteVerifier, Signer, split_note, verifier_of
from cleanroom.audit.tree import consistency_proof
from cleanroom.ports.checkpoints import Remembered
from cleanroom.ports.store import Store, Transaction
from cleanroom.usecases.receipts import checkpoint


def publish(store: Store, signers: Sequence[Signer], remembered: Remembered) -> str:
    """Return the signed checkpoint over everything durable, with the cosignatures it has.

    Raises what `next_note` does; nothing is signed then.
    """
    # A crash before it is durable leaves the older one, and nobody was shown this one.
    return remembered.update(lambda shown: next_note(store, signers, shown))


def next_note(store: Store, signers: Sequence[Signer], shown: str | None) -> str:
    """Return the signed checkpoint over everything durable after `shown`, not yet to be shown.

    Raises LogInconsistent when the log does not continue what was signed before, or that was
    signed by a key that is not ours; KeyError for a stored tree with holes.
    """
    if shown is None:
        return store.read(lambda tx: _signed(tx, signers, None))
    last = _shown(shown, keys_of(signers))
    note = store.read(lambda tx: _signed(tx, signers, last))
    same = split_note(shown)[0] == split_note(note)[0]
    return with_lines(note, cosignature_lines(shown)) if same else note


def keys_of(signers: Sequence[Signer]) -> tuple[NoteVerifier, ...]:
    """Return the verifier keys, the current one first."""
    return tuple(verifier_of(signer) for signer in signers)


def cosignature_lines(note: str) -> list[str]:
    """Return the signature lines of others than the log itself."""
    text, lines = split_note(note)
    origin = decode_checkpoint(text).origin
    return [line.text for line in lines if line.name != origin]


def _shown(note: str, keys: Sequence[NoteVerifier]) -> Checkpoint:
    try:
        return open_checkpoint(note, keys)
    except NoteInvalid as error:
        why = (
            f"the checkpoint that was signed last does not open: {error}; a key that was replaced "
            "stays in `previous_key` of [log] until one checkpoint was signed by both"
        )
        raise LogInconsistent(origin=keys[0].name, check="key", why=why) from None


def _signed(tx: Transaction, signers: Sequence[Signer], last: Checkpoint | None) -> str:
    size = tx.log.size()
    note = checkpoint(tx.log, signers, size)
    if last is not None:
        proof = consistency_proof(last.size, size, tx.log.node) if last.size <= size else []
        verify_extension(last, decode_checkpoint(split_note(note)[0]), proof)
    return note

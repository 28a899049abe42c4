"""Receipts and checkpoints as functions of what is durable; must not know who asks.

A checkpoint is signed only over committed entries, read in one snapshot, so no two signed
checkpoints contradict each other, and signing again gives the same bytes (Ed25519, RFC 8032).
"""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.audit.checkpoint import Checkpoint, sign_checkpoint
from cleanroom.audit.note import Signer
from cleanroom.audit.receipt import build_receipt
from cleanroom.audit.tree import inclusion_proof, root
from cleanroom.ports.records import StoredQuestion
from cleanroom.ports.store import Log, Transaction


def checkpoint(log: Log, signers: Sequence[Signer], size: int) -> str:
    """Return the checkpoint over the first `size` entries, signed by every key, current first.

    Requires: `log` is a committed snapshot with at least `size` entries.
    """
    tree = Checkpoint(origin=signers[0].name, size=size, root=root(size, log.node))
    return sign_checkpoint(tree, *signers)


def receipt(tx: Transaction, signers: Sequence[Signer], stored: StoredQuestion) -> bytes:
    """Return the receipt of a RELEASED question: always the same bytes under the same keys.

    The checkpoint is the one of the tree that ends with the question's entry, whatever came
    after.
    """
    index = stored.released_entry
    entry = None if index is None else tx.log.entry(index)
    if index is None or entry is None or stored.measurement is None:
        raise AssertionError("a released question has an entry and a measurement")
    size = index + 1
    return build_receipt(
        measurement=stored.measurement,
        entry=entry,
        index=index,
        proof=inclusion_proof(index, size, tx.log.node),
        checkpoint_note=checkpoint(tx.log, signers, size),
    )

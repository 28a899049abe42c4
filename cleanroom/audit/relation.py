"""What two checkpoints of one log say about each other; must not know where proofs come from."""

from __future__ import annotations

from enum import StrEnum

from cleanroom.audit.checkpoint import Checkpoint
from cleanroom.audit.errors import LogInconsistent, ProofInvalid
from cleanroom.audit.tree import ReadNode, consistency_proof, root, verify_consistency


class Relation(StrEnum):
    """AGREE is one tree; EXTENDS a tree and its proven beginning; FORK two histories; UNPROVEN
    needs a tree that proves one or the other.
    """

    AGREE = "agree"
    EXTENDS = "extends"
    FORK = "fork"
    UNPROVEN = "unproven"


def relation(one: Checkpoint, other: Checkpoint, read_node: ReadNode | None) -> Relation:
    """Return what two checkpoints, in any order, say about each other.

    `read_node` gives the nodes of a tree at least as long as both, trusted no further than it
    proves. Raises LogInconsistent for checkpoints of two logs, KeyError for a tree too short.
    Requires checkpoints whose signatures the caller has verified; a FORK of such is proof that
    the holder of the log's key signed two histories.
    """
    if one.origin != other.origin:
        why = f"the other checkpoint is of {other.origin}: two logs say nothing of each other"
        raise LogInconsistent(origin=one.origin, check="origin", why=why)
    old, new = sorted((one, other), key=lambda checkpoint: checkpoint.size)
    if old.size == new.size:
        return Relation.AGREE if old.root == new.root else Relation.FORK
    if old.size == 0:
        return Relation.EXTENDS
    if read_node is None:
        return Relation.UNPROVEN
    return _proven(old, new, read_node)


def _proven(old: Checkpoint, new: Checkpoint, read_node: ReadNode) -> Relation:
    """Let the tree prove what the first entries of the newer checkpoint's tree are."""
    beginning = root(old.size, read_node)
    try:
        verify_consistency(
            old_size=old.size,
            old_root=beginning,
            new_size=new.size,
            new_root=new.root,
            proof=consistency_proof(old.size, new.size, read_node),
        )
    except ProofInvalid:
        return Relation.UNPROVEN  # it is not the newer checkpoint's tree, or it is damaged
    return Relation.EXTENDS if beginning == old.root else Relation.FORK

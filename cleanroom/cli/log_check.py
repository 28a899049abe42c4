"""A stored log against itself, in short reads beside a running server; must not know a terminal.

Does not verify that the entries are true, nor that nobody was shown another history: for that,
keep a checkpoint elsewhere and pass it as `against` later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.errors import LogInconsistent
from cleanroom.audit.export import Verified
from cleanroom.audit.log import verify_extension, verify_log
from cleanroom.audit.note import NoteVerifier, Signer
from cleanroom.audit.tree import appended_nodes, consistency_proof, leaf_hash
from cleanroom.ports.checkpoints import Remembered
from cleanroom.ports.store import Store, Transaction
from cleanroom.usecases.publish import publish

BATCH: Final = 500  # entries of at most 64 KiB
Node = tuple[int, int]  # level, index


def signed(store: Store, signers: Sequence[Signer], remembered: Remembered) -> str:
    """Return the signed checkpoint over everything that is durable, with its cosignatures.

    Raises LogInconsistent when a stored node is missing, or the log is not what was signed before.
    """
    try:
        return publish(store, signers, remembered)
    except KeyError:
        raise _hole(signers[0].name) from None


def verify_stored_log(
    store: Store,
    note: str,
    log_keys: Sequence[NoteVerifier],
    *,
    against: str | bytes | None,
    tell: Callable[[int, int], None],
) -> Verified:
    """Verify entries, stored tree and checkpoint; `tell` hears (entries done, entries in all).

    `note` is the checkpoint that was signed over the stored tree.
    Raises LogInconsistent naming the check, NoteInvalid for a checkpoint that is not this log's.
    """
    earlier = None if against is None else open_checkpoint(against, log_keys)
    # 1. The log's key signed the stored tree's root.
    current = open_checkpoint(note, log_keys)
    # 2. The entries have exactly that tree, and every stored node is theirs.
    summary = verify_log(_checked_entries(store, current, tell), current)
    # 3. The log that was signed earlier is the beginning of this one.
    if earlier is not None:
        _verify_growth(store, earlier, current)
    return Verified(summary=summary, note=note.encode(), files=0)


def _verify_growth(store: Store, earlier: Checkpoint, current: Checkpoint) -> None:
    def work(tx: Transaction) -> list[bytes]:
        return consistency_proof(earlier.size, current.size, tx.log.node)

    try:
        proof = [] if earlier.size > current.size else store.read(work)
    except KeyError:
        raise _hole(current.origin) from None
    verify_extension(earlier, current, proof)


def _checked_entries(
    store: Store, current: Checkpoint, tell: Callable[[int, int], None]
) -> Iterator[bytes]:
    edge: dict[Node, bytes] = {}
    for start in range(0, current.size, BATCH):
        end = min(start + BATCH, current.size)
        entries, stored = store.read(partial(_batch, start, end))
        if len(entries) != end - start:
            raise _broken(current.origin, "length", f"of entries {start} to {end - 1} some miss")
        for index, data in enumerate(entries, start=start):
            _check_nodes(current.origin, index, data, stored, edge)
            yield data
        tell(end, current.size)


def _batch(start: int, end: int, tx: Transaction) -> tuple[tuple[bytes, ...], dict[Node, bytes]]:
    """Return entries and the stored nodes that they complete, all levels of them."""
    stored = {
        (level, index): digest
        for level in range(end.bit_length())
        for index, digest in tx.log.nodes(level, start >> level, end >> level).items()
    }
    return tx.log.entries(start, end - start), stored


def _check_nodes(
    origin: str,
    index: int,
    data: bytes,
    stored: Mapping[Node, bytes],
    edge: dict[Node, bytes],
) -> None:
    """Compare the nodes that an entry completes; `edge` keeps the left siblings still needed."""
    for level, node, digest in appended_nodes(index, leaf_hash(data), lambda *at: edge.pop(at)):
        if stored.get((level, node)) != digest:
            what = f"entry {index} is not what its stored hash says"
            above = f"the stored hash of level {level}, node {node} does not follow from entries"
            raise _broken(origin, "tree", above if level else what)
        if not node & 1:
            edge[level, node] = digest


def _hole(origin: str) -> LogInconsistent:
    return _broken(origin, "tree", "a stored hash is missing")


def _broken(origin: str, check: str, why: str) -> LogInconsistent:
    return LogInconsistent(origin=origin, check=check, why=why)

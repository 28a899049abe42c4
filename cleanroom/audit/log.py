"""Verification of a whole log, or of its growth, against checkpoints; must not know its storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cleanroom.audit.checkpoint import Checkpoint
from cleanroom.audit.compact import CompactRange
from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.errors import AuditError, LogInconsistent, ProofInvalid
from cleanroom.audit.tree import leaf_hash, verify_consistency


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSummary:
    """What a verified log holds: its checkpoint, entries of each kind, first and last time.

    Times are unix seconds as the entries state them, None for an empty log.
    """

    checkpoint: Checkpoint
    kinds: Mapping[EntryKind, int]
    first_time_s: int | None
    last_time_s: int | None


def verify_log(entries: Iterable[bytes], checkpoint: Checkpoint) -> LogSummary:
    """Verify that exactly these entries, in order, make the checkpoint's tree.

    Streams: holds O(log n) hashes and one entry.
    Raises LogInconsistent naming the check: entry, length or root.

    Requires a checkpoint whose signature the caller has verified.
    Does not verify that the entries are true, that their times are in order, or that the log shows
    the same history to others.
    """
    tree = CompactRange()
    kinds: Counter[EntryKind] = Counter()
    first_time_s = last_time_s = None
    for data in entries:
        # 1. No entry beyond the size that was signed.
        if tree.size == checkpoint.size:
            raise _inconsistent(checkpoint, "length", f"entries follow the {tree.size} it states")
        # 2. Each entry is one canonical entry.
        entry = _decode(data, tree.size, checkpoint)
        kinds[entry.kind] += 1
        first_time_s = entry.time_s if first_time_s is None else first_time_s
        last_time_s = entry.time_s
        tree.append(leaf_hash(data))
    # 3. No entry is missing at the end.
    if tree.size < checkpoint.size:
        why = f"it ends after {tree.size} entries, the checkpoint states {checkpoint.size}"
        raise _inconsistent(checkpoint, "length", why)
    # 4. Their tree has the root that was signed.
    if tree.root() != checkpoint.root:
        why = f"the {tree.size} entries have another root than the checkpoint states"
        raise _inconsistent(checkpoint, "root", why)
    return LogSummary(
        checkpoint=checkpoint,
        kinds=dict(kinds),
        first_time_s=first_time_s,
        last_time_s=last_time_s,
    )


def verify_extension(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Verify that the tree of `new` extends that of `old`, so that nothing before was rewritten.

    `proof` is the consistency proof (RFC 9162, section 2.1.4), empty when `old` is empty.
    Raises LogInconsistent naming the check: origin, length or consistency.
    Requires checkpoints whose signatures the caller has verified.
    """
    # 1. Both speak of one log.
    if old.origin != new.origin:
        raise _inconsistent(new, "origin", f"the earlier checkpoint is of {old.origin}")
    # 2. A log never shrinks.
    if new.size < old.size:
        shrunk = f"it shrank from {old.size} entries to {new.size}"
        why = f"{shrunk}: entries were removed, or an older checkpoint was put back"
        raise _inconsistent(new, "length", why)
    # 3. Every log extends the empty one: there is nothing to prove, so nothing may be offered.
    if old.size == 0 and not proof:
        return
    # 4. The old tree is a prefix of the new one.
    try:
        verify_consistency(
            old_size=old.size,
            old_root=old.root,
            new_size=new.size,
            new_root=new.root,
            proof=proof,
        )
    except ProofInvalid as error:
        forked = f"its first {old.size} entries are not those signed earlier: the log was forked"
        why = f"{forked}; {error}"
        raise _inconsistent(new, "consistency", why) from error


def _decode(data: bytes, index: int, checkpoint: Checkpoint) -> Entry:
    try:
        return decode_entry(data)
    except AuditError as error:
        raise _inconsistent(checkpoint, "entry", f"at index {index}, {error}") from error


def _inconsistent(checkpoint: Checkpoint, check: str, why: str) -> LogInconsistent:
    return LogInconsistent(origin=checkpoint.origin, check=check, why=why)

"""The stored log written out as tiles, bundles and a checkpoint; must not know where to.

Files that never change come first and the checkpoint last, so whoever reads at any moment, or
after any crash, finds every file that the checkpoint counts on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.errors import ExportInvalid, LogInconsistent
from cleanroom.audit.export import export_checkpoint
from cleanroom.audit.export_files import CHECKPOINT, LOG_KEYS, ExportFiles, nodes_of
from cleanroom.audit.log import verify_extension
from cleanroom.audit.note import NoteVerifier
from cleanroom.audit.payload import MAX_BESIDE_BYTES, Payload, encode_payloads
from cleanroom.audit.tile_tree import TileBuilder
from cleanroom.audit.tiles import WIDTH, Beside, Bundle, Tile, encode_bundle, parse_path
from cleanroom.audit.tree import consistency_proof, leaf_hash, root
from cleanroom.ports.store import Store, Transaction

Tell = Callable[[int, int], None]
"""Hears (entries done, entries in all)."""


class Target(Protocol):
    """Where an export goes: files that never change, and two that are replaced."""

    def create(self, path: str, data: bytes) -> bool:
        """Create a file whole; False when it is there already with this content.

        Raises ExportInvalid when it is there with another.
        """

    def flush(self) -> None:
        """Make all created files durable."""

    def replace(self, path: str, data: bytes) -> None:
        """Put a file in the place of an older one, whole or not at all; durable on return."""


def export(
    store: Store,
    note: str,
    log_keys: tuple[NoteVerifier, ...],
    *,
    files: ExportFiles,
    target: Target,
    tell: Tell,
) -> int:
    """Write the log as of a signed checkpoint; return the number of new files.

    `files` reads what `target` writes. An earlier export there is continued, and one that was
    interrupted is finished. Raises ExportInvalid, LogInconsistent, leaving the old checkpoint.
    """
    checkpoint = open_checkpoint(note, log_keys)
    # 1. What is there is an earlier export of this log, or nothing.
    earlier = _earlier(store, files, log_keys, checkpoint)
    # 2. Bundles and tiles, the partial ones too. A crash leaves some of them; the next run
    #    compares and goes on.
    created = 0
    for path, data in _immutable(store, earlier, checkpoint, tell):
        created += target.create(path, data)
    target.flush()
    # 3. What was written makes the tree that was signed.
    if root(checkpoint.size, nodes_of(files, checkpoint.size)) != checkpoint.root:
        why = "the stored entries do not make the tree that was signed: run `cleanroom fsck`"
        raise LogInconsistent(origin=checkpoint.origin, check="root", why=why)
    # 4. What entries commit to lies beside them, as far as it was not erased.
    for path, data in _beside(store, files, checkpoint.size):
        target.replace(path, data)
    # 5. The checkpoint appears. A crash before leaves the old one, which is still true.
    target.replace(LOG_KEYS, "".join(f"{key.text}\n" for key in log_keys).encode())
    target.replace(CHECKPOINT, note.encode())
    return created


def _earlier(
    store: Store, files: ExportFiles, log_keys: tuple[NoteVerifier, ...], now: Checkpoint
) -> int:
    """Return how many entries the folder's checkpoint counts, 0 where there is none."""
    _check_names(files.paths())
    if files.read(CHECKPOINT, 1 << 20) is None:
        return 0
    earlier = export_checkpoint(files, log_keys)
    proof: list[bytes] = []
    if earlier.size <= now.size:
        proof = store.read(lambda tx: consistency_proof(earlier.size, now.size, tx.log.node))
    verify_extension(earlier, now, proof)
    return earlier.size


def _check_names(paths: Iterable[str]) -> None:
    for path in paths:
        if path not in {CHECKPOINT, LOG_KEYS} and parse_path(path) is None:
            why = "no export has such a file: name an empty folder, or that of an earlier export"
            raise ExportInvalid(path=path, why=why)


def _immutable(
    store: Store, earlier: int, checkpoint: Checkpoint, tell: Tell
) -> Iterable[tuple[str, bytes]]:
    """Yield the files that the tree has beyond the full ones of `earlier` entries."""
    size, start = checkpoint.size, earlier - earlier % WIDTH
    builder = store.read(lambda tx: TileBuilder(start, tx.log.node))
    for first in range(start, size - size % WIDTH, WIDTH):
        entries = _read(store, checkpoint, first, WIDTH)
        yield Bundle(index=first // WIDTH, width=WIDTH).path, encode_bundle(entries)
        yield from _by_path(builder.append([leaf_hash(entry) for entry in entries]))
        tell(first + WIDTH, size)
    rest: tuple[bytes, ...] = ()
    if size % WIDTH:
        rest = _read(store, checkpoint, size - size % WIDTH, size % WIDTH)
        yield Bundle(index=size // WIDTH, width=size % WIDTH).path, encode_bundle(rest)
    yield from _by_path(builder.finish([leaf_hash(entry) for entry in rest]))
    tell(size, size)


def _beside(store: Store, files: ExportFiles, size: int) -> Iterable[tuple[str, bytes]]:
    """Yield the files of payloads that are new or no longer what they were."""
    for index in range(-(-size // WIDTH)):
        first = index * WIDTH
        kept = store.read(partial(_payloads, first, min(first + WIDTH, size)))
        path, data = Beside(index=index).path, encode_payloads(kept)
        there = files.read(path, MAX_BESIDE_BYTES)
        if there != data and (kept or there is not None):
            yield path, data


def _by_path(tiles: Iterable[tuple[Tile, bytes]]) -> Iterable[tuple[str, bytes]]:
    return ((tile.path, data) for tile, data in tiles)


def _read(store: Store, checkpoint: Checkpoint, start: int, count: int) -> tuple[bytes, ...]:
    entries = store.read(partial(_entries, start, count))
    if len(entries) != count:
        why = f"of entries {start} to {start + count - 1} some are missing: run `cleanroom fsck`"
        raise LogInconsistent(origin=checkpoint.origin, check="length", why=why)
    return entries


def _payloads(start: int, end: int, tx: Transaction) -> tuple[Payload, ...]:
    return tx.log.payloads(start, end)


def _entries(start: int, count: int, tx: Transaction) -> tuple[bytes, ...]:
    return tx.log.entries(start, count)

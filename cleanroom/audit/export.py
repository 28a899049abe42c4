"""Verification of an exported log, every file of it; must not know where the files are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.entry import decode_entry
from cleanroom.audit.errors import CommitmentInvalid, ExportInvalid, NoteInvalid
from cleanroom.audit.export_files import (
    CHECKPOINT,
    LOG_KEYS,
    ExportFiles,
    nodes_of,
    read_bundle,
    read_checkpoint,
    read_tile,
)
from cleanroom.audit.log import LogSummary, verify_extension, verify_log
from cleanroom.audit.note import MAX_NOTE_BYTES, NoteVerifier
from cleanroom.audit.payload import MAX_BESIDE_BYTES, decode_payloads, verify_payload
from cleanroom.audit.tile_tree import TileBuilder
from cleanroom.audit.tiles import (
    HEIGHT,
    WIDTH,
    Beside,
    Bundle,
    Tile,
    parse_path,
    split_tile,
    width_at,
)
from cleanroom.audit.tree import consistency_proof, leaf_hash

Tell = Callable[[int, int], None]
"""Hears (entries done, entries in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verified log holds, its checkpoint's note, and how many files it has (0: a database)."""

    summary: LogSummary
    note: bytes
    files: int


def verify_export(
    files: ExportFiles,
    log_keys: Sequence[NoteVerifier],
    *,
    against: str | bytes | None = None,
    tell: Tell = lambda _done, _total: None,
) -> Verified:
    """Verify every file of an export against the log's keys, which the caller had another way.

    `against` is a checkpoint kept earlier, which the log must continue.
    Holds one bundle and a path of tiles, whatever the log's size.
    Raises ExportInvalid naming the file, NoteInvalid, LogInconsistent.

    Does not verify that the entries are true, nor that others were not shown another history.
    Does not check signature lines of other keys: they are ignored, changed or not.
    """
    # 1. The checkpoint carries the log's signature.
    checkpoint = export_checkpoint(files, log_keys)
    # 2. The keys that lie beside it are those the caller has.
    _check_keys(files, log_keys)
    earlier = None if against is None else open_checkpoint(against, log_keys)
    # 3. Every tile follows from the entries, which are canonical and have the root signed.
    summary = verify_log(_entries(files, checkpoint.size, tell), checkpoint)
    # 4. Nothing else lies there but older partial files, which agree.
    count = _check_others(files, checkpoint.size)
    # 5. The log that was signed earlier is the beginning of this one.
    if earlier is not None:
        verify_growth(files, earlier, checkpoint)
    return Verified(summary=summary, note=read_checkpoint(files), files=count)


def export_checkpoint(files: ExportFiles, log_keys: Sequence[NoteVerifier]) -> Checkpoint:
    """Return the checkpoint of an export, its signature verified; raises ExportInvalid."""
    try:
        return open_checkpoint(read_checkpoint(files), log_keys)
    except NoteInvalid as error:
        raise ExportInvalid(path=CHECKPOINT, why=str(error)) from error


def verify_growth(files: ExportFiles, earlier: Checkpoint, later: Checkpoint) -> None:
    """Verify that `later`, whose tiles are in the export, continues `earlier`.

    Raises LogInconsistent, ExportInvalid. Requires checkpoints whose signatures were verified.
    """
    proof: list[bytes] = []
    if earlier.size <= later.size:
        proof = consistency_proof(earlier.size, later.size, nodes_of(files, later.size))
    verify_extension(earlier, later, proof)


def _entries(files: ExportFiles, size: int, tell: Tell) -> Iterator[bytes]:
    """Yield the entries, each once its tiles have been compared with what follows from them."""
    builder = TileBuilder()
    for index in range(size // WIDTH):
        entries = read_bundle(files, Bundle(index=index, width=WIDTH))
        for tile, data in builder.append([leaf_hash(entry) for entry in entries]):
            _compare(files, tile, data)
        yield from entries
        tell((index + 1) * WIDTH, size)
    rest: list[bytes] = []
    if size % WIDTH:
        rest = read_bundle(files, Bundle(index=size // WIDTH, width=size % WIDTH))
    for tile, data in builder.finish([leaf_hash(entry) for entry in rest]):
        _compare(files, tile, data)
    yield from rest
    tell(size, size)


def _compare(files: ExportFiles, tile: Tile, computed: bytes) -> None:
    stated = read_tile(files, tile)
    if stated != computed:
        ours = split_tile(computed, tile.width, tile.path)
        theirs = split_tile(stated, tile.width, tile.path)
        raise ExportInvalid(path=tile.path, why=_difference(tile, ours, theirs))


def _difference(tile: Tile, ours: list[bytes], theirs: list[bytes]) -> str:
    """Say which hash of a tile does not follow, or which two have changed places."""
    pairs = enumerate(zip(ours, theirs, strict=True), start=tile.index * WIDTH)
    wrong = [at for at, (mine, other) in pairs if mine != other]
    what = "entry" if tile.level == 0 else f"node of level {HEIGHT * tile.level}"
    if sorted(ours) == sorted(theirs):
        return f"{what} {wrong[0]} and {wrong[-1]} stand in each other's place: they were swapped"
    return f"{what} {wrong[0]} is not the one whose hash stands here: one of the two was changed"


def _check_keys(files: ExportFiles, log_keys: Sequence[NoteVerifier]) -> None:
    data = files.read(LOG_KEYS, MAX_NOTE_BYTES)
    if data is None:
        return  # other logs' exports have no such file, and nothing rests on it
    known = {key.text.encode() for key in log_keys}
    lines = data.split(b"\n")
    if lines.pop() or not lines or any(line not in known for line in lines):
        why = "it names other keys than those given: trust only keys that you had another way"
        raise ExportInvalid(path=LOG_KEYS, why=why)


def _check_others(files: ExportFiles, size: int) -> int:
    """Check the files that the tree of `size` does not need; return the number of all."""
    count = 0
    for path in files.paths():
        count += 1
        if path not in {CHECKPOINT, LOG_KEYS}:
            _check_place(files, path, size)
    return count


def _check_place(files: ExportFiles, path: str, size: int) -> None:
    place = parse_path(path)
    if place is None:
        raise ExportInvalid(path=path, why="no file of a log has this name")
    if isinstance(place, Beside):
        _check_payloads(files, place, size)
        return
    width = width_at(place.level if isinstance(place, Tile) else 0, place.index, size)
    if place.width > width:
        why = (
            f"it reaches beyond the {size} entries that the checkpoint states: an older checkpoint "
            "was put back, or an export was interrupted and should be run again"
        )
        raise ExportInvalid(path=path, why=why)
    if place.width < width and not _is_prefix(files, place, width):
        why = "this older partial file is not the beginning of the one that followed it"
        raise ExportInvalid(path=path, why=why)


def _check_payloads(files: ExportFiles, place: Beside, size: int) -> None:
    """Check that entries commit to what lies beside them; what was erased is not missed."""
    data = files.read(place.path, MAX_BESIDE_BYTES) or b""
    width = width_at(0, place.index, size)
    try:
        payloads = decode_payloads(data)
        entries = read_bundle(files, Bundle(index=place.index, width=width)) if width else []
        for payload in payloads:
            at = payload.entry - place.index * WIDTH
            if not 0 <= at < width:
                why = f"entry {payload.entry} is not in this part of the {size} entries"
                raise CommitmentInvalid(why=why)  # noqa: TRY301 # told with the others, by file
            verify_payload(decode_entry(entries[at]), payload)
    except CommitmentInvalid as error:
        raise ExportInvalid(path=place.path, why=str(error)) from error


def _is_prefix(files: ExportFiles, place: Tile | Bundle, width: int) -> bool:
    if isinstance(place, Bundle):
        later = read_bundle(files, Bundle(index=place.index, width=width))
        return read_bundle(files, place) == later[: place.width]
    whole = Tile(level=place.level, index=place.index, width=width)
    hashes = split_tile(read_tile(files, whole), width, whole.path)
    older = split_tile(read_tile(files, place), place.width, place.path)
    return older == hashes[: place.width]

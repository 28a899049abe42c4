"""The files of an exported log, read one by one and by what they are; must not verify them.

An export is what C2SP tlog-tiles serves: `checkpoint`, `tile/<L>/<N>`, `tile/entries/<N>`, and
beside them `log.vkey`, the log's verifier keys, a line each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from cleanroom.audit.checkpoint import decode_checkpoint
from cleanroom.audit.errors import ExportInvalid
from cleanroom.audit.note import MAX_NOTE_BYTES
from cleanroom.audit.tile_tree import TileNodes
from cleanroom.audit.tiles import (
    MAX_BUNDLE_BYTES,
    MAX_TILE_BYTES,
    WIDTH,
    Bundle,
    Tile,
    decode_bundle,
    split_tile,
)

CHECKPOINT: Final = "checkpoint"
LOG_KEYS: Final = "log.vkey"


class ExportFiles(Protocol):
    """The files of an export by their paths below its root, with `/` between names."""

    def read(self, path: str, limit: int) -> bytes | None:
        """Return a file's bytes, None when there is none; raises ExportInvalid beyond `limit`."""

    def paths(self) -> Iterable[str]:
        """Return the path of every finished file."""


def read_checkpoint(files: ExportFiles) -> bytes:
    """Return the checkpoint's note; raises ExportInvalid when there is none."""
    data = files.read(CHECKPOINT, MAX_NOTE_BYTES)
    if data is None:
        raise ExportInvalid(path=CHECKPOINT, why="there is no such file: this is no whole export")
    return data


def read_bundle(files: ExportFiles, bundle: Bundle) -> list[bytes]:
    """Return the entries of a bundle that must be there; raises ExportInvalid."""
    return decode_bundle(_present(files, bundle, MAX_BUNDLE_BYTES), bundle.width, bundle.path)


def entries_as_they_are(files: ExportFiles) -> Iterator[bytes]:
    """Yield every entry that the checkpoint counts; raises ExportInvalid, NoteInvalid.

    Verifies nothing, not even the checkpoint's signature: for readers who did, or need not.
    """
    text = read_checkpoint(files).decode("utf-8", "replace").partition("\n\n")[0]
    size = decode_checkpoint(f"{text}\n").size
    for index in range(-(-size // WIDTH)):
        bundle = Bundle(index=index, width=min(WIDTH, size - index * WIDTH))
        yield from read_bundle(files, bundle)


def read_tile(files: ExportFiles, tile: Tile) -> bytes:
    """Return the bytes of a tile that must be there; raises ExportInvalid."""
    return _present(files, tile, MAX_TILE_BYTES)


def nodes_of(files: ExportFiles, size: int) -> TileNodes:
    """Return the nodes of a tree of `size` as the export's tiles have them.

    A full tile stands in for a partial one of an older tree.
    """

    def read(tile: Tile) -> bytes:
        if tile.width == WIDTH or files.read(tile.path, MAX_TILE_BYTES) is not None:
            return read_tile(files, tile)
        full = Tile(level=tile.level, index=tile.index, width=WIDTH)
        return b"".join(split_tile(read_tile(files, full), WIDTH, full.path)[: tile.width])

    return TileNodes(size, read)


def _present(files: ExportFiles, place: Tile | Bundle, limit: int) -> bytes:
    data = files.read(place.path, limit)
    if data is None:
        why = "it is missing, though the checkpoint counts what is in it: the log was truncated"
        raise ExportInvalid(path=place.path, why=why)
    return data

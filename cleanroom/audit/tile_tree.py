"""The tree and its tiles, each made from the other; must not know where tiles are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cleanroom.audit.tiles import (
    HEIGHT,
    MAX_LEVEL,
    WIDTH,
    Tile,
    split_tile,
    subtree_hash,
    width_at,
)
from cleanroom.audit.tree import ReadNode

ReadTile = Callable[[Tile], bytes]
"""Returns a tile's bytes; raises ExportInvalid when there are none."""

_KEPT = 64  # tiles in memory: the path of every proof of a tree of any size


class TileBuilder:
    """Makes the tiles of a growing tree from its leaf hashes, 256 at a time.

    Ensures: holds fewer than 256 hashes a level, so memory does not grow with the log.
    """

    __slots__ = ("_indices", "_pending")

    def __init__(self, size: int = 0, read_node: ReadNode | None = None) -> None:
        """Start behind a tree of `size`, a multiple of 256, whose nodes `read_node` returns."""
        if size % WIDTH or (size and read_node is None):
            raise ValueError("a builder starts at a full tile, with the nodes of those before")
        counts = [size >> (HEIGHT * level) for level in range(MAX_LEVEL + 1)]
        self._indices = [count // WIDTH for count in counts]
        self._pending: list[list[bytes]] = [[] for _ in counts]
        if read_node is not None:
            for level, count in enumerate(counts):
                edge = range(count - count % WIDTH, count)
                self._pending[level] = [read_node(HEIGHT * level, index) for index in edge]

    def append(self, leaves: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Yield the tiles that 256 more leaf hashes complete."""
        if len(leaves) != WIDTH:
            raise ValueError(f"leaves are appended {WIDTH} at a time")
        level, hashes = 0, list(leaves)
        while True:
            tile = Tile(level=level, index=self._indices[level], width=WIDTH)
            yield tile, b"".join(hashes)
            self._indices[level] += 1
            self._pending[level] = []
            above = self._pending[level + 1]
            above.append(subtree_hash(hashes))
            if len(above) < WIDTH:
                return
            level, hashes = level + 1, above

    def finish(self, leaves: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Yield the partial tiles at the right edge, after the last leaf hashes (0 to 255)."""
        for level, hashes in enumerate((list(leaves), *self._pending[1:])):
            if hashes:
                tile = Tile(level=level, index=self._indices[level], width=len(hashes))
                yield tile, b"".join(hashes)


class TileNodes:
    """The nodes of a tree of `size`, read from its tiles; a `ReadNode`.

    Does not verify the tiles: what is proved with them must be compared with a signed root.
    """

    __slots__ = ("_kept", "_read", "_size")

    def __init__(self, size: int, read: ReadTile) -> None:
        self._size, self._read = size, read
        self._kept: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; raises ExportInvalid, KeyError outside the tree."""
        up, height = divmod(level, HEIGHT)
        first = index << height  # of the hashes of the tile's level below the node
        hashes = self._hashes(up, first // WIDTH)
        start = first % WIDTH
        below = hashes[start : start + (1 << height)]
        if len(below) != 1 << height:
            raise KeyError(f"a tree of {self._size} has no node {index} on level {level}")
        return subtree_hash(below)

    def _hashes(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._kept:
            width = width_at(level, index, self._size)
            if not width:
                raise KeyError(f"a tree of {self._size} has no tile {index} on level {level}")
            tile = Tile(level=level, index=index, width=width)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[level, index] = split_tile(self._read(tile), width, tile.path)
        return self._kept[level, index]

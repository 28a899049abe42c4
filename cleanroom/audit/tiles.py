"""C2SP tlog-tiles: where the tree's hashes and entries lie and how; must not know any file system.

A *tile* (level l, index n, width w) holds w consecutive hashes of the tree's level 8l, from 256n
on; a *bundle* holds w consecutive entries from 256n on. Full ones are 256 wide and never change;
those at the tree's right edge are partial, and each is a prefix of what takes its place later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.entry import MAX_ENTRY_BYTES
from cleanroom.audit.errors import ExportInvalid
from cleanroom.audit.tree import HASH_BYTES, node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
MAX_LEVEL: Final = 7  # of a tree below 2^63 entries; the specification allows 63
MAX_TILE_BYTES: Final = WIDTH * HASH_BYTES
MAX_BUNDLE_BYTES: Final = WIDTH * (2 + MAX_ENTRY_BYTES)

_LENGTH_BYTES: Final = 2
_GROUP: Final = 1000
_PATH = re.compile(
    r"(?P<folder>tile/entries|tile/[0-7]|payload)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """`width` (1 to 256) hashes of the tree's level 8 * `level`, from index 256 * `index` on."""

    level: int
    index: int
    width: int

    def __post_init__(self) -> None:
        """Check the ranges; raises ValueError."""
        if not 0 <= self.level <= MAX_LEVEL:
            raise ValueError(f"a tile's level is 0 to {MAX_LEVEL}")
        _check_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where it lies below the log's prefix."""
        return f"tile/{self.level}/{_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """`width` (1 to 256) entries from index 256 * `index` on."""

    index: int
    width: int

    def __post_init__(self) -> None:
        """Check the ranges; raises ValueError."""
        _check_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where it lies below the log's prefix."""
        return f"tile/entries/{_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is kept beside the entries of bundle `index`; not of C2SP tlog-tiles."""

    index: int

    @property
    def path(self) -> str:
        """Where it lies below the log's prefix."""
        return f"payload/{_place(self.index, WIDTH)}"


def parse_path(path: str) -> Tile | Bundle | Beside | None:
    """Return what lies at a path, None when nothing of a log may: the inverse of `path`."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = WIDTH if match["width"] is None else int(match["width"])
    try:
        found = _placed(match["folder"], index, width)
    except ValueError:
        return None
    return found if found.path == path else None  # x000/x000/001 is not how 1 is written


def _placed(folder: str, index: int, width: int) -> Tile | Bundle | Beside:
    match folder:
        case "payload":
            return Beside(index=index)
        case "tile/entries":
            return Bundle(index=index, width=width)
        case _:
            return Tile(level=int(folder.removeprefix("tile/")), index=index, width=width)


def width_at(level: int, index: int, size: int) -> int:
    """Return how many hashes (level 0: also entries) a tree of `size` has there; 0 for none."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield the tiles of a tree, level by level, each level from the left."""
    for level in range(MAX_LEVEL + 1):
        for index in range(-(-(size >> (HEIGHT * level)) // WIDTH)):
            yield Tile(level=level, index=index, width=width_at(level, index, size))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return 1 to 256 entries, each behind its length of 16 bits, big-endian."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int, path: str) -> list[bytes]:
    """Return exactly `width` entries; raises ExportInvalid naming `path`."""
    found: list[bytes] = []
    at = 0
    while at < len(data) and len(found) < width:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        found.append(data[start:at])
    if at != len(data) or len(found) != width:
        why = f"it does not hold exactly {width} entries with their lengths: it is cut or damaged"
        raise ExportInvalid(path=path, why=why)
    return found


def split_tile(data: bytes, width: int, path: str) -> list[bytes]:
    """Return exactly `width` hashes; raises ExportInvalid naming `path`."""
    if len(data) != width * HASH_BYTES:
        why = f"it does not hold exactly {width} hashes of {HASH_BYTES} bytes: it is cut or damaged"
        raise ExportInvalid(path=path, why=why)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def subtree_hash(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes: of a full tile, the hash a level above."""
    layer = list(hashes)
    while len(layer) > 1:
        layer = [node_hash(*layer[at : at + 2]) for at in range(0, len(layer), 2)]
    return layer[0]


def _check_place(index: int, width: int) -> None:
    if index < 0 or not 1 <= width <= WIDTH:
        raise ValueError(f"a tile's index is 0 or more, its width 1 to {WIDTH}")


def _place(index: int, width: int) -> str:
    """Return an index in groups of three digits, all but the last behind an x, and a width."""
    rest, last = divmod(index, _GROUP)
    path = f"{last:03}"
    while rest:
        rest, group = divmod(rest, _GROUP)
        path = f"x{group:03}/{path}"
    return path if width == WIDTH else f"{path}.p/{width}"

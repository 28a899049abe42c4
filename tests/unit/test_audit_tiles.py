"""Tiles and bundles: paths, widths, bytes, and the tree read back from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.audit.errors import ExportInvalid
from cleanroom.audit.tile_tree import TileBuilder, TileNodes
from cleanroom.audit.tiles import (
    WIDTH,
    Bundle,
    Tile,
    decode_bundle,
    encode_bundle,
    parse_path,
    split_tile,
    tiles_of,
    width_at,
)
from cleanroom.audit.tree import consistency_proof, inclusion_proof, leaf_hash, root
from support.audit_logs import MemoryTree

PLACES = st.tuples(st.integers(0, 7), st.integers(0, 2**55), st.integers(1, WIDTH))


def test_an_index_is_written_as_the_specification_shows_it():
    # Source: C2SP tlog-tiles, "Merkle Tree".
    assert Tile(level=0, index=1234067, width=WIDTH).path == "tile/0/x001/x234/067"
    assert Tile(level=2, index=0, width=1).path == "tile/2/000.p/1"
    assert Bundle(index=273, width=112).path == "tile/entries/273.p/112"


def test_a_tree_of_70000_has_the_tiles_the_specification_counts():
    # Source: C2SP tlog-tiles, "Partial Tiles".
    tiles = list(tiles_of(70_000))
    widths = [[tile.width for tile in tiles if tile.level == level] for level in range(4)]
    assert widths == [[256] * 273 + [112], [256, 17], [1], []]
    assert list(tiles_of(0)) == []
    assert [tile.path for tile in tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]


@given(PLACES)
def test_a_path_is_read_back(place):
    level, index, width = place
    tile, bundle = Tile(level=level, index=index, width=width), Bundle(index=index, width=width)
    assert parse_path(tile.path) == tile
    assert parse_path(bundle.path) == bundle


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1",
        "tile/0/0001",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/8/001",
        "tile/-1/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/09",
        "tile/0/001.p",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/../0/001",
        "tile/entries/001\n",
        "tile/data/001",
        "tile/0/٠٠١",
        "checkpoint",
    ],
)
def test_another_path_is_nobodys(path):
    assert parse_path(path) is None


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=WIDTH))
def test_a_bundle_is_read_back(entries):
    assert decode_bundle(encode_bundle(entries), len(entries), "p") == entries


def test_a_bundle_holds_the_longest_entry():
    assert encode_bundle([b"x" * 65_535])[:2] == b"\xff\xff"


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1", b"\0\1ab", b"\0\1a\0\1", b"\0\1a\0\1b\0"])
def test_a_bundle_that_is_cut_or_longer_is_refused(data):
    with pytest.raises(ExportInvalid, match=r"tile/entries/000\.p/2"):
        decode_bundle(data, 2, "tile/entries/000.p/2")


def tree_in_tiles(size):
    """Return a tree's stored nodes and its tiles by path, built from the leaves."""
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    stored = MemoryTree()
    for leaf in leaves:
        stored.append(leaf)
    builder, tiles = TileBuilder(), {}
    for start in range(0, size - size % WIDTH, WIDTH):
        tiles.update((t.path, d) for t, d in builder.append(leaves[start : start + WIDTH]))
    tiles.update((t.path, d) for t, d in builder.finish(leaves[size - size % WIDTH :]))
    return stored, tiles


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 65_535, 65_536, 65_793, 66_000])
def test_tiles_hold_the_nodes_of_the_tree(size):
    stored, tiles = tree_in_tiles(size)
    assert sorted(tiles) == sorted(tile.path for tile in tiles_of(size))
    for tile in tiles_of(size):
        first = tile.index * WIDTH
        nodes = [stored.nodes[8 * tile.level, first + at] for at in range(tile.width)]
        assert split_tile(tiles[tile.path], tile.width, "p") == nodes
    nodes = TileNodes(size, lambda tile: tiles[tile.path])
    assert root(size, nodes) == root(size, stored.read_node)


def test_proofs_from_tiles_are_those_of_the_tree():
    size = 66_000
    stored, tiles = tree_in_tiles(size)
    nodes = TileNodes(size, lambda tile: tiles[tile.path])
    for index in (0, 255, 256, 65_535, 65_536, 65_999):
        assert inclusion_proof(index, size, nodes) == inclusion_proof(index, size, stored.read_node)
    for old in (1, 255, 256, 300, 65_536, 65_537, 65_999):
        proof = consistency_proof(old, size, nodes)
        assert proof == consistency_proof(old, size, stored.read_node)


def test_a_builder_goes_on_behind_full_tiles():
    size = 66_000
    stored, tiles = tree_in_tiles(size)
    start = 65_280
    builder = TileBuilder(start, stored.read_node)
    more = {}
    leaves = [stored.nodes[0, index] for index in range(start, size)]
    for at in range(0, len(leaves) - len(leaves) % WIDTH, WIDTH):
        more.update((t.path, d) for t, d in builder.append(leaves[at : at + WIDTH]))
    more.update((t.path, d) for t, d in builder.finish(leaves[len(leaves) - size % WIDTH :]))
    assert more == {path: tiles[path] for path in more}
    assert "tile/1/000" in more
    with pytest.raises(ValueError, match="full tile"):
        TileBuilder(1, stored.read_node)


def test_a_node_outside_the_tree_is_a_key_error():
    _, tiles = tree_in_tiles(300)
    nodes = TileNodes(300, lambda tile: tiles[tile.path])
    for level, index in [(0, 300), (8, 1), (3, 37), (16, 0)]:
        with pytest.raises(KeyError):
            nodes(level, index)


def test_widths_are_cut_at_the_edge():
    assert [width_at(0, index, 300) for index in range(3)] == [256, 44, 0]
    assert [width_at(1, index, 300) for index in range(2)] == [1, 0]

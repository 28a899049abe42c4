"""The Merkle tree of RFC 6962: hashes, roots, proofs, verification; must not know what leaves say.

A *node* (level, index) is the root of the complete subtree over leaves
[index * 2^level, (index + 1) * 2^level); level 0 is a leaf hash.
Such a node never changes once its last leaf is there, so a store appends nodes and rewrites none.
Every hash is 32 bytes of SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from cleanroom.audit.errors import ProofInvalid

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 6962, section 2.1: MTH({}) = SHA-256()

ReadNode = Callable[[int, int], bytes]
"""`read_node(level, index)` returns a stored complete-subtree hash, 32 bytes."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry) (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right) (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def appended_nodes(size: int, new_leaf: bytes, read_node: ReadNode) -> list[tuple[int, int, bytes]]:
    """Return the (level, index, hash) that appending one leaf hash to a tree of `size` creates.

    The first is the leaf itself; each further one completes the subtree above it.
    Reads and returns at most log2(size) + 1 nodes.
    """
    level, index, current = 0, size, new_leaf
    created = [(level, index, current)]
    while index & 1:  # a right child completes its parent
        current = node_hash(read_node(level, index - 1), current)
        level, index = level + 1, index >> 1
        created.append((level, index, current))
    return created


def root(size: int, read_node: ReadNode) -> bytes:
    """Return MTH of the first `size` leaves (RFC 6962, section 2.1), reading O(log size) nodes."""
    return _range_hash(0, size, read_node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """Return PATH(index, D[size]) of RFC 6962, section 2.1.1, from the leaf's sibling upwards.

    Raises ProofInvalid when the tree of `size` has no leaf `index`.
    """
    if not 0 <= index < size:
        raise ProofInvalid(proof="inclusion", why=f"a tree of size {size} has no leaf {index}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:  # keep the left half, prove the right one
            proof.append(_range_hash(middle, end, read_node))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read_node))
            start = middle
    return proof[::-1]


def consistency_proof(old_size: int, new_size: int, read_node: ReadNode) -> list[bytes]:
    """Return PROOF(old_size, D[new_size]) of RFC 6962, section 2.1.2.

    It is empty for equal sizes, and for an old size of 0, where there is nothing to prove.
    Raises ProofInvalid when old_size is negative or exceeds new_size.
    """
    if not 0 <= old_size <= new_size:
        why = f"size {new_size} cannot extend size {old_size}"
        raise ProofInvalid(proof="consistency", why=why)
    if old_size == 0:
        return []
    proof = []
    start, end = 0, new_size
    while end != old_size:  # SUBPROOF(m, D[n], b): the range still holds the old tree's edge
        middle = start + _split(end - start)
        if old_size <= middle:
            proof.append(_range_hash(middle, end, read_node))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read_node))
            start = middle
    if start:  # b is false: the old root does not contain this subtree's hash itself
        proof.append(_range_hash(start, end, read_node))
    return proof[::-1]


def verify_inclusion(
    *, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Verify that the tree (size, root) holds this leaf hash at `index`; raises ProofInvalid.

    RFC 9162, section 2.1.3.2. Does not verify that anyone signed the root.
    """
    # 1. The leaf lies in the tree, and all hashes are hashes.
    if not 0 <= index < size:
        raise ProofInvalid(proof="inclusion", why=f"a tree of size {size} has no leaf {index}")
    _check_hashes("inclusion", [leaf_hash, *proof])
    # 2. Set fn to the leaf, sn to the last leaf, r to the leaf hash.
    fn, sn, r = index, size - 1, leaf_hash
    for p in proof:
        # 3a. At the top there must be no hash left over.
        if sn == 0:
            raise ProofInvalid(proof="inclusion", why="it has more hashes than the path")
        # 3b. A right child, or the last node of a level, takes p on its left.
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:  # levels where the last node has no sibling
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        # 3c. One level up.
        fn, sn = fn >> 1, sn >> 1
    # 4. At the top, with the root of the tree.
    if sn:
        raise ProofInvalid(proof="inclusion", why="it has fewer hashes than the path")
    if r != root:
        raise ProofInvalid(proof="inclusion", why="it leads to another root")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Verify that the tree (old_size, old_root) is a prefix of (new_size, new_root).

    RFC 9162, section 2.1.4.2. Raises ProofInvalid.
    An old size of 0 is refused: every tree extends the empty one, so a proof would say nothing.
    """
    # 1. Sizes that a proof can speak of; equal sizes need equal roots and no proof.
    if not 0 < old_size <= new_size:
        why = f"no proof leads from size {old_size} to size {new_size}"
        raise ProofInvalid(proof="consistency", why=why)
    if old_size == new_size:
        _check_same_tree(old_root, new_root, proof)
        return
    if not proof:
        raise ProofInvalid(proof="consistency", why="it is empty, though the sizes differ")
    _check_hashes("consistency", proof)
    # 2. A complete old tree is itself the first node of the path.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    # 3, 4. Set fn, sn to the last leaves and skip the levels where the old edge is a right child.
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    # 5, 6. Rebuild both roots along the same path.
    fr = sr = path[0]
    for c in path[1:]:
        # 6a. At the top there must be no hash left over.
        if sn == 0:
            raise ProofInvalid(proof="consistency", why="it has more hashes than the path")
        # 6b. A hash on the left belongs to both trees, one on the right only to the new tree.
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        # 6c. One level up.
        fn, sn = fn >> 1, sn >> 1
    # 7. At the top, with both roots.
    _check_ends(sn, fr == old_root, sr == new_root)


def _check_ends(sn: int, old_matches: bool, new_matches: bool) -> None:  # noqa: FBT001 # two facts, named at the only call
    if sn:
        raise ProofInvalid(proof="consistency", why="it has fewer hashes than the path")
    if not old_matches:
        raise ProofInvalid(proof="consistency", why="it leads to another old root")
    if not new_matches:
        raise ProofInvalid(proof="consistency", why="it leads to another new root")


def _check_same_tree(old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise ProofInvalid(proof="consistency", why="equal sizes need no hashes, but it has some")
    if old_root != new_root:
        raise ProofInvalid(proof="consistency", why="the sizes are equal and the roots differ")


def _check_hashes(proof: str, hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofInvalid(proof=proof, why=f"a hash is not {HASH_BYTES} bytes long")


def _range_hash(start: int, end: int, read_node: ReadNode) -> bytes:
    """Return MTH of leaves [start, end), where start is a multiple of the next power of two."""
    hashes = [read_node(level, index) for level, index in _complete_nodes(start, end)]
    result = hashes.pop()
    while hashes:  # the last subtree is the smallest: fold from the right
        result = node_hash(hashes.pop(), result)
    return result


def _complete_nodes(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the complete subtrees that make up [start, end), largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width` (RFC 6962, section 2.1: k)."""
    return 1 << ((width - 1).bit_length() - 1)

"""A Merkle root over a stream of leaves in O(log n) memory; must not know where leaves come from."""

from __future__ import annotations

from cleanroom.audit.tree import EMPTY_ROOT, node_hash


class CompactRange:
    """The peaks of an RFC 6962 tree: the complete subtrees that its size's binary digits name.

    Ensures: after n calls of `append`, `root()` is MTH of those n leaf hashes
    and at most log2(n) + 1 hashes are held.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        """Start with the empty tree."""
        self.size = 0
        self._peaks: list[bytes] = []  # largest subtree first

    def append(self, leaf_hash: bytes) -> None:
        """Take the next leaf hash (32 bytes)."""
        current = leaf_hash
        below = self.size
        while below & 1:  # the peak of this level and the new subtree make one a level up
            current = node_hash(self._peaks.pop(), current)
            below >>= 1
        self._peaks.append(current)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *larger, result = self._peaks
        for peak in reversed(larger):
            result = node_hash(peak, result)
        return result

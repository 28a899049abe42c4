"""Merges rows that share an identity into people; must not know schemas, consent or files.

An identity is a value of one column (a token of one key type, or the owner's reference).
People are the connected components of the graph of rows and identities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]

ABSENT = np.iinfo(np.int64).max  # sorts after every rank, and is neutral for a minimum


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One identity column as ranks: `values` (u, width) are its different values, ascending.

    `ranks` (rows,) are positions in `values`, ABSENT for null.
    """

    ranks: Ints
    values: Bytes


def identity_of(column: pa.ChunkedArray) -> Identity:
    """Return the ranks of a fixed_size_binary column whose width is a multiple of 8."""
    encoded = column.combine_chunks().dictionary_encode()
    found = fixed_bytes(encoded.dictionary)
    words = found.view(">u8").astype(np.uint64)  # big endian: numeric order is byte order
    ascending = np.lexsort(words.T[::-1])
    rank = np.empty(len(found), dtype=np.int64)
    rank[ascending] = np.arange(len(found))
    present = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
    ranks = np.full(len(column), ABSENT, dtype=np.int64)
    ranks[present] = rank[encoded.indices.drop_null().to_numpy()]
    return Identity(ranks=ranks, values=found[ascending])


def fixed_bytes(array: pa.FixedSizeBinaryArray) -> Bytes:
    """Return an array of w-byte values as (n, w) uint8; what stands for a null is unspecified."""
    width = array.type.byte_width
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.zeros((0, width), dtype=np.uint8)
    whole: Bytes = np.frombuffer(data, dtype=np.uint8)
    return whole[array.offset * width :][: len(array) * width].reshape(-1, width)


def components(identities: Sequence[Identity], rows: int) -> Ints:
    """Return the person of each row (rows,), numbered from 0 in no promised order."""
    ends: list[Ints] = []
    starts: list[Ints] = []
    nodes = rows
    for identity in identities:
        present = np.flatnonzero(identity.ranks != ABSENT)
        starts.append(present)
        ends.append(identity.ranks[present] + nodes)
        nodes += len(identity.values)
    row, node = _joined(starts), _joined(ends)
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, node)), shape=(nodes, nodes))
    _, labels = connected_components(graph, directed=False)
    return labels[:rows].astype(np.int64)  # every identity has a row, so no label is lost


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


class Grouped:
    """Rows gathered by person, to reduce columns of rows to columns of people."""

    __slots__ = ("_order", "_starts")

    def __init__(self, person: Ints) -> None:
        """Gather by `person` (rows,), numbered 0..n-1 without gaps."""
        self._order = np.argsort(person, kind="stable")
        gathered = person[self._order]
        self._starts = np.flatnonzero(np.diff(gathered, prepend=-1))

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self._starts)

    def first(self, column: Ints) -> Ints:
        """Return each person's value in one of their rows (rows,) -> (people,)."""
        return column[self._order[self._starts]]

    def reduced(self, how: np.ufunc, column: Ints) -> Ints:
        """Return `how` over each person's rows (rows,) -> (people,)."""
        reduced: Ints = how.reduceat(column[self._order], self._starts)
        return reduced

    def agreed(self, column: Ints, otherwise: int) -> Ints:
        """Return the value all rows of a person share, `otherwise` where they differ."""
        least, most = self.reduced(np.minimum, column), self.reduced(np.maximum, column)
        return np.where(least == most, least, otherwise)

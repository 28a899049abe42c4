"""Merges rows that share an identity into people; must not know schemas, consent or files.

An identity is a value of one column (a token of one key type, or the owner's reference).
People are the connected components of the graph of rows and identities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cleanroom.engine.order import Bytes, Flags, Ints, ordering, rank_type, starts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One identity column as ranks: `values` (u, 16) begin its different values, ascending.

    `ranks` (rows,) are positions in `values`, `absent` for null: it sorts after every rank and
    is neutral for a minimum.
    """

    ranks: Ints
    values: Bytes

    @property
    def absent(self) -> int:
        """What stands for no value."""
        return int(np.iinfo(self.ranks.dtype).max)

    @property
    def present(self) -> Flags:
        """Which rows (rows,) have a value."""
        return np.not_equal(self.ranks, self.absent)


def identity_of(ranks: Ints, values: Bytes, present: Flags) -> Identity:
    """Return an identity from the ranks (m,) of what is present, and where (rows,) that is."""
    kind = rank_type(len(present))
    everywhere = np.full(len(present), np.iinfo(kind).max, dtype=kind)
    everywhere[present] = ranks
    return Identity(ranks=everywhere, values=values)


def fixed_bytes(array: pa.FixedSizeBinaryArray) -> Bytes:
    """Return an array of w-byte values as (n, w) uint8; what stands for a null is unspecified."""
    width = array.type.byte_width
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.zeros((0, width), dtype=np.uint8)
    whole: Bytes = np.frombuffer(data, dtype=np.uint8)
    return whole[array.offset * width :][: len(array) * width].reshape(-1, width)


def components(identities: Sequence[Identity], rows: int) -> Ints:
    """Return the person of each row (rows,), a number below `rank_type`'s limit, with gaps.

    Each row begins in the group of its first identity, or alone. Where rows of one identity are
    in different groups, each such group is linked to one of them: people are the components of
    these links alone, which are few where most rows agree.
    """
    group, limit = _first_groups(identities, rows)
    found = [_links(identity, group) for identity in identities]
    start = np.concatenate([starts for starts, _ in found])
    end = np.concatenate([ends for _, ends in found])
    return _contracted(group, start, end, limit) if len(start) else group


def _first_groups(identities: Sequence[Identity], rows: int) -> tuple[Ints, int]:
    """Return a number for each row's first identity, or for the row itself, and their limit."""
    limit = sum(len(identity.values) for identity in identities)
    group = np.arange(limit, limit + rows, dtype=rank_type(rows))
    before = limit
    for identity in reversed(identities):
        before -= len(identity.values)
        np.add(identity.ranks, before, out=group, where=identity.present)
    return group, limit + rows


def _links(identity: Identity, group: Ints) -> tuple[Ints, Ints]:
    present = identity.present
    ranks, groups = identity.ranks[present], group[present]
    chosen = np.empty(len(identity.values), dtype=group.dtype)
    chosen[ranks] = groups  # whichever comes last: any of them will do
    others = chosen[ranks]
    apart = others != groups
    return groups[apart], others[apart]


def _contracted(group: Ints, start: Ints, end: Ints, limit: int) -> Ints:
    """Return the groups with those linked made one."""
    linked = np.zeros(limit, dtype=np.bool_)
    linked[start] = linked[end] = True
    nodes = np.flatnonzero(linked)
    number = np.cumsum(linked, dtype=group.dtype) - 1
    edges = (np.ones(len(start), dtype=np.int8), (number[start], number[end]))
    graph = coo_array(edges, shape=(len(nodes), len(nodes)))
    count, labels = connected_components(graph, directed=False)
    leader = np.empty(count, dtype=group.dtype)
    leader[labels] = nodes
    became = np.arange(limit, dtype=group.dtype)
    became[nodes] = leader[labels]
    return became[group]


class Grouped:
    """Rows gathered by person, to reduce columns of rows to columns of people."""

    __slots__ = ("_order", "_starts")

    def __init__(self, person: Ints) -> None:
        """Gather by `person` (rows,), any numbers."""
        self._order = ordering([person])
        self._starts = starts_of(person[self._order]).astype(self._order.dtype)

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self._starts)

    def first(self, column: Ints, people: Ints) -> Ints:
        """Return the value in one of their rows of some people (rows,) -> (people,)."""
        return column[self._order[self._starts[people]]]

    def reduced(self, how: np.ufunc, column: Ints) -> Ints:
        """Return `how` over each person's rows (rows,) -> (people,); how(x, x) must be x."""
        if len(column) and column.min() == column.max():
            return np.full(len(self), column[0])
        gathered = column[self._order]
        if len(self) == len(column):
            return gathered
        reduced: Ints = how.reduceat(gathered, self._starts)
        return reduced

    def agreed(self, column: Ints, otherwise: int) -> Ints:
        """Return the value all rows of a person share, `otherwise` where they differ."""
        least, most = self.reduced(np.minimum, column), self.reduced(np.maximum, column)
        return np.where(least == most, least, np.array(otherwise, dtype=column.dtype))

    def by_row(self, column: Ints) -> Ints:
        """Return each person's value for all of their rows (people,) -> (rows,)."""
        spread_out = np.empty(len(self._order), dtype=column.dtype)
        ends = np.append(self._starts[1:], len(self._order))
        spread_out[self._order] = np.repeat(column, ends - self._starts)
        return spread_out

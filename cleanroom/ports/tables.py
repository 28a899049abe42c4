"""A sealed version, and what it is sealed from, as Arrow; must not know how they are stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

_TOKEN = pa.binary(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTables:
    """`persons`, `events` and `references` as laid out in engine/layout.py."""

    persons: pa.Table
    events: pa.Table
    references: pa.Table

    def without_people(self, people: Collection[int]) -> SealedTables:
        """Return the tables without these `persons`; their events are then nobody's.

        Every figure begins with people, so that it is as if they had no consent.
        """
        if not people:
            return self
        gone = pc.is_in(self.persons["person"], value_set=pa.array(sorted(people), pa.int64()))
        return replace(self, persons=self.persons.filter(pc.invert(gone)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Tables ready to be stored and the SHA-256 of their content, in hex.

    Equal content has an equal digest, whatever the order in which it was uploaded.
    """

    tables: SealedTables
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMap:
    """The final token of each uploaded element, in parallel.

    Both are fixed_size_binary[32] without nulls; elements may come in any order, each once.
    """

    elements: pa.FixedSizeBinaryArray
    tokens: pa.FixedSizeBinaryArray

    def __post_init__(self) -> None:
        """Both sides have one type and one length."""
        for side in (self.elements, self.tokens):
            if side.type != _TOKEN or side.null_count:
                raise TypeError("a token map holds fixed_size_binary[32] without nulls")
        if len(self.elements) != len(self.tokens):
            raise ValueError("a token map has one token for each element")

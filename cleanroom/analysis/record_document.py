"""A record of processing as headings, paragraphs and tables; must not know what it says or its look.

Whatever was counted in a log, or read off an entry of it, carries the entries it follows from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A text that follows from entries of the log, by their indices, ascending."""

    text: str
    entries: tuple[int, ...]


Cell: TypeAlias = str | Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table: the text of its heads, and rows of as many cells."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        """Every row is as long as the heads."""
        if any(len(row) != len(self.heads) for row in self.rows):
            raise ValueError("a row of a record has another number of cells than its heads")


Part: TypeAlias = str | Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A heading, the article it answers ("" for none), and what stands below it."""

    id: str
    title: str
    article: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The whole record of a collaboration: its policy, and the log of so many entries.

    `root` is that of the log's tree in base64, by which anybody can tell which log was read.
    """

    collaboration: str
    policy_digest: str
    in_force: bool
    origin: str
    entries: int
    root: str
    made_at_s: int
    chapters: tuple[Chapter, ...]


def grid(heads: str, rows: Iterable[tuple[Cell, ...]]) -> Grid:
    """Return a table whose heads are separated by ` | `; a row of dashes where there is none."""
    names = tuple(heads.split(" | "))
    found = tuple(rows)
    return Grid(heads=names, rows=found or (("–",) * len(names),))

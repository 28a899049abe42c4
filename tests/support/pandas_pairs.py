"""Who is matched with whom, worked out again in pandas from what the rows mean.

Written from the design (stages, one-to-one, people as connected components, the least token),
sharing no code with the engine or the SDK. A person is known by the lines that are theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import pandas as pd

from support.messy_lists import KEYS, Row

Lines: TypeAlias = frozenset[int]
Pair: TypeAlias = tuple[Lines, Lines, str]
TokenOf: TypeAlias = Callable[[str, str], bytes]  # key type and normal form -> token


def people(rows: Iterable[Row], token_of: TokenOf) -> pd.DataFrame:
    """Return one record for each usable person: `lines`, and the least token of each key type."""
    entered = [row for row in rows if row.agrees and any(row.cells[k].means for k in KEYS)]
    root = _roots(entered)
    table = pd.DataFrame(
        [
            {
                "component": root[row.line],
                "line": row.line,
                "is_over": row.is_over,
                **{k: _token(token_of, k, row.cells[k].means) for k in KEYS},
            }
            for row in entered
        ],
        columns=["component", "line", "is_over", *KEYS],
        dtype=object,
    )
    found = [
        {
            "lines": frozenset(group["line"]),
            **{k: min(group[k].dropna(), default=None) for k in KEYS},
        }
        for _, group in table.groupby("component")
        if not group["is_over"].any()
    ]
    return pd.DataFrame(found, columns=["lines", *KEYS], dtype=object)


def _token(token_of: TokenOf, key: str, means: str | None) -> bytes | None:
    return None if means is None else token_of(key, means)


def _roots(rows: Iterable[Row]) -> dict[int, int]:
    """Return the least line that each line hangs together with, by any value they share."""
    parent = {row.line: row.line for row in rows}

    def root(line: int) -> int:
        while parent[line] != line:
            parent[line] = parent[parent[line]]
            line = parent[line]
        return line

    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        values = [(key, cell.means) for key, cell in row.cells.items() if cell.means is not None]
        values += [("person", row.person)] if row.person else []
        for value in values:
            a, b = root(row.line), root(seen.setdefault(value, row.line))
            parent[max(a, b)] = min(a, b)
    return {line: root(line) for line in parent}


def pairs(left: pd.DataFrame, right: pd.DataFrame) -> set[Pair]:
    """Return matched people with the key type of their stage; earlier stages win."""
    found: set[Pair] = set()
    for key in KEYS:
        a, b = left.dropna(subset=[key]), right.dropna(subset=[key])
        stage = a.merge(b, on=key, validate="one_to_one", suffixes=("_left", "_right"))
        found |= {(x, y, key) for x, y in zip(stage.lines_left, stage.lines_right, strict=True)}
        left = left[~left.lines.isin(set(stage.lines_left))]
        right = right[~right.lines.isin(set(stage.lines_right))]
    return found

"""Rows as text, as every kind of source gives them; knows no source and no dataset's columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBatch:
    """Some rows as text: one string array without nulls per column, in the order of the headers.

    `line_of` says where one of the rows (from 0) is in its source; it may read the source again.
    """

    columns: Sequence[pa.Array] = field(repr=False)
    rows: int
    line_of: Callable[[int], int]

"""Columns of numbers and times in their usual spelling, all values at once; see `values` for one.

Each function takes trimmed texts without nulls and returns what `values` makes of each, as int64,
or None where one of them is spelt in any other way, is wrong, or out of range: whoever gets None
asks `values`, which says what is wrong. A property test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom_client.tables.values import EARLIEST_S, LATEST_S

ConvertAll: TypeAlias = Callable[[pa.Array], "pa.Array | None"]

# As many digits as always fit.
_AMOUNT = r"^[0-9]{1,15}(\.[0-9]{1,2})?$"
_WHOLE = r"^[0-9]{1,18}$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
_CENTS = pa.decimal128(19, 2)


def amounts(texts: pa.Array) -> pa.Array | None:
    """See `values.amount`."""
    if not _all_are(texts, _AMOUNT):
        return None
    # A decimal128 is its integer of cents in two little-endian words; the high one is 0 here.
    words = np.frombuffer(texts.cast(_CENTS).buffers()[1], np.int64)
    return pa.array(words[: 2 * len(texts) : 2].copy())


def wholes(texts: pa.Array) -> pa.Array | None:
    """See `values.whole`."""
    return texts.cast(pa.int64()) if _all_are(texts, _WHOLE) else None


def moments(texts: pa.Array) -> pa.Array | None:
    """See `values.moment`: days, or times of day in UTC, or unix seconds, but one form in all."""
    for pattern, kind in (
        (_DAY, pa.timestamp("s")),
        (_TIME + "Z$", pa.timestamp("s", "UTC")),
        (_TIME + "$", pa.timestamp("s")),
        (_WHOLE, None),
    ):
        if _all_are(texts, pattern):
            return _in_range(texts, kind)
    return None


def _in_range(texts: pa.Array, kind: pa.DataType | None) -> pa.Array | None:
    try:
        seconds = (texts if kind is None else texts.cast(kind)).cast(pa.int64())
    except pa.ArrowInvalid:  # there is no such day or hour
        return None
    ends = pc.min_max(seconds)
    return seconds if EARLIEST_S <= ends["min"].as_py() <= ends["max"].as_py() <= LATEST_S else None


def _all_are(texts: pa.Array, pattern: str) -> bool:
    # The first one alone rules out most patterns.
    for part in (texts.slice(0, 1), texts):
        if not pc.all(pc.match_substring_regex(part, pattern), min_count=0).as_py():
            return False
    return len(texts) > 0

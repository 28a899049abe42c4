"""Which events of a person count, as a partner writes it: a window and filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import TypeAlias

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.errors import QuestionInvalid

Day: TypeAlias = str | date | datetime
"""A moment: an ISO date (its first second, UTC), or a time, in UTC unless it says otherwise."""

Span: TypeAlias = tuple[Day, Day]
"""From its first moment until before its second."""

Filters: TypeAlias = Mapping[str, Iterable[str]]
"""Columns with the values of which an event must have one."""


def window_proto(window: Span | None) -> pb.Window | None:
    """Return the request's form; raises QuestionInvalid for a window that is none."""
    if window is None:
        return None
    from_s, until_s = (unix_seconds(day) for day in window)
    if from_s >= until_s:
        raise QuestionInvalid("window: it must begin before it ends")
    return pb.Window(from_s=from_s, until_s=until_s)


def filters_proto(filters: Filters) -> list[pb.EventFilter]:
    """Return the request's form."""
    return [pb.EventFilter(column=column, values=list(v)) for column, v in filters.items()]


def unix_seconds(day: Day) -> int:
    """Return unix seconds; raises QuestionInvalid for text that is no ISO date or time."""
    if isinstance(day, str):
        try:
            day = datetime.fromisoformat(day)
        except ValueError:
            raise QuestionInvalid(f"{day!r}: expected a date such as 2026-03-31") from None
    if not isinstance(day, datetime):
        day = datetime.combine(day, time(), UTC)
    return int((day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp())

"""Days, weeks and months in UTC for what is counted over time; must not know what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

NO_DAY: Final = "no day"  # a time that no calendar has
_DAYS_SHOWN: Final = 45
_WEEKS_SHOWN: Final = 400  # days


class Step(StrEnum):
    """How long a bar of a chart over time is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def day_of(time_s: int) -> str:
    """Return the ISO day of unix seconds."""
    try:
        return datetime.fromtimestamp(time_s, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return NO_DAY


def step_for(first: str, last: str) -> Step:
    """Return the step at which a span of ISO days makes at most some fifty bars."""
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days
    if days < _DAYS_SHOWN:
        return Step.DAY
    return Step.WEEK if days < _WEEKS_SHOWN else Step.MONTH


def start_of(day: str, step: Step) -> str:
    """Return the ISO day on which the step that `day` is in begins; weeks begin on Monday."""
    at = date.fromisoformat(day)
    match step:
        case Step.DAY:
            return day
        case Step.WEEK:
            return (at - timedelta(days=at.weekday())).isoformat()
        case Step.MONTH:
            return at.replace(day=1).isoformat()


def steps_between(first: str, last: str, step: Step) -> Iterator[str]:
    """Yield the start of every step from that of `first` to that of `last`."""
    at, end = start_of(first, step), start_of(last, step)
    while at <= end:
        yield at
        at = _next(at, step)


def _next(start: str, step: Step) -> str:
    at = date.fromisoformat(start)
    match step:
        case Step.DAY:
            return (at + timedelta(days=1)).isoformat()
        case Step.WEEK:
            return (at + timedelta(weeks=1)).isoformat()
        case Step.MONTH:
            return (at.replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()

"""A question in a few words, as an officer would name it; must not know policies or answers."""

from __future__ import annotations

from datetime import UTC, datetime

from cleanroom.model.events import Filters, Window
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
)

_SHOWN = 6  # values of a filter


def question_words(question: Question) -> str:
    """Return `match rate of exposures and sales, by exposures.city`."""
    parts = [_what(question)]
    if question.by:
        parts.append(f"by {' and '.join(question.by)}")
    match question:
        case SalesLift(filters=filters, window=window):
            parts += _events(filters, window)
            parts += [f"strata {' and '.join(question.strata)}"] if question.strata else []
        case (
            ContributionBound(filters=filters, window=window) | Ropo(filters=filters, window=window)
        ):
            parts += _events(filters, window)
        case MatchRate() | SegmentSize() | Overlap():
            pass
    return ", ".join(parts)


def _what(question: Question) -> str:
    match question:
        case MatchRate(datasets=datasets):
            return f"match rate of {' and '.join(datasets)}"
        case SegmentSize(datasets=datasets):
            return f"segment size of {' and '.join(datasets)}"
        case SalesLift(outcome=outcome, sales=sales, exposures=exposures):
            return f"sales lift of {exposures} on {outcome} of {sales}"
        case ContributionBound(measure=measure, dataset=dataset):
            return f"contribution bound of {measure} of {dataset}"
        case Overlap(hub=hub, others=others):
            return f"overlap of {hub} with {' and '.join(others)}"
        case Ropo(definition=RopoDefinition.CONVERSION):
            return f"purchases of {question.sales} by people contacted in {question.exposures}"
        case Ropo():
            return f"share of {question.measure} of {question.sales} after {question.exposures}"


def _events(filters: Filters, window: Window | None) -> list[str]:
    parts = []
    for column, values in filters:
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        parts.append(f"{column} {' or '.join(values[:_SHOWN])}{more}")
    if window is not None:
        parts.append(f"from {_moment(window.from_s)} to {_moment(window.until_s)}")
    return parts


def _moment(time_s: int) -> str:
    """Return a day, with the time where it is not midnight."""
    try:
        moment = datetime.fromtimestamp(time_s, UTC)
    except (OverflowError, ValueError, OSError):
        return str(time_s)
    return f"{moment:%Y-%m-%d}" if time_s % 86_400 == 0 else f"{moment:%Y-%m-%d %H:%M}"

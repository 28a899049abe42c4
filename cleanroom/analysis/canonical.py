"""The one canonical JSON form of a question and its exact inverse; must not know who asks.

Two requests that mean the same have the same bytes, so that the second is answered from store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import rfc8785

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import (
    Family,
    MatchRate,
    Population,
    Question,
    SalesLift,
    SegmentSize,
    Window,
)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 bytes. Tuples are written as lists; floats as ECMAScript does."""
    return rfc8785.dumps(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def question_to_json(question: Question) -> dict[str, Any]:
    """Return a question as plain JSON with every default spelled out."""
    return {"family": str(question.family)} | asdict(question)


def question_from_json(value: Mapping[str, Any]) -> Question:
    """Return the question that `question_to_json` wrote; raises FieldInvalid for anything else."""
    try:
        return _read(Family(value["family"]), value)
    except (KeyError, TypeError, ValueError) as error:
        raise FieldInvalid(field="question", expected="the canonical form of a question") from error


def _read(family: Family, value: Mapping[str, Any]) -> Question:
    match family:
        case Family.MATCH_RATE:
            return _match_rate(value)
        case Family.SEGMENT_SIZE:
            return SegmentSize(datasets=tuple(value["datasets"]), by=tuple(value["by"]))
        case Family.SALES_LIFT:
            return _sales_lift(value)


def _match_rate(value: Mapping[str, Any]) -> MatchRate:
    first, second = value["datasets"]
    return MatchRate(datasets=(first, second), by=tuple(value["by"]))


def _sales_lift(value: Mapping[str, Any]) -> SalesLift:
    return SalesLift(
        exposures=value["exposures"],
        sales=value["sales"],
        outcome=value["outcome"],
        by=tuple(value["by"]),
        window=_window(value["window"]),
        filters=tuple((column, tuple(values)) for column, values in value["filters"]),
        population=Population(value["population"]),
        design=Design(value["design"]),
        exposed_by=value["exposed_by"],
        before=_window(value["before"]),
        adjustment=Adjustment(value["adjustment"]),
        strata=tuple(value["strata"]),
    )


def _window(value: Mapping[str, Any] | None) -> Window | None:
    return None if value is None else Window(**value)

"""The one canonical JSON form of a question and its exact inverse; must not know who asks.

Two requests that mean the same have the same bytes, so that the second is answered from store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import rfc8785

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import (
    Buckets,
    ContributionBound,
    MatchRate,
    Overlap,
    Population,
    Question,
    Ropo,
    RopoDefinition,
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
    """Return a question as plain JSON with every default spelled out.

    `kind` tells questions of one family apart.
    """
    plain = {"family": str(question.family), "kind": _kind(question)} | asdict(question)
    if isinstance(question, ContributionBound):
        plain["quantile"] = question.quantile_text
    return plain


def question_from_json(value: Mapping[str, Any]) -> Question:
    """Return the question that `question_to_json` wrote; raises FieldInvalid for anything else."""
    try:
        question = _read(str(value["kind"]), value)
        if value["family"] != question.family:
            raise ValueError("another family than its kind's")  # noqa: TRY301 - one door out
    except (KeyError, TypeError, ValueError) as error:
        raise FieldInvalid(field="question", expected="the canonical form of a question") from error
    return question


def _kind(question: Question) -> str:
    match question:
        case MatchRate():
            return "match_rate"
        case SegmentSize():
            return "segment_size"
        case SalesLift():
            return "sales_lift"
        case ContributionBound():
            return "contribution_bound"
        case Overlap():
            return "overlap"
        case Ropo():
            return "ropo"


def _read(kind: str, value: Mapping[str, Any]) -> Question:
    match kind:
        case "match_rate":
            return _match_rate(value)
        case "segment_size":
            return _segment_size(value)
        case "sales_lift":
            return _sales_lift(value)
        case "contribution_bound":
            return _contribution_bound(value)
        case "overlap":
            return _overlap(value)
        case "ropo":
            return _ropo(value)
        case _:
            raise ValueError("an unknown kind of question")


def _match_rate(value: Mapping[str, Any]) -> MatchRate:
    first, second = value["datasets"]
    return MatchRate(datasets=(first, second), by=tuple(value["by"]), buckets=_buckets(value))


def _segment_size(value: Mapping[str, Any]) -> SegmentSize:
    return SegmentSize(
        datasets=tuple(value["datasets"]), by=tuple(value["by"]), buckets=_buckets(value)
    )


def _sales_lift(value: Mapping[str, Any]) -> SalesLift:
    return SalesLift(
        exposures=value["exposures"],
        sales=value["sales"],
        outcome=value["outcome"],
        by=tuple(value["by"]),
        window=_window(value),
        filters=_filters(value),
        population=Population(value["population"]),
        design=Design(value["design"]),
        buckets=_buckets(value),
        bound=value["bound"],
        exposed_by=value["exposed_by"],
        before=_window(value, "before"),
        adjustment=Adjustment(value["adjustment"]),
        strata=tuple(value["strata"]),
    )


def _contribution_bound(value: Mapping[str, Any]) -> ContributionBound:
    return ContributionBound(
        dataset=value["dataset"],
        measure=value["measure"],
        quantile=Fraction(value["quantile"]),
        grid=tuple(value["grid"]),
        window=_window(value),
        filters=_filters(value),
    )


def _overlap(value: Mapping[str, Any]) -> Overlap:
    return Overlap(hub=value["hub"], others=tuple(value["others"]), by=tuple(value["by"]))


def _ropo(value: Mapping[str, Any]) -> Ropo:
    return Ropo(
        definition=RopoDefinition(value["definition"]),
        exposures=value["exposures"],
        sales=value["sales"],
        days=value["days"],
        measure=value["measure"],
        by=tuple(value["by"]),
        window=_window(value),
        filters=_filters(value),
    )


def _buckets(value: Mapping[str, Any]) -> tuple[Buckets, ...]:
    return tuple(
        Buckets(
            dimension=one["dimension"],
            edges=tuple(one["edges"]),
            window=_window(one),
            filters=_filters(one),
        )
        for one in value["buckets"]
    )


def _window(value: Mapping[str, Any], name: str = "window") -> Window | None:
    window = value[name]
    return None if window is None else Window(**window)


def _filters(value: Mapping[str, Any]) -> Filters:
    return tuple((column, tuple(values)) for column, values in value["filters"])

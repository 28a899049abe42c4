"""What an entry keeps of a question that was asked, so that it can be put to another policy.

Must not know data. Claim: nothing that an asker wrote as free text is kept. Names of datasets and
columns are of a form that holds no address or number; a value of a filter may be anything, and is
kept only where the policy declares it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from cleanroom.analysis.canonical import canonical_json, question_from_json, question_to_json
from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import Entry
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters
from cleanroom.model.question import (
    Ask,
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.policy.document import Policy

_MAX_BYTES = 4_000  # a page of entries must fit a message, whatever was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A question as an entry keeps it, the loss offered for it, and how many values it left out.

    Without `rho` and `epsilon` it was asked for the most that one question may take.
    """

    question: Question
    rho: Fraction | None
    epsilon: Fraction | None
    left_out: int


def noted(ask: Ask, policy: Policy) -> dict[str, Json]:
    """Return the facts for an entry; without the question where it is too long to be kept.

    The question is the one asked, not what it means under `policy`: defaults are each policy's.
    """
    kept, left_out = _declared_only(ask.question, policy)
    data = canonical_json(question_to_json(kept))
    offered: dict[str, Json] = {
        name: str(loss)
        for name, loss in (("rho", ask.rho), ("epsilon", ask.epsilon))
        if loss is not None
    }
    facts: dict[str, Json] = {"offered": offered}
    if len(data) <= _MAX_BYTES:
        facts["question"] = json.loads(data)
    if left_out:
        facts["values_left_out"] = left_out
    return facts


def read_noted(entry: Entry) -> Noted | None:
    """Return what an entry keeps of its question; None where it keeps none."""
    question, offered = entry.fields.get("question"), entry.fields.get("offered")
    if not isinstance(question, dict) or not isinstance(offered, dict):
        return None
    left_out = entry.fields.get("values_left_out", 0)
    try:
        return Noted(
            question=question_from_json(question),
            rho=_loss(offered.get("rho")),
            epsilon=_loss(offered.get("epsilon")),
            left_out=left_out if isinstance(left_out, int) else 1,
        )
    except (FieldInvalid, ValueError):
        return None


def _loss(text: Json) -> Fraction | None:
    return Fraction(text) if isinstance(text, str) else None


def _declared_only(question: Question, policy: Policy) -> tuple[Question, int]:
    """Return the question without values that no dataset declares, and how many these were."""
    declared: dict[str, set[str]] = {}
    for rules in policy.datasets:
        for domain in rules.schema.filters:
            declared.setdefault(domain.name, set()).update(domain.values)

    def kept(filters: Filters) -> Filters:
        known = ((c, tuple(v for v in vs if v in declared.get(c, ()))) for c, vs in filters)
        return tuple((column, values) for column, values in known if values)

    changed = _with_filters(question, kept)
    return changed, _values(question) - _values(changed)


def _with_filters(question: Question, kept: Any) -> Question:
    match question:
        case MatchRate(buckets=buckets) | SegmentSize(buckets=buckets):
            return replace(
                question, buckets=tuple(replace(b, filters=kept(b.filters)) for b in buckets)
            )
        case SalesLift(buckets=buckets, filters=filters):
            cut = tuple(replace(b, filters=kept(b.filters)) for b in buckets)
            return replace(question, buckets=cut, filters=kept(filters))
        case ContributionBound(filters=filters) | Ropo(filters=filters):
            return replace(question, filters=kept(filters))
        case Overlap():
            return question


def _values(question: Question) -> int:
    """Return how many values the question's filters name."""
    match question:
        case MatchRate(buckets=buckets) | SegmentSize(buckets=buckets):
            return sum(_named(b.filters) for b in buckets)
        case SalesLift(buckets=buckets, filters=filters):
            return _named(filters) + sum(_named(b.filters) for b in buckets)
        case ContributionBound(filters=filters) | Ropo(filters=filters):
            return _named(filters)
        case Overlap():
            return 0


def _named(filters: Filters) -> int:
    return sum(len(values) for _, values in filters)

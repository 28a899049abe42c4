"""What a policy has to say to the size of a question and to how many an asker asks.

Must not know data or the store: how often a party asked is told by the caller, and follows from
the party's own questions alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cleanroom.model.allowance import Grouping
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.fields import DAY_S
from cleanroom.policy.refusals import listed, ruled


def breakdown_reasons(
    policy: Policy, question: Question, groupings: Iterable[Grouping]
) -> Iterator[Reason]:
    """Yield which dimensions of `by` and `strata` the family may not be broken down by."""
    family = question.family
    for grouping in groupings:
        rules = policy.dataset(grouping.dataset)
        allowed = None if rules is None else rules.breakdowns.get(family)
        if allowed is not None and grouping.domain.name not in allowed:
            path = f"datasets.{grouping.dataset}.breakdowns.{family}"
            words = f"{path} allows {listed(allowed)}, not {grouping.domain.name}"
            yield ruled(policy, path, words, allowed=listed(allowed))


def size_reasons(policy: Policy, question: Question) -> Iterator[Reason]:
    """Yield which datasets allow one question fewer filters or breakdowns than it has."""
    filters, breakdowns = _filters(question), _breakdowns(question)
    for rules in _concerned(policy, question):
        path, limits = f"datasets.{rules.schema.name}.limits", rules.limits
        yield from _above(
            policy, f"{path}.filters_per_question", filters, limits.filters_per_question
        )
        yield from _above(
            policy, f"{path}.breakdowns_per_question", breakdowns, limits.breakdowns_per_question
        )


def longest_days(policy: Policy, question: Question) -> int:
    """Return how many days back an asker's questions count; 0 if no dataset limits them."""
    found = (d.limits.questions for d in _concerned(policy, question))
    return max((limit.days for limit in found if limit), default=0)


def frequency_reasons(
    policy: Policy, question: Question, asked_at_s: Mapping[str, Sequence[int]], now_s: int
) -> Iterator[Reason]:
    """Yield which datasets have answered the asker as often as they may.

    `asked_at_s` holds, by dataset, the unix times of the asker's new questions, ascending.
    """
    for rules in _concerned(policy, question):
        limit = rules.limits.questions
        if limit is None:
            continue
        since_s = now_s - limit.days * DAY_S
        recent = [t for t in asked_at_s.get(rules.schema.name, ()) if t > since_s]
        if len(recent) >= limit.most:
            path = f"datasets.{rules.schema.name}.limits.questions"
            again = datetime.fromtimestamp(recent[-limit.most] + limit.days * DAY_S, UTC)
            allowed = f"{limit.most} new questions in {limit.days} days to each asker"
            words = f"{path} allows {allowed}: ask again after {again:%Y-%m-%d %H:%M} UTC"
            yield ruled(policy, path, words, allowed=allowed)


def _concerned(policy: Policy, question: Question) -> tuple[DatasetRules, ...]:
    return tuple(d for name in question.datasets if (d := policy.dataset(name)) is not None)


def _above(policy: Policy, path: str, found: int, most: int | None) -> Iterator[Reason]:
    if most is not None and found > most:
        words = f"{path} is {most}, and the question has {found}"
        yield ruled(policy, path, words, allowed=f"at most {most}")


def _filters(question: Question) -> int:
    """Return how many columns keep events by listed values, those of buckets included."""
    match question:
        case MatchRate(buckets=buckets) | SegmentSize(buckets=buckets):
            return sum(len(b.filters) for b in buckets)
        case SalesLift(buckets=buckets, filters=filters):
            return len(filters) + sum(len(b.filters) for b in buckets)
        case ContributionBound(filters=filters) | Ropo(filters=filters):
            return len(filters)
        case Overlap():
            return 0


def _breakdowns(question: Question) -> int:
    strata = question.strata if isinstance(question, SalesLift) else ()
    return len(question.by) + len(strata)

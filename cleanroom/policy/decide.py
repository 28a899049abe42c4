"""Decides whether a policy allows a question, and with which strictest rules.

Must not know data, ledgers' balances or acceptance: every reason follows from the policy's text,
the asker's name, the question and the day, so that a refusal tells nothing about people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from math import prod

from cleanroom.model.allowance import Allowance
from cleanroom.model.dataset import MAX_CELLS, DatasetSchema
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import (
    ContributionBound,
    Family,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.model.refusal import Reason
from cleanroom.policy import lift
from cleanroom.policy.bounds import grid_reasons, lift_bound
from cleanroom.policy.document import Policy
from cleanroom.policy.fields import DAY_S
from cleanroom.policy.limits import breakdown_reasons, size_reasons
from cleanroom.policy.refusals import listed, ruled
from cleanroom.policy.resolve import Resolved, resolve
from cleanroom.policy.ropo import ropo_reasons


def decide(policy: Policy, *, asker: str, question: Question, now_s: int) -> Allowance:
    """Return what `policy` allows the party `asker` to learn from `question` at `now_s` (unix s).

    Raises QuestionRefused with every reason, each naming its rule by path, file and line.
    Does not check that the policy is in force, nor that any ledger can pay.
    """
    resolved, strata = resolve(policy, question), _strata(policy, question)
    reasons = (
        *_period(policy, now_s),
        *_grant(policy, asker, question),
        *_declared(policy, question),
        *resolved.reasons,
        *strata.reasons,
        *_cells(resolved, strata, question),
        *breakdown_reasons(
            policy, question, (*resolved.groupings.values(), *strata.groupings.values())
        ),
        *size_reasons(policy, question),
        *_outcomes(policy, question),
    )
    if reasons:
        raise QuestionRefused(reasons=reasons)
    return _allowance(policy, question, resolved, strata)


def _strata(policy: Policy, question: Question) -> Resolved:
    return lift.strata(policy, question) if isinstance(question, SalesLift) else Resolved()


def _allowance(
    policy: Policy, question: Question, resolved: Resolved, strata: Resolved
) -> Allowance:
    schemas = tuple(d.schema for d in policy.datasets_of(question.datasets))
    bounds = _bounds(question, schemas)
    qualified = _qualified(question, schemas, resolved, strata)
    return Allowance(
        question=qualified,
        schemas=tuple(d.schema for d in policy.datasets_of(qualified.datasets)),
        groupings=tuple(resolved.groupings[name] for name in qualified.by),
        stages=policy.matching.keys,
        purposes=policy.purposes(question.family),
        minimum=policy.minimum(qualified.datasets, question.family),
        ledgers=policy.ledgers_of(qualified.datasets),
        bound=bounds.high,
        low=bounds.low,
        visits_bound=bounds.visits,
        strata=tuple(strata.groupings[name] for name in sorted(strata.groupings)),
    )


def _qualified(
    question: Question, schemas: tuple[DatasetSchema, ...], resolved: Resolved, strata: Resolved
) -> Question:
    """Return the one question that all ways to write it mean.

    Dimensions are named with their dataset, which sorts them; the bound of a lift and what tells
    its exposed are said.
    """
    by = tuple(resolved.groupings)
    buckets = tuple(g.buckets for g in resolved.groupings.values() if g.buckets)
    match question:
        case MatchRate() | SegmentSize():
            return replace(question, by=by, buckets=buckets)
        case SalesLift(outcome=outcome):
            return replace(
                question,
                by=by,
                buckets=buckets,
                strata=tuple(strata.groupings),
                bound=lift_bound(question, schemas[1].measure(outcome)),
                exposed_by=lift.exposed_by(schemas[0], question),
            )
        case Overlap() | Ropo():
            return replace(question, by=by)
        case ContributionBound():
            return question


def _bounds(question: Question, schemas: tuple[DatasetSchema, ...]) -> lift.Bounds:
    match question:
        case MatchRate() | SegmentSize() | Overlap():
            return lift.Bounds()
        case SalesLift():
            return lift.bounds(schemas[1], question)
        case ContributionBound(measure=measure):
            return lift.Bounds(high=_most(schemas[0], measure))
        case Ropo(measure=measure):
            sales = schemas[question.datasets.index(question.sales)]
            return lift.Bounds(high=1 if measure is None else _most(sales, measure))


def _most(schema: DatasetSchema, name: str) -> int:
    """Return the most that one person may add to a measure; 1 to what is none."""
    measure = schema.measure(name)
    return 1 if measure is None else measure.max_per_person


def _period(policy: Policy, now_s: int) -> Iterator[Reason]:
    first, last = _day(policy.valid_from_s), _day(policy.valid_until_s - DAY_S)
    days = f"questions from {first} to {last}"
    if now_s < policy.valid_from_s:
        words = f"valid.from is {first}, which has not come yet"
        yield ruled(policy, "valid.from", words, allowed=days)
    if now_s >= policy.valid_until_s:
        words = f"valid.until is {last}, which has passed"
        yield ruled(policy, "valid.until", words, allowed=days)


def _day(time_s: int) -> date:
    return date(1970, 1, 1) + timedelta(seconds=time_s)


def _grant(policy: Policy, asker: str, question: Question) -> Iterator[Reason]:
    family = question.family
    party = policy.party(asker)
    if party is None:
        names = listed(p.name for p in policy.parties)
        yield ruled(policy, "parties", f"parties does not name {asker}", allowed=names)
    elif family not in party.may_ask:
        path = f"parties.{asker}.may_ask"
        granted = listed(f for f in Family if f in party.may_ask)
        yield ruled(policy, path, f"{path} does not include {family}", allowed=granted)
    if not policy.purposes(family):
        words = f"datasets: no consent names purposes for {family}"
        asked = listed(f for f in Family if policy.purposes(f))
        yield ruled(policy, "datasets", words, allowed=asked)


def _declared(policy: Policy, question: Question) -> Iterator[Reason]:
    for name in question.datasets:
        if policy.dataset(name) is None:
            names = listed(d.schema.name for d in policy.datasets)
            yield ruled(policy, "datasets", f"datasets does not declare {name}", allowed=names)


def _cells(resolved: Resolved, strata: Resolved, question: Question) -> Iterator[Reason]:
    domains = (*resolved.groupings.values(), *strata.groupings.values())
    count = prod(len(g.domain.values) for g in domains)
    if isinstance(question, Overlap):
        count *= len(question.patterns)
    if count > MAX_CELLS:
        words = f"by makes {count} cells, more than {MAX_CELLS}: leave dimensions out"
        yield Reason(words=words, allowed=f"at most {MAX_CELLS} cells")


def _outcomes(policy: Policy, question: Question) -> Iterator[Reason]:
    match question:
        case MatchRate() | SegmentSize() | Overlap():
            return
        case ContributionBound():
            yield from grid_reasons(policy, question)
        case Ropo():
            yield from ropo_reasons(policy, question)
        case SalesLift():
            yield from lift.reasons(policy, question)

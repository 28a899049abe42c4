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
from cleanroom.model.dataset import MAX_CELLS
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.policy.bounds import grid_reasons, lift_bound, lift_bound_reasons
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons
from cleanroom.policy.fields import DAY_S
from cleanroom.policy.resolve import Resolved, resolve
from cleanroom.policy.ropo import ropo_reasons

BUYERS = "buyers"


def decide(policy: Policy, *, asker: str, question: Question, now_s: int) -> Allowance:
    """Return what `policy` allows the party `asker` to learn from `question` at `now_s` (unix s).

    Raises QuestionRefused with every reason, each naming its rule by path, file and line.
    Does not check that the policy is in force, nor that any ledger can pay.
    """
    resolved = resolve(policy, question)
    reasons = (
        *_period(policy, now_s),
        *_grant(policy, asker, question),
        *_declared(policy, question),
        *resolved.reasons,
        *_cells(resolved, question),
        *_outcomes(policy, question),
    )
    if reasons:
        raise QuestionRefused(reasons=reasons)
    return _allowance(policy, question, resolved)


def _allowance(policy: Policy, question: Question, resolved: Resolved) -> Allowance:
    qualified = _qualified(policy, question, resolved)
    return Allowance(
        question=qualified,
        schemas=tuple(d.schema for d in policy.datasets_of(qualified.datasets)),
        groupings=tuple(resolved.groupings[name] for name in qualified.by),
        stages=policy.matching.keys,
        purposes=policy.purposes(question.family),
        minimum=policy.minimum(qualified.datasets),
        ledgers=policy.ledgers_of(qualified.datasets),
        bound=_bound(policy, qualified),
    )


def _qualified(policy: Policy, question: Question, resolved: Resolved) -> Question:
    """Return the one question that all ways to write it mean.

    Dimensions are named with their dataset, which sorts them, and the bound of a lift is said.
    """
    buckets = tuple(g.buckets for g in resolved.groupings.values() if g.buckets)
    match question:
        case MatchRate() | SegmentSize():
            return replace(question, by=tuple(resolved.groupings), buckets=buckets)
        case SalesLift(sales=sales, outcome=outcome):
            (rules,) = policy.datasets_of((sales,))
            bound = lift_bound(question, rules.schema.measure(outcome))
            return replace(question, by=tuple(resolved.groupings), buckets=buckets, bound=bound)
        case Overlap() | Ropo():
            return replace(question, by=tuple(resolved.groupings))
        case ContributionBound():
            return question


def _bound(policy: Policy, question: Question) -> int:
    match question:
        case MatchRate() | SegmentSize() | Overlap():
            return 1
        case SalesLift(bound=bound):
            return bound or 1
        case ContributionBound(dataset=dataset, measure=measure):
            return _most(policy, dataset, measure)
        case Ropo(measure=measure, sales=sales):
            return 1 if measure is None else _most(policy, sales, measure)


def _most(policy: Policy, dataset: str, name: str) -> int:
    """Return the most that one person may add to a measure; 1 to what is none."""
    (rules,) = policy.datasets_of((dataset,))
    measure = rules.schema.measure(name)
    return 1 if measure is None else measure.max_per_person


def _period(policy: Policy, now_s: int) -> Iterator[str]:
    if now_s < policy.valid_from_s:
        first = _day(policy.valid_from_s)
        yield f"valid.from is {first}, which has not come yet ({policy.where('valid.from')})"
    if now_s >= policy.valid_until_s:
        last = _day(policy.valid_until_s - DAY_S)
        yield f"valid.until is {last}, which has passed ({policy.where('valid.until')})"


def _day(time_s: int) -> date:
    return date(1970, 1, 1) + timedelta(seconds=time_s)


def _grant(policy: Policy, asker: str, question: Question) -> Iterator[str]:
    family = question.family
    party = policy.party(asker)
    if party is None:
        yield f"parties does not name {asker} ({policy.where('parties')})"
    elif family not in party.may_ask:
        path = f"parties.{asker}.may_ask"
        yield f"{path} does not include {family} ({policy.where(path)})"
    if not policy.purposes(family):
        yield f"datasets: no consent names purposes for {family} ({policy.where('datasets')})"


def _declared(policy: Policy, question: Question) -> Iterator[str]:
    for name in question.datasets:
        if policy.dataset(name) is None:
            yield f"datasets does not declare {name} ({policy.where('datasets')})"


def _cells(resolved: Resolved, question: Question) -> Iterator[str]:
    count = prod(len(g.domain.values) for g in resolved.groupings.values())
    if isinstance(question, Overlap):
        count *= len(question.patterns)
    if count > MAX_CELLS:
        yield f"by makes {count} cells, more than {MAX_CELLS}: leave dimensions out"


def _outcomes(policy: Policy, question: Question) -> Iterator[str]:
    match question:
        case MatchRate() | SegmentSize() | Overlap():
            return
        case ContributionBound():
            yield from grid_reasons(policy, question)
        case Ropo():
            yield from ropo_reasons(policy, question)
        case SalesLift():
            exposures, sales = policy.dataset(question.exposures), policy.dataset(question.sales)
            if exposures is not None and exposures.arm is None:
                path = f"datasets.{question.exposures}.arm"
                yield f"{path} is not declared ({policy.where(path)})"
            if sales is not None:
                yield from _outcome(policy, question, sales)
                yield from lift_bound_reasons(policy, question, sales)
                yield from event_reasons(policy, sales, question.window, question.filters)


def _outcome(policy: Policy, question: SalesLift, sales: DatasetRules) -> Iterator[str]:
    path = f"datasets.{question.sales}.measures"
    if question.outcome == BUYERS:
        if sales.schema.buying is None:
            yield f"{path} declares no measure to tell buyers by ({policy.where(path)})"
    elif sales.schema.measure(question.outcome) is None:
        yield f"{path} does not declare {question.outcome} ({policy.where(path)})"

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
from cleanroom.model.question import MatchRate, Question, SalesLift, SegmentSize
from cleanroom.policy import lift
from cleanroom.policy.document import Policy
from cleanroom.policy.fields import DAY_S
from cleanroom.policy.resolve import Resolved, resolve


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
        *_cells(resolved, strata),
        *(lift.reasons(policy, question) if isinstance(question, SalesLift) else ()),
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
        minimum=policy.minimum(qualified.datasets),
        ledgers=policy.ledgers_of(qualified.datasets),
        bound=bounds.high,
        low=bounds.low,
        visits_bound=bounds.visits,
        strata=tuple(strata.groupings[name] for name in sorted(strata.groupings)),
    )


def _qualified(
    question: Question, schemas: tuple[DatasetSchema, ...], resolved: Resolved, strata: Resolved
) -> Question:
    """Return the one form of all ways to write a question; sorting qualified names makes it."""
    by = tuple(resolved.groupings)
    if not isinstance(question, SalesLift):
        return replace(question, by=by)
    exposed_by = lift.exposed_by(schemas[0], question)
    return replace(question, by=by, strata=tuple(strata.groupings), exposed_by=exposed_by)


def _bounds(question: Question, schemas: tuple[DatasetSchema, ...]) -> lift.Bounds:
    match question:
        case MatchRate() | SegmentSize():
            return lift.Bounds()
        case SalesLift(outcome=outcome):
            return lift.bounds(schemas[1], outcome)


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


def _cells(resolved: Resolved, strata: Resolved) -> Iterator[str]:
    domains = (*resolved.groupings.values(), *strata.groupings.values())
    count = prod(len(g.domain.values) for g in domains)
    if count > MAX_CELLS:
        yield f"by makes {count} cells, more than {MAX_CELLS}: leave dimensions out"

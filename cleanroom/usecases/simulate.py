"""Past questions put to a policy that is not in force: what it would have made of each.

Costs nothing and reads no data: decisions and plans follow from policies and questions, and of
answers only what was released is read, noise and all. Questions are put in their order, budgets
and limits fill up as they would have; what other collaborations took of a pool is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cleanroom.analysis.plan import Plan
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import CleanRoomError, FieldInvalid, QuestionRefused
from cleanroom.model.names import LedgerName
from cleanroom.model.question import Ask
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import Policy
from cleanroom.policy.limits import frequency_reasons
from cleanroom.privacy.loss import nano_rho_of_budget
from cleanroom.usecases.asked import planned_ask
from cleanroom.usecases.past import Past
from cleanroom.usecases.simulate_words import differences, withheld

_NOT_THE_POLICYS = "DATASET_NOT_SEALED"


class Outcome(StrEnum):
    """What would become of a past question; the order is that of an officer's interest."""

    REFUSED = "would be refused"
    ANSWERED = "would be answered"
    LESS = "would tell less"
    OTHERWISE = "would be answered otherwise"
    SAME = "as it was"
    STILL_REFUSED = "still refused"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A past question under the new policy.

    `reasons` say why it is refused, `changes` how its answer differs, `withheld` which of the
    cells that were told would be withheld, were the same numbers drawn.
    """

    past: Past
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Room:
    """What has been spent and asked so far under the new policy."""

    policy: Policy
    spent: dict[LedgerName, int] = field(default_factory=dict)
    asked: dict[tuple[str, str], list[int]] = field(default_factory=dict)


def simulate(past: Iterable[Past], new: Policy, known: Mapping[str, Policy]) -> Iterator[Replayed]:
    """Yield each past question under `new`; `known` are policies by digest, as far as at hand.

    A question asked before the new policy begins is put on its first day.
    """
    room = _Room(policy=new)
    for one in past:
        yield _replay(room, one, known.get(one.policy_digest))


def _replay(room: _Room, past: Past, old: Policy | None) -> Replayed:
    if past.noted is None:
        why = "the log does not keep this question"
        return Replayed(past=past, outcome=Outcome.UNKNOWN, reasons=(why,))
    if past.noted.left_out:
        why = f"the log does not keep {past.noted.left_out} of its values, which no policy listed"
        return Replayed(past=past, outcome=Outcome.UNKNOWN, reasons=(why,))
    if past.refused == _NOT_THE_POLICYS:
        return Replayed(past=past, outcome=Outcome.STILL_REFUSED, reasons=(past.why,))
    ask = _ask(past, room.policy.collaboration)
    try:
        planned, allowance = _allowed(room, past, ask)
    except (QuestionRefused, FieldInvalid) as refusal:
        outcome = Outcome.STILL_REFUSED if past.refused else Outcome.REFUSED
        return Replayed(past=past, outcome=outcome, reasons=_reasons(refusal))
    if past.refused:
        return Replayed(past=past, outcome=Outcome.ANSWERED, reasons=(past.why,))
    return _answered(past, old, ask, planned, allowance)


def _ask(past: Past, collaboration: str) -> Ask:
    if past.noted is None:
        raise AssertionError("a question that is not known cannot be asked")
    noted = past.noted
    return Ask(
        collaboration=collaboration, question=noted.question, rho=noted.rho, epsilon=noted.epsilon
    )


def _reasons(refusal: CleanRoomError) -> tuple[str, ...]:
    reasons = refusal.reasons if isinstance(refusal, QuestionRefused) else (refusal,)
    return tuple(map(str, reasons))


def _allowed(room: _Room, past: Past, ask: Ask) -> tuple[Plan, Allowance]:
    """Return the plan under the new policy and book it; raises QuestionRefused, FieldInvalid."""
    policy = room.policy
    now_s = max(past.time_s, policy.valid_from_s)
    planned, allowance, _ = planned_ask(policy, past.asker, ask, now_s)
    history = {d: room.asked.get((past.asker, d), []) for d in planned.question.datasets}
    too_many = tuple(frequency_reasons(policy, planned.question, history, now_s))
    spent = tuple(_exhausted(room, planned, allowance))
    if too_many or spent:
        raise QuestionRefused(reasons=(*too_many, *spent))
    _book(room, past.asker, planned, now_s)
    return planned, allowance


def _exhausted(room: _Room, planned: Plan, allowance: Allowance) -> Iterator[Reason]:
    budgets = {t.ledger: nano_rho_of_budget(t.epsilon, t.delta) for t in allowance.ledgers}
    for ledger, cost in planned.debits:
        if cost > budgets[ledger] - room.spent.get(ledger, 0):
            words = f"the budget of {ledger} would be used up by then"
            yield Reason(words=words, allowed="as much as the budget holds")


def _book(room: _Room, asker: str, planned: Plan, now_s: int) -> None:
    for ledger, cost in planned.debits:
        room.spent[ledger] = room.spent.get(ledger, 0) + cost
    for dataset in planned.question.datasets:
        room.asked.setdefault((asker, dataset), []).append(now_s)


def _answered(
    past: Past, old: Policy | None, ask: Ask, planned: Plan, allowance: Allowance
) -> Replayed:
    """Compare an answer with the one that the new policy would have given."""
    before = _before(past, old, ask)
    changes = differences(past, before, (planned, allowance))
    fewer = withheld(past, planned)
    same = Outcome.OTHERWISE if changes else Outcome.SAME
    outcome = Outcome.LESS if fewer else same
    return Replayed(past=past, outcome=outcome, changes=changes, withheld=fewer)


def _before(past: Past, old: Policy | None, ask: Ask) -> tuple[Plan, Allowance] | None:
    """Return the plan that was carried out; None where its policy is not at hand."""
    if old is None:
        return None
    try:
        planned, allowance, _ = planned_ask(old, past.asker, ask, past.time_s)
    except (QuestionRefused, FieldInvalid):  # a policy with this digest allowed it once
        return None
    return planned, allowance

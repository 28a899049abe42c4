"""Tries an officer's cases on a policy, as the service would decide and plan; touches no data.

Does not try budgets already spent, nor how often a party has asked: a case is a first question.
"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.analysis.limits import default_nano_rho, nano_rho_for_epsilon
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.plan import plan as make_plan
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import FieldInvalid, QuestionRefused
from cleanroom.model.refusal import Reason
from cleanroom.policy.cases import Case, Expected
from cleanroom.policy.decide import decide
from cleanroom.policy.document import Policy
from cleanroom.policy.refusals import listed, located
from cleanroom.privacy.loss import nano_rho_of_budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one case; `amiss` says how it differs from what must come, empty if it holds."""

    case: Case
    amiss: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the policy does what the case says."""
        return not self.amiss


def try_case(policy: Policy, case: Case) -> Outcome:
    """Return what comes of a case under `policy`."""
    now_s = policy.valid_from_s if case.on_s is None else case.on_s
    try:
        allowance = decide(policy, asker=case.asker, question=case.question, now_s=now_s)
        planned = make_plan(allowance, _offer(allowance, case))
    except QuestionRefused as refusal:
        return Outcome(case=case, amiss=_refused(located(policy, refusal.reasons), case.expected))
    except FieldInvalid as error:
        return Outcome(case=case, amiss=(f"the question cannot be planned: {error}",))
    return Outcome(case=case, amiss=_allowed(allowance, planned, case.expected))


def _offer(allowance: Allowance, case: Case) -> int:
    if case.epsilon is None:
        return default_nano_rho(allowance)
    return nano_rho_for_epsilon(allowance, case.epsilon)


def _refused(reasons: tuple[Reason, ...], expected: Expected) -> tuple[str, ...]:
    if expected.rules is None:
        return tuple(f"refused: {reason}" for reason in reasons)
    rules = listed(dict.fromkeys(r.rule or "the question itself" for r in reasons))
    return tuple(
        f"{wanted} does not refuse it; refused by {rules}"
        for wanted in expected.rules
        if not any(_is_below(reason.rule, wanted) for reason in reasons)
    )


def _is_below(path: str, start: str) -> bool:
    return path == start or path.startswith((f"{start}.", f"{start}["))


def _allowed(allowance: Allowance, planned: Plan, expected: Expected) -> tuple[str, ...]:
    if expected.rules is not None:
        return ("allowed, and must be refused",)
    amiss = []
    if expected.people_at_least is not None and allowance.minimum.people < expected.people_at_least:
        amiss.append(
            f"cells of {allowance.minimum.people} people are told, and must be of at least "
            f"{expected.people_at_least}"
        )
    if expected.costs_at_most is not None:
        deltas = {terms.ledger: terms.delta for terms in allowance.ledgers}
        for ledger, nano_rho in planned.debits:
            if nano_rho > nano_rho_of_budget(expected.costs_at_most, deltas[ledger]):
                most = float(expected.costs_at_most)
                amiss.append(f"costs {ledger} more than epsilon {most:g}")
    return tuple(amiss)

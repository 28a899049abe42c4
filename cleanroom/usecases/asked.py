"""What a policy makes of an ask: its decision, the loss offered and the plan.

Must not know stores: nothing is written and no data is read.
"""

from __future__ import annotations

from cleanroom.analysis.limits import default_nano_rho, nano_rho_for_epsilon
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.plan import plan as make_plan
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import Ask
from cleanroom.policy.decide import decide
from cleanroom.policy.document import Policy
from cleanroom.policy.refusals import located
from cleanroom.privacy.loss import rho_to_nano


def planned_ask(policy: Policy, party: str, ask: Ask, now_s: int) -> tuple[Plan, Allowance, int]:
    """Return the plan, what the policy allows, and the loss offered in nano-rho.

    Raises QuestionRefused, FieldInvalid.
    """
    allowance = decide(policy, asker=party, question=ask.question, now_s=now_s)
    offer = _offer(allowance, ask)
    try:
        return make_plan(allowance, offer), allowance, offer
    except QuestionRefused as refusal:
        raise QuestionRefused(reasons=located(policy, refusal.reasons)) from None


def _offer(allowance: Allowance, ask: Ask) -> int:
    """Return the loss offered in nano-rho."""
    if ask.rho is not None:
        return rho_to_nano(ask.rho)
    if ask.epsilon is not None:
        return nano_rho_for_epsilon(allowance, ask.epsilon)
    return default_nano_rho(allowance)

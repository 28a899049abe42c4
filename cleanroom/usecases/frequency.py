"""How often a party asked of each dataset, held against the policy's most.

Claim: however many ask at once, no asker reserves more new questions of a dataset within the
policy's days than its limit. Requires: the caller's transaction is the one that reserves.
Counts what the asker itself did, so a refusal tells nothing about people. A question answered
from store is not reserved again and does not count.
"""

from __future__ import annotations

from cleanroom.model.question import Question
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import Policy
from cleanroom.policy.fields import DAY_S
from cleanroom.policy.limits import frequency_reasons, longest_days
from cleanroom.ports.store import Transaction
from cleanroom.usecases.pinned import Pinned


def frequency_refusal(
    tx: Transaction, policy: Policy, party: str, question: Question, now_s: int
) -> tuple[Reason, ...]:
    """Return why `party` may not ask one more new question now; empty if it may.

    Questions count under whichever policy of the collaboration they were asked.
    """
    days = longest_days(policy, question)
    if not days:
        return ()
    asked: dict[str, list[int]] = {}
    for at_s, canonical in tx.questions.asked(policy.collaboration, party, now_s - days * DAY_S):
        for dataset, _ in Pinned.parse(canonical).versions:
            asked.setdefault(dataset, []).append(at_s)
    return tuple(frequency_reasons(policy, question, asked, now_s))

"""Writes refusals of questions into the log, with the rules that refused; must not decide anything."""

from __future__ import annotations

from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import CleanRoomError, QuestionRefused
from cleanroom.model.names import Actor
from cleanroom.model.question import Ask
from cleanroom.model.refusal import trace
from cleanroom.ports.store import Transaction
from cleanroom.usecases.noted import noted
from cleanroom.usecases.service import Service, read_policy

_MAX_WHY = 2_000  # characters: a page of entries must fit a message, whatever was asked


def log_refusal(
    service: Service, actor: Actor, ask: Ask, fingerprint: str, refusal: CleanRoomError
) -> None:
    """Log a refusal with its reasons, in a transaction of its own: the question's was undone.

    The entry holds what follows from policy, question and asker; `rules` are as many of the
    reasons' rules as there is room for. To the words, which may repeat what was asked, it only
    commits: they can be erased.
    """

    def work(tx: Transaction) -> None:
        in_force = tx.collaborations.in_force(ask.collaboration)
        facts = noted(ask, read_policy(in_force)) if in_force else {}
        service.note_erasable(
            tx,
            EntryKind.QUESTION_REFUSED,
            actor.short,
            ask.collaboration,
            {"why": str(refusal)[:_MAX_WHY]},
            family=str(ask.question.family),
            datasets=list(ask.question.datasets),
            fingerprint=fingerprint,
            reason=refusal.reason,
            rules=_rules(refusal),
            policy_digest=in_force.digest if in_force else "",
            **facts,
        )

    service.store.transact(work)


def _rules(refusal: CleanRoomError) -> list[Json]:
    if not isinstance(refusal, QuestionRefused):
        return []
    return [
        {"rule": r.rule, "line": r.line, "whose": list(r.whose), "allowed": r.allowed}
        for r in trace(refusal.reasons, _MAX_WHY)
        if r.rule
    ]

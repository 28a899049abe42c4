"""Taking a signed step: its place in the history, whose word it is, what is kept and logged.

Must not know when a policy comes into force. Does not check signatures: rpc has, where there is
one. What the database keeps of a step is enough to verify it again without this service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.errors import StepInvalid
from cleanroom.audit.step import NO_STEP, Statement, Step, StepKind
from cleanroom.model.errors import PolicyStepConflict, SignatureInvalid
from cleanroom.model.names import Actor
from cleanroom.ports.records import PolicyStep
from cleanroom.ports.store import Transaction
from cleanroom.usecases.service import Service

CLOCK_SKEW_S: Final = 3_600  # so that a certificate is judged at the time it was used
_ENTRY = {
    StepKind.PROPOSE: EntryKind.POLICY_PROPOSED,
    StepKind.ACCEPT: EntryKind.POLICY_ACCEPTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next step of a collaboration stands: what its statement must name."""

    position: int
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a caller does to the history of a collaboration, signed or, by nobody's word, not."""

    actor: Actor
    kind: StepKind
    collaboration: str
    policy_digest: str
    signed: Step | None


def next_place(tx: Transaction, collaboration: str) -> Place:
    """Return the place behind the last step."""
    last = tx.collaborations.last_step(collaboration)
    if last is None:
        return Place(position=1, previous=NO_STEP)
    return Place(position=last.position + 1, previous=last.digest)


def was_taken(tx: Transaction, intent: Intent) -> bool:
    """Tell whether exactly this statement is in the history: its answer may not have arrived."""
    if intent.signed is None:
        return False
    statement = _statement(intent.signed)
    known = tx.collaborations.step(intent.collaboration, statement.position)
    return known is not None and known.step.statement == intent.signed.statement


def step_of(service: Service, tx: Transaction, intent: Intent) -> Step:
    """Return the step to keep; one that nobody signed is written here.

    1. The statement says what the caller does, and that it is the caller.
    2. Its time is within an hour of the service's clock.
    3. It stands behind the last step.

    Raises SignatureInvalid, PolicyStepConflict.
    """
    place, now_s = next_place(tx, intent.collaboration), service.clock.now_s()
    if intent.signed is None:
        return Step(statement=_unsigned(intent, place, now_s).encode())
    statement = _statement(intent.signed)
    if _said(statement) != _meant(intent):  # 1
        raise SignatureInvalid(why="it speaks of another act, policy, collaboration or signer")
    if abs(statement.time_s - now_s) > CLOCK_SKEW_S:  # 2
        raise SignatureInvalid(why="its time is more than an hour from ours: check your clock")
    if (statement.position, statement.previous) != (place.position, place.previous):  # 3
        raise PolicyStepConflict(
            collaboration=intent.collaboration, position=place.position, previous=place.previous
        )
    return intent.signed


def keep(
    service: Service,
    tx: Transaction,
    intent: Intent,
    step: Step,
    *,
    put_in_force: bool,
    facts: dict[str, Json],
) -> PolicyStep:
    """Keep a step and its log entry; `facts` are what else the entry tells."""
    statement = _statement(step)
    kept = PolicyStep(
        collaboration=intent.collaboration,
        position=statement.position,
        digest=step.digest,
        kind=intent.kind,
        policy_digest=intent.policy_digest,
        party=statement.party,
        step=step,
        taken_at_s=service.clock.now_s(),
        put_in_force=put_in_force,
    )
    tx.collaborations.add_step(kept)
    service.note(
        tx,
        _ENTRY[intent.kind],
        intent.actor,
        intent.collaboration,
        policy_digest=intent.policy_digest,
        position=kept.position,
        step=kept.digest,
        **_signer(statement, step),
        **facts,
    )
    return kept


def _signer(statement: Statement, step: Step) -> dict[str, Json]:
    """Return whose word the step is; {} where it is nobody's."""
    if not step.is_signed:
        return {}
    party: dict[str, Json] = {"party": statement.party} if statement.party else {}
    return {"signer": statement.signer} | party


def _statement(step: Step) -> Statement:
    try:
        return Statement.parse(step.statement)
    except StepInvalid as error:
        raise SignatureInvalid(why=error.why) from error


def _unsigned(intent: Intent, place: Place, now_s: int) -> Statement:
    return Statement(
        kind=intent.kind,
        collaboration=intent.collaboration,
        policy_digest=intent.policy_digest,
        position=place.position,
        previous=place.previous,
        signer=str(intent.actor),
        time_s=now_s,
    )


def _said(statement: Statement) -> tuple[str, ...]:
    return (
        statement.kind,
        statement.collaboration,
        statement.policy_digest,
        statement.signer,
    )


def _meant(intent: Intent) -> tuple[str, ...]:
    return (intent.kind, intent.collaboration, intent.policy_digest, str(intent.actor))

"""Steps signed as rpc hands them on: with real keys, at the end of a service's history."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from cleanroom.audit.certificates import sign
from cleanroom.audit.step import Statement, Step, StepKind
from cleanroom.model.names import Actor
from cleanroom.policy.agreement import Missing
from cleanroom.ports.records import Proposal
from cleanroom.sandbox.pki import Credential, create_authority, issue
from cleanroom.usecases import collaborate
from cleanroom.usecases.service import Service
from cleanroom.usecases.steps import next_place

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def authority() -> Credential:
    return create_authority("signing", not_before=START, not_after=END)


@lru_cache(maxsize=64)
def credential(actor: Actor) -> Credential:
    return issue(authority(), [str(actor)], not_before=START, not_after=END)


def signed_step(
    service: Service, actor: Actor, kind: StepKind, collaboration: str, digest: str
) -> Step:
    """Return an actor's signed step behind the last one."""
    place = service.store.read(lambda tx: next_place(tx, collaboration))
    return made(
        actor,
        Statement(
            kind=kind,
            collaboration=collaboration,
            policy_digest=digest,
            position=place.position,
            previous=place.previous,
            signer=str(actor),
            time_s=service.clock.now_s(),
        ),
    )


def made(actor: Actor, statement: Statement) -> Step:
    """Return a statement signed by an actor, whoever it says it is."""
    held, data = credential(actor), statement.encode()
    return Step(statement=data, signature=sign(held.key, data), certificates=held.certificate_pem)


def propose(service: Service, actor: Actor, document: str) -> Proposal:
    """Propose a document, signed by the actor."""
    data = document.encode()
    found = collaborate.read_proposal(service, actor, data)
    signed = signed_step(service, actor, StepKind.PROPOSE, found.collaboration, found.digest)
    return collaborate.propose(service, actor, data, signed)


def accept(
    service: Service, actor: Actor, collaboration: str, digest: str, announcement: bytes = b""
) -> Missing:
    """Accept a digest, signed by the actor."""
    return collaborate.accept(
        service,
        actor,
        collaboration=collaboration,
        digest=digest,
        announcement=announcement,
        signed=signed_step(service, actor, StepKind.ACCEPT, collaboration, digest),
    )

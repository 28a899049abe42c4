"""Signing steps of agreeing on a policy, and reading those of others; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cleanroom.audit.certificates import SignatureRefused, sign, verify_signature
from cleanroom.audit.errors import StepInvalid
from cleanroom.audit.step import Statement, Step, StepKind, verify_chain
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom_client.agreement import Place, Policy
from cleanroom_client.errors import PolicyUnknown
from cleanroom_client.session import Session

_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenStep:
    """A step of a collaboration's history; `fault` says why its signature is not believed, if so.

    `taken_at_s` is when the service says that it took it, in unix seconds.
    """

    statement: Statement
    step: Step
    taken_at_s: int
    put_in_force: bool
    fault: str | None

    @property
    def is_believed(self) -> bool:
        """Whether the signer it names has signed it."""
        return self.step.is_signed and self.fault is None


def signed_step(
    session: Session, kind: StepKind, *, collaboration: str, digest: str, place: Place
) -> pb.SignedStep:
    """Return this profile's signed step at a place of the history; raises StepInvalid."""
    credentials = session.credentials
    statement = Statement(
        kind=kind,
        collaboration=collaboration,
        policy_digest=digest,
        position=place.position,
        previous=place.previous,
        signer=session.profile.identity,
        time_s=int(session.environment.now().timestamp()),
    ).encode()
    return pb.SignedStep(
        statement=statement,
        signature=sign(credentials.signer, statement),
        certificates=credentials.certificates,
    )


def history(session: Session, collaboration: str) -> tuple[TakenStep, ...]:
    """Return all steps, which follow each other; each signature was checked here.

    Raises PolicyUnknown for a history that does not hold together.
    """
    found = list(_listed(session, collaboration))
    steps = [_step(item) for item in found]
    try:
        statements = verify_chain(steps)
    except StepInvalid as error:
        raise PolicyUnknown(f"the history of {collaboration} is refused: {error}") from None
    if any(s.collaboration != collaboration for s in statements):
        raise PolicyUnknown(f"the history of {collaboration} is that of another collaboration")
    return tuple(
        TakenStep(
            statement=statement,
            step=step,
            taken_at_s=item.taken_at_s,
            put_in_force=item.put_in_force,
            fault=_fault(session, statement, step),
        )
        for statement, step, item in zip(statements, steps, found, strict=True)
    )


def policy_of(session: Session, collaboration: str, digest: str) -> Policy:
    """Return a policy that was proposed at any time; raises PolicyUnknown if it is not that one."""
    request = pb.GetPolicyRequest(collaboration=collaboration, digest=digest)
    answer = session.transport.call(session.collaborations.GetPolicy, request)
    found = Policy.from_proto(answer.policy, [])
    if found.digest != digest:
        raise PolicyUnknown(f"the service sent another policy of {collaboration} than {digest}")
    return found


def _listed(session: Session, collaboration: str) -> Iterator[pb.PolicyStep]:
    start, size = 1, 1
    while start <= size:
        request = pb.ListPolicyStepsRequest(collaboration=collaboration, start=start, count=_PAGE)
        answer = session.transport.call(session.collaborations.ListPolicySteps, request)
        yield from answer.steps
        start, size = start + len(answer.steps), answer.size if answer.steps else 0


def _step(item: pb.PolicyStep) -> Step:
    signed = item.step
    return Step(
        statement=signed.statement, signature=signed.signature, certificates=signed.certificates
    )


def _fault(session: Session, statement: Statement, step: Step) -> str | None:
    """Return why nobody can be held to the step, None for a signature that fits.

    The certificate is judged at the time of signing: it may have ended since.
    """
    if not step.is_signed:
        return "nobody signed it"
    try:
        verify_signature(
            message=step.statement,
            signature=step.signature,
            certificates=step.certificates,
            identity=statement.signer,
            authorities=session.credentials.authorities,
            at=datetime.fromtimestamp(statement.time_s, UTC),
        )
    except SignatureRefused as refused:
        return str(refused.fault)
    return None

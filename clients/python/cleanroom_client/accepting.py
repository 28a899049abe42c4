"""Proposing a policy, and accepting one by a digest computed here; knows no tokens."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cleanroom.audit.step import StepKind
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom_client.agreement import Collaboration, Place, Policy, PolicyChange
from cleanroom_client.blinding.envelope import announce
from cleanroom_client.errors import PolicyUnknown, ProfileInvalid, RoomError
from cleanroom_client.profile import Kind
from cleanroom_client.session import Session
from cleanroom_client.stepping import signed_step
from cleanroom_client.tables import BadInput

_MAX_POLICY_BYTES = 2**20
_FILE_AT_SERVICE = "policy.yaml:"
_WENT_ON = "POLICY_STEP_CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A policy that this party accepted, and who has yet to: each of some, one of others."""

    collaboration: str
    policy: Policy
    in_force: bool
    waiting_for: tuple[str, ...]
    waiting_for_one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal under the name and digest to accept it by, and what it would mean."""

    collaboration: str
    digest: str
    in_force: bool
    waiting_for: tuple[str, ...]
    waiting_for_one_of: tuple[str, ...]
    changes: tuple[PolicyChange, ...]
    must_come_again: tuple[str, ...]
    valid_until_s: int
    place: Place

    @classmethod
    def from_proto(cls, answer: pb.ProposePolicyResponse, digest: str) -> Self:
        """Return an answer about the document of `digest`; raises PolicyUnknown for another's."""
        if answer.digest != digest:
            raise PolicyUnknown("the service answered for another document than was proposed")
        return cls(
            collaboration=answer.collaboration,
            digest=answer.digest,
            in_force=answer.in_force,
            waiting_for=tuple(answer.waiting_for),
            waiting_for_one_of=tuple(answer.waiting_for_one_of),
            changes=tuple(PolicyChange.from_proto(change) for change in answer.changes),
            must_come_again=tuple(answer.must_come_again),
            valid_until_s=answer.valid_until_s,
            place=Place(position=answer.next_position, previous=answer.previous),
        )


def preview(session: Session, path: Path) -> Proposed:
    """Say what proposing a policy file would mean; nothing is kept. Raises as `propose`."""
    document = _read(path)
    return _put(session, path, document, pb.ProposePolicyRequest(validate_only=True))


def propose(session: Session, path: Path) -> Proposed:
    """Put a policy file before the parties, signed at the end of the history.

    Behind steps that others took meanwhile it is signed anew, unless it would now change something
    else. Raises BadInput and ClientError (PolicyUnknown for that).
    """
    document, first = _read(path), None
    while True:
        seen = _put(session, path, document, pb.ProposePolicyRequest(validate_only=True))
        first = first or seen
        if seen.changes != first.changes:
            raise PolicyUnknown("another policy came into force meanwhile: look, and propose again")
        signed = signed_step(
            session,
            StepKind.PROPOSE,
            collaboration=seen.collaboration,
            digest=seen.digest,
            place=seen.place,
        )
        try:
            return _put(session, path, document, pb.ProposePolicyRequest(signed=signed))
        except RoomError as error:
            if error.reason != _WENT_ON:
                raise


def _read(path: Path) -> bytes:
    try:
        document = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the policy cannot be read: {error.strerror}", file=str(path)) from None
    if len(document) > _MAX_POLICY_BYTES:
        raise BadInput("a policy has at most 1 MiB", file=str(path))
    return document


def _put(
    session: Session, path: Path, document: bytes, request: pb.ProposePolicyRequest
) -> Proposed:
    request.document = document
    try:
        answer = session.transport.call(session.collaborations.ProposePolicy, request)
    except RoomError as error:
        # The service does not know the file's name.
        sentence = error.sentence.replace(_FILE_AT_SERVICE, f"{path.name}:")
        raise RoomError(error.reason, sentence, error.metadata) from error
    return Proposed.from_proto(answer, hashlib.sha256(document).hexdigest())


def accept(session: Session, digest: str | None) -> Accepted:
    """Accept the latest proposal in the party's name, or what is in force, by its digest.

    The latter is for a machine that was not there when its party accepted.

    1. Fetch the proposal; its digest is computed from its bytes here.
    2. It is the one the caller has read, if a digest was given.
    3. As the party itself, make its secrets for the collaboration if there are none, and note the
       digest with them, under which `upload` acts whatever the service says.
    4. Sign and accept; the party itself adds the key by which it receives the shared one, signed
       by the key of its certificate. If others took steps since, again from 1: the same proposal
       is accepted behind theirs, another one is not.

    Raises PolicyUnknown, ProfileInvalid, KeystoreError and what a call may raise.
    """
    if not session.profile.acts_for:
        raise ProfileInvalid(
            f"{session.profile.path}: only a party, or an officer whose profile names its party, "
            "accepts a policy"
        )
    while True:
        collaboration = session.collaboration()  # 1
        policy = _meant(collaboration, digest)  # 2
        digest = policy.digest
        try:
            announcement = _announced(session, collaboration.name, digest)
            return _accepted(session, collaboration, policy, announcement)
        except RoomError as error:
            if error.reason != _WENT_ON:
                raise


def _meant(collaboration: Collaboration, digest: str | None) -> Policy:
    """Return the policy of a digest, the latest without one; raises PolicyUnknown."""
    latest, in_force = collaboration.latest, collaboration.in_force
    if digest is None or digest == latest.digest:
        return latest
    if in_force is not None and digest == in_force.digest:
        return in_force
    raise PolicyUnknown(
        f"the proposal of {collaboration.name} is {latest.digest}, not {digest}: read it again"
    )


def _announced(session: Session, collaboration: str, digest: str) -> bytes:
    """Note the policy in this party's keystore and return its announcement; b"" for an officer."""
    if session.profile.kind is not Kind.PARTY:
        return b""
    session.ensure_secrets(collaboration)
    # A crash after this leaves a policy noted that the caller did mean to accept.
    session.keystore.note_accepted(collaboration, digest, entropy=session.environment.entropy)
    return _announcement(session, collaboration, digest)


def _accepted(
    session: Session, collaboration: Collaboration, policy: Policy, announcement: bytes
) -> Accepted:
    request = pb.AcceptPolicyRequest(
        collaboration=collaboration.name,
        digest=policy.digest,
        announcement=announcement,
        signed=signed_step(
            session,
            StepKind.ACCEPT,
            collaboration=collaboration.name,
            digest=policy.digest,
            place=collaboration.place,
        ),
    )
    answer = session.transport.call(session.collaborations.AcceptPolicy, request)
    return Accepted(
        collaboration=collaboration.name,
        policy=policy,
        in_force=answer.in_force,
        waiting_for=tuple(answer.waiting_for),
        waiting_for_one_of=tuple(answer.waiting_for_one_of),
    )


def _announcement(session: Session, collaboration: str, digest: str) -> bytes:
    return announce(
        collaboration=collaboration,
        party=session.profile.name,
        policy_digest=digest,
        public_key=session.secrets(collaboration).hpke.public_key(),
        signer=session.credentials.signer,
        certificates=session.credentials.certificates,
    ).encode()

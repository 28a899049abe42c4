"""Proposing a policy, and accepting one by a digest computed here; knows no tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom_client.agreement import Policy
from cleanroom_client.blinding.envelope import announce
from cleanroom_client.errors import PolicyUnknown, RoomError
from cleanroom_client.session import Session
from cleanroom_client.tables import BadInput

_MAX_POLICY_BYTES = 2**20
_FILE_AT_SERVICE = "policy.yaml:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A policy that this party accepted, and who has yet to."""

    collaboration: str
    policy: Policy
    in_force: bool
    waiting_for: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal under the name and digest to accept it by."""

    collaboration: str
    digest: str


def propose(session: Session, path: Path) -> Proposed:
    """Put a policy file before the parties; raises BadInput and ClientError."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the policy cannot be read: {error.strerror}", file=str(path)) from None
    if len(document) > _MAX_POLICY_BYTES:
        raise BadInput("a policy has at most 1 MiB", file=str(path))
    request = pb.ProposePolicyRequest(document=document)
    try:
        answer = session.transport.call(session.collaborations.ProposePolicy, request)
    except RoomError as error:
        # The service does not know the file's name.
        sentence = error.sentence.replace(_FILE_AT_SERVICE, f"{path.name}:")
        raise RoomError(error.reason, sentence, error.metadata) from error
    return Proposed(collaboration=answer.collaboration, digest=answer.digest)


def accept(session: Session, digest: str | None) -> Accepted:
    """Accept the latest proposal and announce this party's key for receiving the shared one.

    1. Fetch the proposal; its digest is computed from its bytes here.
    2. It is the one the caller has read, if a digest was given.
    3. Make this party's secrets for the collaboration if there are none, and note the digest
       with them: `upload` will act under no other policy, whatever the service says.
    4. Accept, with the announcement signed by the key of the certificate.

    Raises PolicyUnknown, KeystoreError and what a call may raise.
    """
    collaboration = session.collaboration()  # 1
    policy = collaboration.latest
    if digest is not None and digest != policy.digest:  # 2
        raise PolicyUnknown(
            f"the proposal of {collaboration.name} is {policy.digest}, not {digest}: read it again"
        )
    session.ensure_secrets(collaboration.name)  # 3
    # A crash after this leaves a policy noted that the caller did mean to accept.
    session.keystore.note_accepted(
        collaboration.name, policy.digest, entropy=session.environment.entropy
    )
    request = pb.AcceptPolicyRequest(  # 4
        collaboration=collaboration.name,
        digest=policy.digest,
        announcement=_announcement(session, collaboration.name, policy.digest),
    )
    answer = session.transport.call(session.collaborations.AcceptPolicy, request)
    return Accepted(
        collaboration=collaboration.name,
        policy=policy,
        in_force=answer.in_force,
        waiting_for=tuple(answer.waiting_for),
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

"""The shared key of the `hmac` scheme on its way from its holder to the other owners."""

from __future__ import annotations

import re
from typing import TypeVar

from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom_client.agreed import check_agreed
from cleanroom_client.agreement import Collaboration
from cleanroom_client.blinding import SharedKey
from cleanroom_client.blinding.certificates import Fault, NotBelieved
from cleanroom_client.blinding.envelope import (
    Announcement,
    Envelope,
    unwrap_key,
    verify_announcement,
    wrap_key,
)
from cleanroom_client.errors import KeyNotReady
from cleanroom_client.session import Session

S = TypeVar("S", Announcement, Envelope)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def holder(collaboration: Collaboration) -> str:
    """Return the party that makes the shared key: the first owner in policy order."""
    return str(collaboration.terms.owners[0])


def shared_key(session: Session, collaboration: Collaboration) -> SharedKey:
    """Return the shared key, made here by its holder or unwrapped by anybody else.

    Raises KeyNotReady until the holder has shared it, NotBelieved for an envelope not of its
    making, KeystoreError.
    """
    kept = session.secrets(collaboration.name).shared
    if session.profile.name != holder(collaboration):
        return _fetched(session, collaboration, kept)
    if kept is not None:
        return kept
    return session.keystore.ensure_shared_key(
        collaboration.name, entropy=session.environment.entropy
    )


def share(session: Session, collaboration: Collaboration, done: frozenset[str]) -> frozenset[str]:
    """Wrap the key for every other owner that has accepted and is not in `done`; return all done.

    Only the holder may. Raises NotBelieved naming the party whose announcement is not its own,
    PolicyUnknown for owners or a policy that this party did not accept.
    """
    check_agreed(session, collaboration)
    key, policy = shared_key(session, collaboration), collaboration.ruling()
    for party in collaboration.terms.owners[1:]:
        if policy.accepted.get(party) and party not in done:  # an officer announces no key
            _put(session, collaboration, key, party)
            done |= {party}
    return done


def _put(session: Session, collaboration: Collaboration, key: SharedKey, party: str) -> None:
    policy, credentials = collaboration.ruling(), session.credentials
    announcement = _parsed(Announcement, policy.accepted[party], party)
    _check_subject(session, collaboration, announcement, party)
    recipient_key = verify_announcement(
        announcement,
        collaboration=collaboration.name,
        party=party,
        policy_digest=announcement.policy_digest,
        trust=credentials.trust(session.environment.now()),
    )
    envelope = wrap_key(
        key,
        recipient_key=recipient_key,
        collaboration=collaboration.name,
        sender=session.profile.name,
        recipient=party,
        signer=credentials.signer,
        certificates=credentials.certificates,
    )
    request = pb.PutKeyEnvelopeRequest(
        collaboration=collaboration.name, recipient=party, ciphertext=envelope.encode()
    )
    session.transport.call(session.collaborations.PutKeyEnvelope, request)


def _check_subject(
    session: Session, collaboration: Collaboration, announcement: Announcement, party: str
) -> None:
    """Refuse a key that was announced under a policy which this party has not accepted too.

    It may be an earlier one than is in force, if the one in force only tightens it: owners and
    scheme are the same (see agreed.py). Raises NotBelieved.
    """
    digest = announcement.policy_digest
    same = digest == collaboration.ruling().digest
    if not same and not (
        _DIGEST.fullmatch(digest) and session.keystore.has_accepted(collaboration.name, digest)
    ):
        raise NotBelieved(Fault.OTHER_SUBJECT, party)


def _fetched(session: Session, collaboration: Collaboration, kept: SharedKey | None) -> SharedKey:
    """Return the key of the holder's envelope; the one kept before only if there is none."""
    sender = holder(collaboration)
    request = pb.ListKeyEnvelopesRequest(collaboration=collaboration.name)
    answer = session.transport.call(session.collaborations.ListKeyEnvelopes, request)
    sealed = next((e.ciphertext for e in answer.envelopes if e.sender == sender), None)
    if sealed is None and kept is not None:
        return kept
    if sealed is None:
        raise KeyNotReady(
            f"{sender} has not shared the matching key with {session.profile.name} yet: "
            f"ask {sender} to run 'blind'"
        )
    key = unwrap_key(
        _parsed(Envelope, sealed, sender),
        private_key=session.secrets(collaboration.name).hpke,
        collaboration=collaboration.name,
        sender=sender,
        recipient=session.profile.name,
        trust=session.credentials.trust(session.environment.now()),
    )
    return _keep(session, collaboration, key)


def _keep(session: Session, collaboration: Collaboration, key: SharedKey) -> SharedKey:
    entropy = session.environment.entropy
    session.keystore.keep_shared_key(collaboration.name, key, entropy=entropy)
    return key


def _parsed(kind: type[S], text: bytes, party: str) -> S:
    """Return the statement said to be of `party`; raises NotBelieved naming that party."""
    try:
        return kind.parse(text)
    except NotBelieved:
        raise NotBelieved(Fault.MALFORMED, party) from None

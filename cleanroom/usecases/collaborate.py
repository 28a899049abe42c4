"""Agreeing on a policy: propose, accept by digest, come into force, hand over the hmac key."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import FieldInvalid, NotPermitted, PolicyDigestMismatch
from cleanroom.model.names import Actor, ActorKind
from cleanroom.policy.document import Policy, Scheme
from cleanroom.policy.parse import parse_policy
from cleanroom.ports.records import Acceptance, Envelope, Proposal
from cleanroom.ports.store import Transaction
from cleanroom.usecases import relay
from cleanroom.usecases.budgets import set_budgets
from cleanroom.usecases.service import (
    Service,
    party_of,
    policy_in_force,
    read_policy,
    waiting_for,
)

MAX_ANNOUNCEMENT = 16 * 1024
MAX_ENVELOPE = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CollaborationView:
    """What a member may see of a collaboration."""

    collaboration: str
    in_force: Proposal | None
    in_force_acceptances: tuple[Acceptance, ...]
    latest: Proposal
    latest_acceptances: tuple[Acceptance, ...]
    waiting_for: tuple[str, ...]


def propose(service: Service, actor: Actor, document: bytes) -> Proposal:
    """Keep a policy document as the latest proposal of the collaboration that it names.

    Officers and the operator may propose for any collaboration, a party for one whose document
    names it and, where one is in force, whose policy in force names it too.
    Raises PolicyInvalidError, NotPermitted.
    """
    policy = parse_policy(document)
    proposal = Proposal(
        collaboration=policy.collaboration,
        digest=policy.digest,
        document=document,
        proposed_by=actor.short,
        proposed_at_s=service.clock.now_s(),
    )

    def work(tx: Transaction) -> None:
        _check_may_propose(tx, actor, policy)
        latest = tx.collaborations.latest(proposal.collaboration)
        if latest is not None and latest.digest == proposal.digest:
            return  # the same proposal again changes nothing
        tx.collaborations.add_proposal(proposal)
        _begin_anew(tx, proposal)
        service.note(
            tx,
            EntryKind.POLICY_PROPOSED,
            actor,
            proposal.collaboration,
            policy_digest=proposal.digest,
        )

    service.store.transact(work)
    return proposal


def _begin_anew(tx: Transaction, proposal: Proposal) -> None:
    """Forget acceptances of an earlier round, unless they hold the policy in force.

    Parties have accepted something else since: with the old acceptances one of them alone could
    bring a replaced policy back.
    """
    in_force = tx.collaborations.in_force(proposal.collaboration)
    if in_force is None or in_force.digest != proposal.digest:
        tx.collaborations.withdraw_acceptances(proposal.collaboration, proposal.digest)


def _check_may_propose(tx: Transaction, actor: Actor, policy: Policy) -> None:
    if actor.kind in {ActorKind.OFFICER, ActorKind.OPERATOR}:
        return
    party = party_of(actor, "policies", "propose")
    in_force = tx.collaborations.in_force(policy.collaboration)
    outside = in_force is not None and read_policy(in_force).party(party) is None
    if policy.party(party) is None or outside:
        raise NotPermitted(what=f"collaborations/{policy.collaboration}", action="propose")


def accept(
    service: Service, actor: Actor, *, collaboration: str, digest: str, announcement: bytes
) -> tuple[str, ...]:
    """Accept the latest proposal by its digest; return the parties that have yet to accept.

    With the last acceptance the policy is in force and its ledgers are open.
    Raises NotPermitted, PolicyDigestMismatch, FieldInvalid.
    """
    party = party_of(actor, f"collaborations/{collaboration}", "accept")
    if len(announcement) > MAX_ANNOUNCEMENT:
        raise FieldInvalid(field="announcement", expected=f"at most {MAX_ANNOUNCEMENT} bytes")

    def work(tx: Transaction) -> tuple[str, ...]:
        proposal = _acceptable(tx, party, collaboration, digest)
        tx.collaborations.accept(
            Acceptance(
                collaboration=collaboration,
                digest=digest,
                party=party,
                accepted_at_s=service.clock.now_s(),
                announcement=announcement,
            )
        )
        service.note(
            tx, EntryKind.POLICY_ACCEPTED, actor, collaboration, policy_digest=digest, party=party
        )
        waiting = waiting_for(tx, proposal)
        if not waiting:
            _put_in_force(service, tx, actor, proposal)
        return waiting

    return service.store.transact(work)


def _acceptable(tx: Transaction, party: str, collaboration: str, digest: str) -> Proposal:
    proposal = tx.collaborations.latest(collaboration)
    in_force = tx.collaborations.in_force(collaboration)
    members = {p.name for k in (proposal, in_force) if k for p in read_policy(k).parties}
    if proposal is None or party not in members:
        raise NotPermitted(what=f"collaborations/{collaboration}", action="accept")
    if proposal.digest != digest:
        raise PolicyDigestMismatch(collaboration=collaboration, digest=digest)
    return proposal


def _put_in_force(service: Service, tx: Transaction, actor: Actor, proposal: Proposal) -> None:
    """Make the proposal the rule; a ledger keeps what was spent of it."""
    current = tx.collaborations.in_force(proposal.collaboration)
    if current is not None and current.digest == proposal.digest:
        return
    tx.collaborations.put_in_force(proposal.collaboration, proposal.digest)
    relay.drop_all(tx, proposal.collaboration)  # no upload under another policy can be sealed
    set_budgets(tx, read_policy(proposal), read_policy(current) if current else None)
    service.note(
        tx,
        EntryKind.POLICY_IN_FORCE,
        actor,
        proposal.collaboration,
        policy_digest=proposal.digest,
    )


def view(service: Service, actor: Actor, collaboration: str) -> CollaborationView:
    """Return the policies of a collaboration that the caller belongs to.

    An empty name means the caller's only one. Raises NotPermitted, FieldInvalid.
    """

    def work(tx: Transaction) -> CollaborationView:
        name = collaboration or _only(tx, actor)
        latest = tx.collaborations.latest(name)
        if latest is None or not _may_view(tx, actor, latest):
            raise NotPermitted(what=f"collaborations/{name}", action="read")
        in_force = tx.collaborations.in_force(name)
        accepted = tx.collaborations.acceptances(name, in_force.digest) if in_force else ()
        return CollaborationView(
            collaboration=name,
            in_force=in_force,
            in_force_acceptances=accepted,
            latest=latest,
            latest_acceptances=tx.collaborations.acceptances(name, latest.digest),
            waiting_for=waiting_for(tx, latest),
        )

    return service.store.read(work)


def _only(tx: Transaction, actor: Actor) -> str:
    latest = (tx.collaborations.latest(n) for n in tx.collaborations.names())
    mine = [p.collaboration for p in latest if p and _may_view(tx, actor, p)]
    if len(mine) != 1:
        raise FieldInvalid(field="collaboration", expected=f"a name: yours are {', '.join(mine)}")
    return mine[0]


def _may_view(tx: Transaction, actor: Actor, latest: Proposal) -> bool:
    """Parties see what names them now or before acceptance; officers and auditors see all."""
    if actor.kind is not ActorKind.PARTY:
        return True
    in_force = tx.collaborations.in_force(latest.collaboration)
    return any(read_policy(p).party(actor.name) for p in (latest, in_force) if p is not None)


def put_envelope(
    service: Service, actor: Actor, *, collaboration: str, recipient: str, ciphertext: bytes
) -> None:
    """Keep the hmac key wrapped for `recipient`; only the first owner of a dataset may.

    Raises NotPermitted, PolicyNotInForce, FieldInvalid.
    """
    sender = party_of(actor, f"collaborations/{collaboration}", "share a key in")
    if not 0 < len(ciphertext) <= MAX_ENVELOPE:
        raise FieldInvalid(field="ciphertext", expected=f"1 to {MAX_ENVELOPE} bytes")

    def work(tx: Transaction) -> None:
        policy = policy_in_force(tx, collaboration, sender, "share a key in")
        owners = policy.owners()
        if policy.matching.scheme is not Scheme.HMAC or sender != owners[0]:
            raise NotPermitted(what=f"collaborations/{collaboration}", action="share a key in")
        if recipient not in owners[1:]:
            raise FieldInvalid(field="recipient", expected=f"one of {', '.join(owners[1:])}")
        envelope = Envelope(
            collaboration=collaboration, sender=sender, recipient=recipient, ciphertext=ciphertext
        )
        tx.collaborations.put_envelope(envelope)

    service.store.transact(work)


def envelopes(service: Service, actor: Actor, collaboration: str) -> tuple[Envelope, ...]:
    """Return the wrapped keys addressed to the caller; raises NotPermitted, PolicyNotInForce."""
    party = party_of(actor, f"collaborations/{collaboration}", "read keys of")

    def work(tx: Transaction) -> tuple[Envelope, ...]:
        policy_in_force(tx, collaboration, party, "read keys of")
        return tx.collaborations.envelopes(collaboration, party)

    return service.store.read(work)

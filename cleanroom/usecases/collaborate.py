"""Agreeing on a policy: propose, accept by digest, come into force.

Whose word a policy needs is decided by cleanroom.policy.agreement, where a statement stands by
steps.py; here each step is one transaction with its log entry, and the step that leaves nobody
missing puts the policy in force in the same one. A crash leaves the step taken or not taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cleanroom.audit.entry import EntryKind
from cleanroom.audit.step import Step, StepKind
from cleanroom.model.errors import (
    FieldInvalid,
    NotPermitted,
    PolicyDigestMismatch,
    PolicyExpired,
)
from cleanroom.model.names import Actor, ActorKind
from cleanroom.policy.agreement import Missing
from cleanroom.policy.document import Policy
from cleanroom.policy.parse import parse_policy
from cleanroom.ports.records import Acceptance, Proposal
from cleanroom.ports.store import Transaction
from cleanroom.usecases import relay
from cleanroom.usecases.budgets import set_budgets
from cleanroom.usecases.changes import changes_to, must_come_again, told
from cleanroom.usecases.envelopes import envelopes, put_envelope
from cleanroom.usecases.service import Service, missing_at_first, missing_for, read_policy
from cleanroom.usecases.steps import Intent, keep, next_place, step_of, was_taken
from cleanroom.usecases.views import CollaborationView, standing, view

__all__ = ["CollaborationView", "accept", "envelopes", "propose", "put_envelope", "view"]

MAX_ANNOUNCEMENT = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A step that may be taken, and the proposal that it is about."""

    intent: Intent
    proposal: Proposal


def read_proposal(service: Service, actor: Actor, document: bytes) -> Proposal:
    """Return a document as the proposal it would be; raises PolicyInvalidError."""
    policy = parse_policy(document)
    return Proposal(
        collaboration=policy.collaboration,
        digest=policy.digest,
        document=document,
        proposed_by=actor.short,
        proposed_at_s=service.clock.now_s(),
    )


def propose(
    service: Service, actor: Actor, document: bytes, signed: Step | None = None
) -> Proposal:
    """Keep a policy document as the latest proposal of the collaboration that it names.

    Requires: rpc has checked that the caller made the signature of `signed`. A proposal that
    nobody signed, as that of a service's first start, is no party's word.
    Officers that serve all and the operator may propose for any collaboration, a party and its
    officers for one whose document names it and, where one is in force, whose policy in force
    names it too. One that only tightens what its signer owns is in force at once.
    Raises PolicyInvalidError, NotPermitted, SignatureInvalid, PolicyStepConflict, PolicyExpired.
    """
    proposal = read_proposal(service, actor, document)
    intent = Intent(
        actor=actor,
        kind=StepKind.PROPOSE,
        collaboration=proposal.collaboration,
        policy_digest=proposal.digest,
        signed=signed,
    )

    def work(tx: Transaction) -> None:
        check_may_propose(tx, actor, read_policy(proposal))
        latest = tx.collaborations.latest(proposal.collaboration)
        if was_taken(tx, intent) or (latest is not None and latest.digest == proposal.digest):
            return  # the same proposal again changes nothing
        step = step_of(service, tx, intent)
        if signed is not None:
            _check_not_over(service, proposal)
        tx.collaborations.add_proposal(proposal)
        _begin_anew(tx, proposal)
        _take(service, tx, _Taken(intent=intent, proposal=proposal), step)

    service.store.transact(work)
    return proposal


def preview(service: Service, actor: Actor, document: bytes) -> CollaborationView:
    """Return what would be seen if the caller proposed this, signed; nothing is kept.

    Raises what `propose` raises.
    """
    proposal = read_proposal(service, actor, document)

    def work(tx: Transaction) -> CollaborationView:
        after = read_policy(proposal)
        check_may_propose(tx, actor, after)
        in_force = tx.collaborations.in_force(proposal.collaboration)
        before = read_policy(in_force) if in_force else None
        return CollaborationView(
            collaboration=proposal.collaboration,
            in_force=in_force,
            in_force_acceptances=standing(tx, in_force) if in_force else (),
            latest=proposal,
            latest_acceptances=(),
            missing=missing_at_first(before, after, actor.acts_for),
            changes=changes_to(before, after),
            must_come_again=must_come_again(before, after),
            place=next_place(tx, proposal.collaboration),
        )

    return service.store.read(work)


def _begin_anew(tx: Transaction, proposal: Proposal) -> None:
    """Forget acceptances of an earlier round, unless they hold the policy in force.

    Parties have accepted something else since: with the old acceptances one of them alone could
    bring a replaced policy back.
    """
    in_force = tx.collaborations.in_force(proposal.collaboration)
    if in_force is None or in_force.digest != proposal.digest:
        tx.collaborations.withdraw_acceptances(proposal.collaboration, proposal.digest)


def check_may_propose(tx: Transaction, actor: Actor, policy: Policy) -> None:
    """Raise NotPermitted unless the caller may put this policy before its parties."""
    party = actor.acts_for
    if not party and actor.kind in {ActorKind.OFFICER, ActorKind.OPERATOR}:
        return
    in_force = tx.collaborations.in_force(policy.collaboration)
    outside = in_force is not None and read_policy(in_force).party(party) is None
    if policy.party(party) is None or outside:
        raise NotPermitted(what=f"collaborations/{policy.collaboration}", action="propose")


def accept(
    service: Service,
    actor: Actor,
    *,
    collaboration: str,
    digest: str,
    announcement: bytes,
    signed: Step,
) -> Missing:
    """Accept the latest proposal, or anew what is in force, by its digest; return who has yet to.

    Requires: rpc has checked that the caller made the signature of `signed`.
    With the last acceptance needed the policy is in force and its ledgers are open. An officer's
    acceptance keeps the announcement that its party has made of the same policy.
    Raises NotPermitted, PolicyDigestMismatch, PolicyExpired, SignatureInvalid, PolicyStepConflict,
    FieldInvalid.
    """
    party = actor.acts_for
    if not party:
        raise NotPermitted(what=f"collaborations/{collaboration}", action="accept")
    if len(announcement) > MAX_ANNOUNCEMENT:
        raise FieldInvalid(field="announcement", expected=f"at most {MAX_ANNOUNCEMENT} bytes")
    intent = Intent(
        actor=actor,
        kind=StepKind.ACCEPT,
        collaboration=collaboration,
        policy_digest=digest,
        signed=signed,
    )

    def work(tx: Transaction) -> Missing:
        proposal = _acceptable(tx, party, collaboration, digest)
        if was_taken(tx, intent):
            return missing_for(tx, proposal)
        step = step_of(service, tx, intent)
        _check_not_over(service, proposal)
        tx.collaborations.accept(
            Acceptance(
                collaboration=collaboration,
                digest=digest,
                party=party,
                accepted_at_s=service.clock.now_s(),
                announcement=announcement or _announced(tx, proposal, party),
            )
        )
        return _take(service, tx, _Taken(intent=intent, proposal=proposal), step)

    return service.store.transact(work)


def _acceptable(tx: Transaction, party: str, collaboration: str, digest: str) -> Proposal:
    proposal = tx.collaborations.latest(collaboration)
    in_force = tx.collaborations.in_force(collaboration)
    members = {p.name for k in (proposal, in_force) if k for p in read_policy(k).parties}
    if proposal is None or party not in members:
        raise NotPermitted(what=f"collaborations/{collaboration}", action="accept")
    # The policy in force may be accepted again, by a machine of the party that was not there then.
    found = next((p for p in (proposal, in_force) if p and p.digest == digest), None)
    if found is None:
        raise PolicyDigestMismatch(collaboration=collaboration, digest=digest)
    return found


def _announced(tx: Transaction, proposal: Proposal, party: str) -> bytes:
    given = tx.collaborations.acceptances(proposal.collaboration, proposal.digest)
    return next((a.announcement for a in given if a.party == party), b"")


def is_over(service: Service, policy: Policy) -> bool:
    """Tell whether a policy's last day has passed."""
    return service.clock.now_s() >= policy.valid_until_s


def _check_not_over(service: Service, proposal: Proposal) -> None:
    policy = read_policy(proposal)
    if is_over(service, policy):
        last = datetime.fromtimestamp(policy.valid_until_s - 1, UTC).date()
        raise PolicyExpired(
            collaboration=proposal.collaboration, digest=proposal.digest, last_day=str(last)
        )


def _take(service: Service, tx: Transaction, taken: _Taken, step: Step) -> Missing:
    """Keep the step, and put the policy in force if nobody's word is missing with it."""
    proposal, intent = taken.proposal, taken.intent
    in_force = tx.collaborations.in_force(proposal.collaboration)
    before, after = read_policy(in_force) if in_force else None, read_policy(proposal)
    missing = missing_for(tx, proposal, proposer=_proposer(intent))
    is_new = before is None or before.digest != after.digest
    ready = is_new and missing.nobody and not is_over(service, after)
    facts = told(before, after)
    for name, parties in (
        ("waiting_for", missing.parties),
        ("waiting_for_one_of", missing.one_of),
    ):
        if parties:
            facts[name] = [*parties]
    keep(service, tx, intent, step, put_in_force=ready, facts=facts)
    if ready:
        _put_in_force(service, tx, intent.actor, proposal, before)
    return missing


def _proposer(intent: Intent) -> str | None:
    """Return for whom this very step proposes, "" for nobody; None if it is no proposal."""
    if intent.kind is not StepKind.PROPOSE:
        return None
    return intent.actor.acts_for if intent.signed is not None else ""


def _put_in_force(
    service: Service, tx: Transaction, actor: Actor, proposal: Proposal, before: Policy | None
) -> None:
    """Make the proposal the rule; a ledger keeps what was spent of it.

    What is being uploaded goes on where it fits the new policy, and is dropped where it does not.
    """
    after = read_policy(proposal)
    tx.collaborations.put_in_force(proposal.collaboration, proposal.digest)
    again = must_come_again(before, after)
    if before is None or again:
        relay.drop_all(tx, proposal.collaboration)  # no such upload can be sealed
    set_budgets(tx, after, before)
    service.note(
        tx,
        EntryKind.POLICY_IN_FORCE,
        actor,
        proposal.collaboration,
        policy_digest=proposal.digest,
        **(told(before, after) | ({"replaced": before.digest} if before else {})),
        **({"must_come_again": [*again]} if again else {}),
    )

"""Policies, acceptances and steps as messages; must not know who may see them."""

from __future__ import annotations

from cleanroom.policy.compare import Change
from cleanroom.ports.records import Acceptance, PolicyStep, Proposal
from cleanroom.rpc.terms import terms_of
from cleanroom.usecases.service import read_policy
from cleanroom.usecases.views import CollaborationView
from cleanroom.v1 import collaboration_pb2 as pb


def proposed(view: CollaborationView) -> pb.ProposePolicyResponse:
    """Return what a proposal means."""
    in_force = view.in_force
    return pb.ProposePolicyResponse(
        collaboration=view.collaboration,
        digest=view.latest.digest,
        in_force=in_force is not None and in_force.digest == view.latest.digest,
        waiting_for=view.missing.parties,
        waiting_for_one_of=view.missing.one_of,
        changes=map(_change, view.changes),
        must_come_again=view.must_come_again,
        next_position=view.place.position,
        previous=view.place.previous,
        valid_until_s=read_policy(view.latest).valid_until_s,
    )


def seen(view: CollaborationView) -> pb.GetCollaborationResponse:
    """Return what a member sees."""
    return pb.GetCollaborationResponse(
        collaboration=view.collaboration,
        in_force=policy(view.in_force) if view.in_force else None,
        in_force_acceptances=map(_acceptance, view.in_force_acceptances),
        latest=policy(view.latest),
        latest_acceptances=map(_acceptance, view.latest_acceptances),
        waiting_for=view.missing.parties,
        waiting_for_one_of=view.missing.one_of,
        terms=terms_of(read_policy(view.in_force or view.latest)),
        changes=map(_change, view.changes),
        must_come_again=view.must_come_again,
        next_position=view.place.position,
        previous=view.place.previous,
    )


def policy(proposal: Proposal) -> pb.Policy:
    """Return a policy as proposed."""
    read = read_policy(proposal)
    return pb.Policy(
        digest=proposal.digest,
        document=proposal.document,
        proposed_by=proposal.proposed_by,
        proposed_at_s=proposal.proposed_at_s,
        valid_from_s=read.valid_from_s,
        valid_until_s=read.valid_until_s,
    )


def step_of(step: PolicyStep) -> pb.PolicyStep:
    """Return one step of the history."""
    signed = pb.SignedStep(
        statement=step.step.statement,
        signature=step.step.signature,
        certificates=step.step.certificates,
    )
    return pb.PolicyStep(
        position=step.position,
        digest=step.digest,
        step=signed,
        taken_at_s=step.taken_at_s,
        put_in_force=step.put_in_force,
    )


def _acceptance(acceptance: Acceptance) -> pb.Acceptance:
    return pb.Acceptance(
        party=acceptance.party,
        accepted_at_s=acceptance.accepted_at_s,
        announcement=acceptance.announcement,
        digest=acceptance.digest,
    )


def _change(change: Change) -> pb.PolicyChange:
    return pb.PolicyChange(
        path=change.path,
        direction=str(change.direction),
        before=change.before or "",
        after=change.after or "",
        concerned=sorted(change.concerned),
        words=change.words,
    )

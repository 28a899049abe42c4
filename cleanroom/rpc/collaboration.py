"""CollaborationService: convert, call, convert."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from cleanroom.model.dataset import Bounded, Domain
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_label
from cleanroom.policy.document import ArmColumn, DatasetRules, Policy
from cleanroom.ports.records import Acceptance, Proposal
from cleanroom.rpc.identity import Identities
from cleanroom.usecases import collaborate
from cleanroom.usecases.service import Service, read_policy
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom.v1.collaboration_pb2_grpc import CollaborationServiceServicer

MAX_DOCUMENT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollaborationServicer(CollaborationServiceServicer):
    """Policies, acceptances and the envelopes of the shared key."""

    service: Service
    identities: Identities

    def ProposePolicy(
        self, request: pb.ProposePolicyRequest, context: grpc.ServicerContext
    ) -> pb.ProposePolicyResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        if not 0 < len(request.document) <= MAX_DOCUMENT:
            raise FieldInvalid(field="document", expected="a YAML file of at most 1 MiB")
        proposal = collaborate.propose(self.service, actor, request.document)
        return pb.ProposePolicyResponse(
            collaboration=proposal.collaboration, digest=proposal.digest
        )

    def AcceptPolicy(
        self, request: pb.AcceptPolicyRequest, context: grpc.ServicerContext
    ) -> pb.AcceptPolicyResponse:
        """See collaboration.proto."""
        waiting = collaborate.accept(
            self.service,
            self.identities.actor(context),
            collaboration=check_label(request.collaboration, "collaboration"),
            digest=request.digest,
            announcement=request.announcement,
        )
        return pb.AcceptPolicyResponse(in_force=not waiting, waiting_for=waiting)

    def GetCollaboration(
        self, request: pb.GetCollaborationRequest, context: grpc.ServicerContext
    ) -> pb.GetCollaborationResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        if request.collaboration:
            check_label(request.collaboration, "collaboration")
        view = collaborate.view(self.service, actor, request.collaboration)
        return pb.GetCollaborationResponse(
            collaboration=view.collaboration,
            in_force=_policy(view.in_force) if view.in_force else None,
            in_force_acceptances=[_acceptance(a) for a in view.in_force_acceptances],
            latest=_policy(view.latest),
            latest_acceptances=[_acceptance(a) for a in view.latest_acceptances],
            waiting_for=view.waiting_for,
            terms=_terms(read_policy(view.in_force or view.latest)),
        )

    def PutKeyEnvelope(
        self, request: pb.PutKeyEnvelopeRequest, context: grpc.ServicerContext
    ) -> pb.PutKeyEnvelopeResponse:
        """See collaboration.proto."""
        collaborate.put_envelope(
            self.service,
            self.identities.actor(context),
            collaboration=check_label(request.collaboration, "collaboration"),
            recipient=check_label(request.recipient, "recipient"),
            ciphertext=request.ciphertext,
        )
        return pb.PutKeyEnvelopeResponse()

    def ListKeyEnvelopes(
        self, request: pb.ListKeyEnvelopesRequest, context: grpc.ServicerContext
    ) -> pb.ListKeyEnvelopesResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        collaboration = check_label(request.collaboration, "collaboration")
        found = collaborate.envelopes(self.service, actor, collaboration)
        return pb.ListKeyEnvelopesResponse(
            envelopes=[pb.KeyEnvelope(sender=e.sender, ciphertext=e.ciphertext) for e in found]
        )


def _policy(proposal: Proposal) -> pb.Policy:
    return pb.Policy(
        digest=proposal.digest,
        document=proposal.document,
        proposed_by=proposal.proposed_by,
        proposed_at_s=proposal.proposed_at_s,
    )


def _acceptance(acceptance: Acceptance) -> pb.Acceptance:
    return pb.Acceptance(
        party=acceptance.party,
        accepted_at_s=acceptance.accepted_at_s,
        announcement=acceptance.announcement,
    )


def _terms(policy: Policy) -> pb.Terms:
    return pb.Terms(
        policy_digest=policy.digest,
        scheme=str(policy.matching.scheme),
        normalisation=policy.matching.normalisation,
        default_region=policy.matching.default_region or "",
        keys=[str(k) for k in policy.matching.keys],
        parties=[
            pb.PartyTerms(name=p.name, role=str(p.role), may_ask=sorted(str(f) for f in p.may_ask))
            for p in policy.parties
        ],
        datasets=[_dataset(d) for d in policy.datasets],
        owners=policy.owners(),
        consent_bases=[str(basis) for basis in policy.consent.bases],
        base_purpose=policy.consent.base or "",
    )


def _dataset(rules: DatasetRules) -> pb.DatasetTerms:
    schema = rules.schema
    return pb.DatasetTerms(
        name=schema.name,
        owner=schema.owner,
        dimensions=[_domain(d) for d in schema.dimensions],
        arm=_arm(rules.arm) if rules.arm else None,
        counts=[_measure(b) for b in schema.counts],
        measures=[_measure(b) for b in schema.measures],
        filters=[_domain(d) for d in schema.filters],
        timed=schema.timed,
    )


def _arm(arm: ArmColumn) -> pb.ArmColumn:
    return pb.ArmColumn(column=arm.column, test=arm.test, control=arm.control)


def _domain(domain: Domain) -> pb.Domain:
    return pb.Domain(name=domain.name, values=domain.values)


def _measure(bounded: Bounded) -> pb.Measure:
    return pb.Measure(
        name=bounded.name,
        unit=str(bounded.unit),
        max_per_person=bounded.max_per_person,
        min_per_person=bounded.min_per_person,
    )

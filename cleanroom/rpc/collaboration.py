"""CollaborationService: convert, call, convert."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_label
from cleanroom.rpc.agreement import policy, proposed, seen, step_of
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.signatures import Signatures
from cleanroom.usecases import collaborate, envelopes, views
from cleanroom.usecases.service import Service
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom.v1.collaboration_pb2_grpc import CollaborationServiceServicer

MAX_DOCUMENT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollaborationServicer(CollaborationServiceServicer):
    """Policies, acceptances and the envelopes of the shared key."""

    service: Service
    identities: Identities
    signatures: Signatures

    def ProposePolicy(
        self, request: pb.ProposePolicyRequest, context: grpc.ServicerContext
    ) -> pb.ProposePolicyResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        if not 0 < len(request.document) <= MAX_DOCUMENT:
            raise FieldInvalid(field="document", expected="a YAML file of at most 1 MiB")
        if request.validate_only:
            return proposed(collaborate.preview(self.service, actor, request.document))
        signed = self.signatures.step(context, actor, request.signed)
        proposal = collaborate.propose(self.service, actor, request.document, signed)
        return proposed(views.view(self.service, actor, proposal.collaboration))

    def AcceptPolicy(
        self, request: pb.AcceptPolicyRequest, context: grpc.ServicerContext
    ) -> pb.AcceptPolicyResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        missing = collaborate.accept(
            self.service,
            actor,
            collaboration=check_label(request.collaboration, "collaboration"),
            digest=request.digest,
            announcement=request.announcement,
            signed=self.signatures.step(context, actor, request.signed),
        )
        return pb.AcceptPolicyResponse(
            in_force=missing.nobody,
            waiting_for=missing.parties,
            waiting_for_one_of=missing.one_of,
        )

    def GetCollaboration(
        self, request: pb.GetCollaborationRequest, context: grpc.ServicerContext
    ) -> pb.GetCollaborationResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        if request.collaboration:
            check_label(request.collaboration, "collaboration")
        return seen(views.view(self.service, actor, request.collaboration))

    def GetPolicy(
        self, request: pb.GetPolicyRequest, context: grpc.ServicerContext
    ) -> pb.GetPolicyResponse:
        """See collaboration.proto."""
        actor = self.identities.actor(context)
        name = check_label(request.collaboration, "collaboration")
        found = views.document(self.service, actor, name, request.digest)
        return pb.GetPolicyResponse(policy=policy(found))

    def ListPolicySteps(
        self, request: pb.ListPolicyStepsRequest, context: grpc.ServicerContext
    ) -> pb.ListPolicyStepsResponse:
        """See collaboration.proto."""
        steps, size = views.history(
            self.service,
            self.identities.actor(context),
            check_label(request.collaboration, "collaboration"),
            start=request.start,
            count=request.count,
        )
        return pb.ListPolicyStepsResponse(steps=map(step_of, steps), size=size)

    def PutKeyEnvelope(
        self, request: pb.PutKeyEnvelopeRequest, context: grpc.ServicerContext
    ) -> pb.PutKeyEnvelopeResponse:
        """See collaboration.proto."""
        envelopes.put_envelope(
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
        found = envelopes.envelopes(self.service, actor, collaboration)
        return pb.ListKeyEnvelopesResponse(
            envelopes=[pb.KeyEnvelope(sender=e.sender, ciphertext=e.ciphertext) for e in found]
        )

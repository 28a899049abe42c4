"""The fake service's side of agreeing on a policy: it keeps steps as they come and judges nothing."""

# ruff: noqa: N802 - methods have the names the protocol gives them

from __future__ import annotations

import hashlib

from cleanroom.audit.step import Statement, Step
from cleanroom.v1 import collaboration_pb2, collaboration_pb2_grpc


def caller(context):
    """Return the name in the caller's certificate."""
    (uri,) = context.auth_context()["x509_subject_alternative_name"]
    return uri.decode().rsplit("/", 1)[1]


class Agreed:
    """The policies that were shown, by digest, and the steps that were signed."""

    def __init__(self):
        self.documents = {}
        self.steps = []  # PolicyStep

    def place(self):
        """Return what the next step must name: its position and the digest of the one before."""
        return len(self.steps) + 1, self.steps[-1].digest if self.steps else "0" * 64

    def take(self, signed, *, put_in_force):
        """Keep a signed step."""
        position, previous = self.place()
        assert Statement.parse(signed.statement).previous == previous
        step = Step(
            statement=signed.statement,
            signature=signed.signature,
            certificates=signed.certificates,
        )
        self.steps.append(
            collaboration_pb2.PolicyStep(
                position=position, digest=step.digest, step=signed, put_in_force=put_in_force
            )
        )


class Collaborations(collaboration_pb2_grpc.CollaborationServiceServicer):
    def __init__(self, room):
        self.room = room

    def _policy(self):
        digest = hashlib.sha256(self.room.document).hexdigest()
        return collaboration_pb2.Policy(
            digest=digest, document=self.room.document, proposed_by="officer/jane"
        )

    def ProposePolicy(self, request, context):
        self.room.meet("ProposePolicy", context)
        answer = collaboration_pb2.ProposePolicyResponse(
            collaboration="spring", digest=hashlib.sha256(request.document).hexdigest()
        )
        if not request.validate_only:
            self.room.document = request.document
            self.room.agreed.documents[answer.digest] = request.document
            self.room.agreed.take(request.signed, put_in_force=False)
        answer.next_position, answer.previous = self.room.agreed.place()
        return answer

    def GetCollaboration(self, request, context):
        self.room.meet("GetCollaboration", context)
        policy = self._policy()
        self.room.agreed.documents[policy.digest] = policy.document
        self.room.terms.policy_digest = policy.digest
        waiting = [p for p in ("acme-brand", "megamart") if p not in self.room.acceptances]
        accepted = [
            collaboration_pb2.Acceptance(party=party, announcement=announcement)
            for party, announcement in self.room.acceptances.items()
        ]
        position, previous = self.room.agreed.place()
        return collaboration_pb2.GetCollaborationResponse(
            collaboration="spring",
            in_force=None if waiting else policy,
            in_force_acceptances=[] if waiting else accepted,
            latest=policy,
            latest_acceptances=accepted,
            waiting_for=waiting,
            terms=self.room.terms,
            next_position=position,
            previous=previous,
        )

    def AcceptPolicy(self, request, context):
        self.room.meet("AcceptPolicy", context)
        self.room.acceptances[caller(context)] = request.announcement
        waiting = [p for p in ("acme-brand", "megamart") if p not in self.room.acceptances]
        self.room.agreed.take(request.signed, put_in_force=not waiting)
        return collaboration_pb2.AcceptPolicyResponse(in_force=not waiting, waiting_for=waiting)

    def GetPolicy(self, request, context):
        self.room.meet("GetPolicy", context)
        document = self.room.agreed.documents[request.digest]
        policy = collaboration_pb2.Policy(digest=request.digest, document=document)
        return collaboration_pb2.GetPolicyResponse(policy=policy)

    def ListPolicySteps(self, request, context):
        self.room.meet("ListPolicySteps", context)
        steps = self.room.agreed.steps[request.start - 1 : request.start - 1 + request.count]
        return collaboration_pb2.ListPolicyStepsResponse(
            steps=steps, size=len(self.room.agreed.steps)
        )

    def PutKeyEnvelope(self, request, context):
        self.room.meet("PutKeyEnvelope", context)
        self.room.envelopes[request.recipient] = (caller(context), request.ciphertext)
        return collaboration_pb2.PutKeyEnvelopeResponse()

    def ListKeyEnvelopes(self, request, context):
        self.room.meet("ListKeyEnvelopes", context)
        envelopes = [
            collaboration_pb2.KeyEnvelope(sender=sender, ciphertext=ciphertext)
            for recipient, (sender, ciphertext) in self.room.envelopes.items()
            if recipient == caller(context)
        ]
        return collaboration_pb2.ListKeyEnvelopesResponse(envelopes=envelopes)

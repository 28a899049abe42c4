"""AuditService: convert, call, convert."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from cleanroom.rpc.identity import Identities
from cleanroom.usecases import inspect
from cleanroom.usecases.service import Service
from cleanroom.v1 import audit_pb2 as pb
from cleanroom.v1.audit_pb2_grpc import AuditServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditServicer(AuditServiceServicer):
    """Checkpoints, entries and proofs."""

    service: Service
    identities: Identities

    def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: grpc.ServicerContext
    ) -> pb.GetCheckpointResponse:
        """See audit.proto."""
        del request  # it has no fields
        self.identities.actor(context)
        checkpoint, log_key = inspect.signed_checkpoint(self.service)
        return pb.GetCheckpointResponse(checkpoint=checkpoint, log_key=log_key)

    def ListEntries(
        self, request: pb.ListEntriesRequest, context: grpc.ServicerContext
    ) -> pb.ListEntriesResponse:
        """See audit.proto."""
        actor = self.identities.actor(context)
        entries, size = inspect.entries(
            self.service, actor, start=request.start, count=request.count
        )
        return pb.ListEntriesResponse(entries=entries, size=size)

    def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, context: grpc.ServicerContext
    ) -> pb.GetInclusionProofResponse:
        """See audit.proto."""
        actor = self.identities.actor(context)
        hashes = inspect.inclusion(self.service, actor, index=request.index, size=request.size)
        return pb.GetInclusionProofResponse(hashes=hashes)

    def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: grpc.ServicerContext
    ) -> pb.GetConsistencyProofResponse:
        """See audit.proto."""
        self.identities.actor(context)
        hashes = inspect.consistency(
            self.service, old_size=request.old_size, new_size=request.new_size
        )
        return pb.GetConsistencyProofResponse(hashes=hashes)

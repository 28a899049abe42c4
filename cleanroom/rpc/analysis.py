"""AnalysisService: convert, call, convert."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from cleanroom.analysis.power import outlook
from cleanroom.model.names import check_label
from cleanroom.ports.records import RequestRecord, StoredQuestion
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.limits import Pace
from cleanroom.rpc.plans import read_aim, write_plan
from cleanroom.rpc.questions import read_ask
from cleanroom.usecases import analyse
from cleanroom.usecases.pinned import Pinned
from cleanroom.usecases.service import Service
from cleanroom.v1 import analysis_pb2 as pb
from cleanroom.v1.analysis_pb2_grpc import AnalysisServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysisServicer(AnalysisServiceServicer):
    """Plans and answers questions; an answer leaves at the next multiple of the quantum."""

    service: Service
    identities: Identities
    pace: Pace

    def PlanAnalysis(
        self, request: pb.PlanAnalysisRequest, context: grpc.ServicerContext
    ) -> pb.PlanAnalysisResponse:
        """See analysis.proto."""
        actor = self.identities.actor(context)
        aim = read_aim(request)
        plan, allowance = analyse.plan(self.service, actor, read_ask(request.analysis), aim)
        return write_plan(plan, allowance, None if aim is None else outlook(allowance, plan, aim))

    def RunAnalysis(
        self, request: pb.RunAnalysisRequest, context: grpc.ServicerContext
    ) -> pb.RunAnalysisResponse:
        """See analysis.proto."""
        came_at = self.pace.monotonic()
        actor = self.identities.actor(context)
        ask = read_ask(request.analysis)
        try:
            receipt = analyse.run(self.service, actor, request.request_id, ask)
        finally:
            self.pace.hold(came_at)
        return pb.RunAnalysisResponse(receipt=receipt)

    def GetAnalysis(
        self, request: pb.GetAnalysisRequest, context: grpc.ServicerContext
    ) -> pb.GetAnalysisResponse:
        """See analysis.proto."""
        came_at = self.pace.monotonic()
        actor = self.identities.actor(context)
        try:
            receipt = analyse.get(self.service, actor, request.collaboration, request.request_id)
        finally:
            self.pace.hold(came_at)
        return pb.GetAnalysisResponse(receipt=receipt)

    def ListAnalyses(
        self, request: pb.ListAnalysesRequest, context: grpc.ServicerContext
    ) -> pb.ListAnalysesResponse:
        """See analysis.proto."""
        actor = self.identities.actor(context)
        collaboration = check_label(request.collaboration, "collaboration")
        pairs = analyse.history(self.service, actor, collaboration)
        return pb.ListAnalysesResponse(analyses=[_summary(r, q) for r, q in pairs])


def _summary(record: RequestRecord, stored: StoredQuestion) -> pb.AnalysisSummary:
    return pb.AnalysisSummary(
        request_id=record.request_id,
        family=str(Pinned.parse(stored.canonical).question.family),
        state=str(stored.state),
        requested_at_s=record.requested_at_s,
    )

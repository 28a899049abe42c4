"""AuditService: convert, call, convert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import grpc

from cleanroom.audit.choice import Choice, Decision
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.payload import Payload
from cleanroom.model.errors import FieldInvalid
from cleanroom.rpc.identity import Identities
from cleanroom.usecases import inspect
from cleanroom.usecases.payloads import erase_payloads
from cleanroom.usecases.recompute import Verdict, recompute
from cleanroom.usecases.service import Service
from cleanroom.usecases.witnessing import Standing
from cleanroom.v1 import audit_pb2 as pb
from cleanroom.v1.audit_pb2_grpc import AuditServiceServicer

MAX_INTEGER: Final = 2**63 - 1  # what an int64 holds: above every index
W = TypeVar("W", EntryKind, Decision)


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
        view = inspect.signed_checkpoint(self.service)
        return pb.GetCheckpointResponse(
            checkpoint=view.note,
            log_key=view.log_keys[0],
            witnessed_checkpoint=view.witnessed or "",
            witnesses=[_standing(standing) for standing in view.standings],
            log_keys=view.log_keys,
        )

    def ListEntries(
        self, request: pb.ListEntriesRequest, context: grpc.ServicerContext
    ) -> pb.ListEntriesResponse:
        """See audit.proto."""
        actor = self.identities.actor(context)
        if request.newest_first and request.start:
            raise FieldInvalid(field="start", expected="0 where the newest come first")
        page = inspect.listed(
            self.service,
            actor,
            _choice(request.filter),
            start=request.start,
            count=request.count,
            before=(request.before or MAX_INTEGER) if request.newest_first else None,
        )
        return pb.ListEntriesResponse(
            entries=[data for _, data in page.found],
            size=page.size,
            indices=[found.index for found, _ in page.found],
            next=page.next,
            payloads=[_payload(each) for found, _ in page.found for each in found.kept],
        )

    def ErasePayloads(
        self, request: pb.ErasePayloadsRequest, context: grpc.ServicerContext
    ) -> pb.ErasePayloadsResponse:
        """See audit.proto."""
        actor = self.identities.actor(context)
        erased = erase_payloads(self.service, actor, request.index)
        return pb.ErasePayloadsResponse(erased=erased)

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

    def RecomputeEntry(
        self, request: pb.RecomputeEntryRequest, context: grpc.ServicerContext
    ) -> pb.RecomputeEntryResponse:
        """See audit.proto."""
        actor = self.identities.actor(context)
        told = recompute(self.service, actor, request.index)
        return pb.RecomputeEntryResponse(verdict=_verdict(told.verdict), why=told.why)


def _choice(wanted: pb.EntryFilter) -> Choice:
    """Return what a filter chooses; raises FieldInvalid for a word that is none of the listed."""
    return Choice(
        party=wanted.party or None,
        dataset=wanted.dataset or None,
        collaboration=wanted.collaboration or None,
        kind=_word(EntryKind, wanted.kind, "filter.kind"),
        decision=_word(Decision, wanted.decision, "filter.decision"),
        reason=wanted.reason or None,
        since_s=wanted.since_s or None,
        until_s=wanted.until_s or None,
    )


def _word(known: type[W], text: str, field: str) -> W | None:
    if not text:
        return None
    try:
        return known(text)
    except ValueError:
        raise FieldInvalid(field=field, expected=f"one of {', '.join(known)}") from None


def _standing(standing: Standing) -> pb.WitnessStanding:
    return pb.WitnessStanding(
        key=standing.witness.text,
        size=standing.size or 0,
        cosigned_at_s=standing.time_s or 0,
        problem=standing.problem,
    )


def _verdict(verdict: Verdict) -> pb.Verdict.ValueType:
    match verdict:
        case Verdict.PLAUSIBLE:
            return pb.VERDICT_PLAUSIBLE
        case Verdict.IMPLAUSIBLE:
            return pb.VERDICT_IMPLAUSIBLE
        case Verdict.IMPOSSIBLE:
            return pb.VERDICT_NOT_POSSIBLE


def _payload(payload: Payload) -> pb.LogPayload:
    kept = payload.kept
    return pb.LogPayload(index=payload.entry, name=kept.name, salt=kept.salt, content=kept.content)

"""A second, small implementation of the services over real mutual TLS, for the SDK's tests.

It keeps everything in memory and can be told to fail: `room.faults` holds, by method, what the
next calls meet. It knows nothing of the product's own server.
"""

# ruff: noqa: N802 - methods have the names the protocol gives them

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from cleanroom.audit.note import Ed25519Signer
from cleanroom.v1 import (
    analysis_pb2,
    analysis_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    collaboration_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    relay_pb2,
    relay_pb2_grpc,
)
from support.fake_agreement import Agreed, Collaborations
from support.fake_answers import FakeLog, measurement_json, terms_of
from support.fake_tls import Authority

DOCUMENT = b"collaboration: spring\nmatching:\n  scheme: psi # double-blinded\n"


def refuse(context, code, reason, sentence, *more, **metadata):
    """Abort as the service does: ErrorInfo and more details beside the sentence."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="cleanroom.v1", metadata=metadata)
    details = []
    for detail in (info, *more):
        packed = any_pb2.Any()
        packed.Pack(detail)
        details.append(packed)
    status = status_pb2.Status(code=code.value[0], message=sentence, details=details)
    context.abort_with_status(rpc_status.to_status(status))


class FakeRoom:
    """The state of the fake, which tests read and change."""

    def __init__(self):
        self.authority = Authority()
        self.log = FakeLog(Ed25519Signer(name="log.example", key=Ed25519PrivateKey.generate()))
        self.faults = {}  # method: list of callables (context) -> None
        self.calls = []  # (method, request id or "")
        self.document = DOCUMENT
        self.terms = terms_of("psi")
        self.agreed = Agreed()
        self.acceptances = {}
        self.envelopes = {}
        self.uploads = {}  # id: dataset_pb2.Upload
        self.by_request = {}
        self.chunks = {}  # upload id: {index: bytes}
        self.received = []  # indices of chunks in the order they came
        self.cut_after_chunks = None  # cut the next upload stream after so many
        self.waiting_for = []  # parties that have yet to blind what is completed
        self.withdrawals = {}  # request id: list of PersonReference
        self.known_references = set()  # values that a version has
        self.tasks = {}  # id: RelayTask
        self.elements = {}  # task id: list of bytes
        self.returned = {}  # task id: {index: bytes}
        self.pending = 0
        self.answers = {}  # request id: receipt
        self.tamper = lambda receipt: receipt
        self.address = ""

    def meet(self, method, context, request_id=""):
        """Record a call and let it meet its next fault."""
        self.calls.append((method, request_id))
        faults = self.faults.get(method)
        if faults:
            faults.pop(0)(context)

    def count(self, method):
        return sum(1 for called, _ in self.calls if called == method)

    def profile(self, folder, **kwargs):
        return self.authority.profile(folder, self.address, self.log.key_text, **kwargs)


def unavailable(context):
    context.abort(grpc.StatusCode.UNAVAILABLE, "going away")


def slow(seconds):
    return lambda context: time.sleep(seconds)


class Datasets(dataset_pb2_grpc.DatasetServiceServicer):
    def __init__(self, room):
        self.room = room

    def CreateUpload(self, request, context):
        self.room.meet("CreateUpload", context, request.request_id)
        room, known = self.room, self.room.by_request.get(request.request_id)
        if known is None:
            known = room.by_request[request.request_id] = f"u-{len(room.uploads)}"
            room.chunks[known] = {}
            room.uploads[known] = dataset_pb2.Upload(
                id=known,
                dataset=request.dataset,
                policy_digest=request.policy_digest,
                state="open",
            )
        return dataset_pb2.CreateUploadResponse(upload=room.uploads[known])

    def GetUpload(self, request, context):
        self.room.meet("GetUpload", context)
        return dataset_pb2.GetUploadResponse(upload=self.room.uploads[request.upload])

    def UploadChunks(self, request_iterator, context):
        self.room.meet("UploadChunks", context)
        room, upload = self.room, None
        for taken, request in enumerate(request_iterator):
            if room.cut_after_chunks is not None and taken == room.cut_after_chunks:
                room.cut_after_chunks = None
                context.abort(grpc.StatusCode.UNAVAILABLE, "connection cut")
            upload = room.uploads[request.upload]
            self._take(upload, request, context)
        return dataset_pb2.UploadChunksResponse(upload=upload)

    def _take(self, upload, request, context):
        if request.index != upload.next_chunk or upload.state != "open":
            why = f"the next chunk is number {upload.next_chunk}"
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "UPLOAD_CONFLICT", why)
        assert hashlib.sha256(request.data).digest() == request.sha256
        self.room.received.append(request.index)
        self.room.chunks[upload.id][request.index] = request.data
        upload.next_chunk += 1
        upload.rows += 1  # rows are not read here

    def CompleteUpload(self, request, context):
        self.room.meet("CompleteUpload", context)
        upload, chunks = self.room.uploads[request.upload], self.room.chunks[request.upload]
        digest = hashlib.sha256()
        for index in range(len(chunks)):
            digest.update(hashlib.sha256(chunks[index]).digest())
        if request.chunks != len(chunks) or request.sha256 != digest.digest():
            why = "the chunks received are not the chunks declared"
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "UPLOAD_CONFLICT", why)
        upload.state = "complete"
        upload.waiting_for.extend(self.room.waiting_for)
        return dataset_pb2.CompleteUploadResponse(upload=upload)

    def SealDataset(self, request, context):
        self.room.meet("SealDataset", context)
        version = dataset_pb2.Version(id="v-1", dataset=request.dataset, persons=3, events=5)
        return dataset_pb2.SealDatasetResponse(version=version)

    def DescribeDataset(self, request, context):
        self.room.meet("DescribeDataset", context)
        return dataset_pb2.DescribeDatasetResponse(uploads=list(self.room.uploads.values()))

    def WithdrawConsent(self, request, context):
        self.room.meet("WithdrawConsent", context, request.request_id)
        if request.request_id not in self.room.withdrawals:
            self.room.withdrawals[request.request_id] = list(request.references)
        kept = self.room.withdrawals[request.request_id]
        return dataset_pb2.WithdrawConsentResponse(
            withdrawn_at_s=1_000,
            effective_from_s=86_400,
            given=len(kept),
            known=sum(one.value in self.room.known_references for one in kept),
        )

    def DescribePerson(self, request, context):
        self.room.meet("DescribePerson", context)
        known = any(one.value in self.room.known_references for one in request.references)
        held = dataset_pb2.HeldPerson(
            version="v-1",
            sealed_at_s=1_000,
            in_use=True,
            rows=2,
            values={"city": "ufa", "arm": "test"},
            sums={"impressions": 7},
            filters={"shop": dataset_pb2.HeldValues(values=["big", "small"])},
            keys=["email"],
            purposes=["measurement"],
            bases=["consent"],
            consent_at_s=500,
            consent_until_s=9_000,
        )
        return dataset_pb2.DescribePersonResponse(held=[held] if known else [])

    def EraseVersion(self, request, context):
        self.room.meet("EraseVersion", context)
        version = dataset_pb2.Version(id=request.version, erased_at_s=1)
        return dataset_pb2.EraseVersionResponse(version=version)


class Relay(relay_pb2_grpc.RelayServiceServicer):
    def __init__(self, room):
        self.room = room

    def ListTasks(self, request, context):
        self.room.meet("ListTasks", context)
        return relay_pb2.ListTasksResponse(
            tasks=list(self.room.tasks.values()), pending=self.room.pending
        )

    def StreamElements(self, request, context):
        self.room.meet("StreamElements", context)
        chunks = self.room.elements[request.task]
        for index in range(request.from_chunk, len(chunks)):
            yield relay_pb2.StreamElementsResponse(index=index, elements=chunks[index])

    def ReturnElements(self, request_iterator, context):
        self.room.meet("ReturnElements", context)
        task = None
        for request in request_iterator:
            task = self.room.tasks[request.task]
            assert request.index == task.next_chunk
            self.room.returned.setdefault(task.id, {})[request.index] = request.elements
            task.next_chunk += 1
            if self.room.faults.get("cut return"):
                self.room.faults["cut return"].pop()
                context.abort(grpc.StatusCode.UNAVAILABLE, "connection cut")
        done = task.next_chunk == len(self.room.elements[task.id])
        if done:
            self.room.tasks.pop(task.id)
        return relay_pb2.ReturnElementsResponse(task=task, done=done)


class Analyses(analysis_pb2_grpc.AnalysisServiceServicer):
    def __init__(self, room):
        self.room = room

    def PlanAnalysis(self, request, context):
        self.room.meet("PlanAnalysis", context)
        debit = analysis_pb2.PlannedDebit(
            ledger="ledgers/megamart/loyalty", nano_rho=4_000_000, epsilon="0.5", delta="1e-7"
        )
        statistic = analysis_pb2.PlannedStatistic(
            name="matched", noise_sd=15.8, contribution_bound=1
        )
        return analysis_pb2.PlanAnalysisResponse(
            debits=[debit],
            statistics=[statistic],
            suppression_line=112,
            minimum_people=50,
            cells=1,
            level=0.95,
            mechanism="discrete Gaussian",
        )

    def RunAnalysis(self, request, context):
        self.room.meet("RunAnalysis", context, request.request_id)
        answers = self.room.answers
        if request.request_id not in answers:
            measurement = measurement_json(request.analysis)
            answers[request.request_id] = self.room.log.release(measurement)
        receipt = self.room.tamper(answers[request.request_id])
        return analysis_pb2.RunAnalysisResponse(receipt=receipt)

    def GetAnalysis(self, request, context):
        self.room.meet("GetAnalysis", context, request.request_id)
        if request.request_id not in self.room.answers:
            sentence = f"requests/{request.request_id} does not exist or is not yours to read"
            code = grpc.StatusCode.NOT_FOUND
            refuse(context, code, "NOT_FOUND_OR_NOT_PERMITTED", sentence, action="read")
        return analysis_pb2.GetAnalysisResponse(receipt=self.room.answers[request.request_id])

    def ListAnalyses(self, request, context):
        self.room.meet("ListAnalyses", context)
        summaries = [
            analysis_pb2.AnalysisSummary(request_id=i, family="match_rate", state="released")
            for i in self.room.answers
        ]
        return analysis_pb2.ListAnalysesResponse(analyses=summaries)


class Ledgers(ledger_pb2_grpc.LedgerServiceServicer):
    def __init__(self, room):
        self.room = room

    def ListBalances(self, request, context):
        self.room.meet("ListBalances", context)
        balance = ledger_pb2.LedgerBalance(
            ledger="ledgers/megamart/loyalty",
            budget_nano_rho=200_000_000,
            spent_nano_rho=4_000_000,
            spent_epsilon="0.51",
            budget_epsilon="4",
            delta="1e-7",
        )
        return ledger_pb2.ListBalancesResponse(balances=[balance])


class Audit(audit_pb2_grpc.AuditServiceServicer):
    def __init__(self, room):
        self.room = room

    def GetCheckpoint(self, request, context):
        self.room.meet("GetCheckpoint", context)
        log = self.room.log
        return audit_pb2.GetCheckpointResponse(checkpoint=log.checkpoint(), log_key=log.key_text)

    def ListEntries(self, request, context):
        self.room.meet("ListEntries", context)
        entries, count = self.room.log.entries, min(request.count, 2)
        first = request.start
        if request.newest_first:
            before = min(request.before or len(entries), len(entries))
            first, count = max(0, before - count), min(count, before)
        page = list(range(first, min(first + count, len(entries))))
        last = first if request.newest_first else page[-1] + 1 if page else len(entries)
        page = page[::-1] if request.newest_first else page
        return audit_pb2.ListEntriesResponse(
            entries=[self.room.log.told(i) for i in page],
            size=len(entries),
            indices=page,
            next=last,
        )

    def RecomputeEntry(self, request, context):
        self.room.meet("RecomputeEntry", context)
        verdict, why = self.room.log.verdicts[request.index]
        return audit_pb2.RecomputeEntryResponse(verdict=verdict, why=why)

    def GetInclusionProof(self, request, context):
        self.room.meet("GetInclusionProof", context)
        proof = self.room.log.proof(request.index, request.size)
        return audit_pb2.GetInclusionProofResponse(hashes=proof)


@contextmanager
def fake_service():
    """Serve a FakeRoom on loopback over mutual TLS; yield it."""
    room = FakeRoom()
    server = grpc.server(ThreadPoolExecutor(4))
    collaboration_pb2_grpc.add_CollaborationServiceServicer_to_server(Collaborations(room), server)
    dataset_pb2_grpc.add_DatasetServiceServicer_to_server(Datasets(room), server)
    relay_pb2_grpc.add_RelayServiceServicer_to_server(Relay(room), server)
    analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(Analyses(room), server)
    ledger_pb2_grpc.add_LedgerServiceServicer_to_server(Ledgers(room), server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(Audit(room), server)
    certificate, key = room.authority.server()
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=room.authority.pem, require_client_auth=True
    )
    room.address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    server.start()
    try:
        yield room
    finally:
        server.stop(0).wait()

"""The service over TLS: what every method promises, whatever it does."""

from __future__ import annotations

import logging
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from cleanroom.audit.note import verifier_of
from cleanroom.audit.receipt import verify_receipt
from cleanroom.rpc.dataset import DatasetServicer
from cleanroom.usecases import analyse, inspect
from cleanroom.v1 import analysis_pb2 as questions
from cleanroom.v1.analysis_pb2_grpc import AnalysisServiceStub
from cleanroom.v1.audit_pb2 import GetCheckpointRequest, ListEntriesRequest
from cleanroom.v1.audit_pb2_grpc import AuditServiceStub
from cleanroom.v1.collaboration_pb2 import GetCollaborationRequest
from cleanroom.v1.collaboration_pb2_grpc import CollaborationServiceStub
from cleanroom.v1.dataset_pb2 import CreateUploadRequest, UploadChunksRequest
from cleanroom.v1.dataset_pb2_grpc import DatasetServiceStub
from cleanroom.v1.ledger_pb2 import ListBalancesRequest
from cleanroom.v1.ledger_pb2_grpc import LedgerServiceStub
from cleanroom.v1.relay_pb2 import ReturnElementsRequest, StreamElementsRequest
from cleanroom.v1.relay_pb2_grpc import RelayServiceStub
from support.policies import edited
from support.rooms import Room
from support.served import DOMAIN, reason_of, served

POLICY = edited(
    ("2026-03-01", "2026-01-01"),
    ("keys: [email, phone, loyalty_id] ", "keys: [email] "),
    ("people: 50", "people: 10"),
)
DATASET = "collaborations/spring-campaign/datasets/exposures"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Room.open(tmp_path_factory.mktemp("room"), POLICY)
    exposures = [{"email": f"e{i}", "city": i % 3, "arm": i % 2} for i in range(300)]
    room.fill(exposures=exposures, sales=[{"email": f"e{i}", "amount": 5} for i in range(200)])
    return room


@pytest.fixture(scope="module")
def server(room, tmp_path_factory):
    with served(room.service, tmp_path_factory.mktemp("tls")) as running:
        yield running


def _rate(epsilon="0.5"):
    return questions.Analysis(
        collaboration="spring-campaign",
        match_rate=questions.MatchRate(datasets=["exposures", "sales"]),
        epsilon=epsilon,
    )


def _run(server, party, request_id, analysis, timeout=60):
    stub = AnalysisServiceStub(server.party(party))
    request = questions.RunAnalysisRequest(request_id=request_id, analysis=analysis)
    return stub.RunAnalysis(request, timeout=timeout)


def _reason(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return reason_of(refused.value)


def test_an_answer_is_a_receipt_that_verifies(server, room):
    answer = _run(server, "acme-brand", "over-the-wire-1", _rate())
    verified = verify_receipt(answer.receipt, verifier_of(room.service.signer))
    assert b'"family":"match_rate"' in verified.measurement


def test_a_call_without_a_deadline_is_refused(server):
    stub = CollaborationServiceStub(server.party("acme-brand"))
    assert _reason(lambda: stub.GetCollaboration(GetCollaborationRequest())) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "DEADLINE_REQUIRED",
    )


def test_unknown_trouble_is_a_bare_internal_with_an_id(server, monkeypatch):
    def explode(*_):
        raise RuntimeError("row 17: jane@example.com")

    monkeypatch.setattr(inspect, "balances", explode)
    stub = LedgerServiceStub(server.party("acme-brand"))
    with pytest.raises(grpc.RpcError) as refused:
        stub.ListBalances(ListBalancesRequest(), timeout=20)
    assert reason_of(refused.value) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "jane" not in str(refused.value)
    assert "internal error c-" in refused.value.details()


def test_a_plan_costs_nothing_and_equals_the_debit(server, room):
    stub = AnalysisServiceStub(server.party("acme-brand"))
    before = room.spent()
    plan = stub.PlanAnalysis(questions.PlanAnalysisRequest(analysis=_rate("0.4")), timeout=20)
    assert room.spent() == before
    _run(server, "acme-brand", "planned-first-1", _rate("0.4"))
    after = room.spent()
    assert {d.ledger: d.nano_rho for d in plan.debits} == {
        k: after[k] - before.get(k, 0) for k in after if after[k] != before.get(k, 0)
    }


def test_a_party_sees_its_own_ledgers_only(server):
    balances = LedgerServiceStub(server.party("megamart")).ListBalances(
        ListBalancesRequest(), timeout=20
    )
    assert [b.ledger for b in balances.balances] == ["ledgers/megamart/megamart-loyalty-2026"]


def test_a_party_may_not_read_the_log_but_an_auditor_may(server):
    request = ListEntriesRequest(start=0, count=10)
    party = AuditServiceStub(server.party("acme-brand"))
    assert _reason(lambda: party.ListEntries(request, timeout=20))[1] == (
        "NOT_FOUND_OR_NOT_PERMITTED"
    )
    auditor = AuditServiceStub(server.channel(f"spiffe://{DOMAIN}/auditor/auditor"))
    assert len(auditor.ListEntries(request, timeout=20).entries) == 10
    assert auditor.GetCheckpoint(GetCheckpointRequest(), timeout=20).log_key


def _sizes(**cut):
    return questions.Analysis(
        collaboration="spring-campaign",
        segment_size=questions.SegmentSize(
            datasets=["exposures"], by=["impressions"], buckets=[questions.Buckets(**cut)]
        ),
    )


def _contribution(quantile="0.95", grid=(1, 2)):
    return questions.Analysis(
        collaboration="spring-campaign",
        contribution_bound=questions.ContributionBound(
            dataset="sales", measure="amount", quantile=quantile, grid=grid
        ),
    )


EMPTY = {
    "buckets without edges": _sizes(dimension="impressions"),
    "edges that descend": _sizes(dimension="impressions", edges=[2, 1]),
    "buckets of another dimension": _sizes(dimension="city", edges=[1]),
    "a window that ends at once": _sizes(
        dimension="impressions", edges=[1], window=questions.Window(from_s=1, until_s=1)
    ),
    "a bound below zero": questions.Analysis(
        collaboration="spring-campaign",
        sales_lift=questions.SalesLift(
            exposures="exposures", sales="sales", outcome="amount", bound=-1
        ),
    ),
    "a quantile in words": _contribution("most"),
    "a quantile of one": _contribution("1"),
    "a quantile finer than is told": _contribution("0.12345"),
    "a grid from zero": _contribution(grid=(0, 1)),
    "no grid": _contribution(grid=()),
    "no question": questions.Analysis(collaboration="spring-campaign"),
    "no collaboration": questions.Analysis(match_rate=questions.MatchRate(datasets=["a", "b"])),
    "one dataset": questions.Analysis(
        collaboration="spring-campaign", match_rate=questions.MatchRate(datasets=["a"])
    ),
    "a negative loss": _rate("-1"),
    "an endless loss": _rate("inf"),
    "a loss in words": _rate("much"),
    "a loss of zero": _rate("0"),
    "a huge exponent": _rate("1e99999999"),
    "an unknown population": questions.Analysis(
        collaboration="spring-campaign",
        sales_lift=questions.SalesLift(
            exposures="exposures", sales="sales", outcome="amount", population=7
        ),
    ),
}


@pytest.mark.parametrize("analysis", EMPTY.values(), ids=EMPTY.keys())
def test_a_malformed_question_is_refused_with_its_field(server, analysis):
    assert _reason(lambda: _run(server, "acme-brand", "malformed-1", analysis)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
    )


def test_an_odd_request_id_is_refused(server):
    for request_id in ("", "short", "x" * 65, "with space in it", "semi;colon-1"):
        refused = _reason(lambda r=request_id: _run(server, "acme-brand", r, _rate()))
        assert refused[1] == "FIELD_INVALID"


def test_outsiders_and_members_of_nothing_see_the_same_refusal(server):
    refused = _reason(lambda: _run(server, "stranger", "outside-00001", _rate()))
    nothing = questions.Analysis(
        collaboration="no-such-room", match_rate=questions.MatchRate(datasets=["a", "b"])
    )
    absent = _reason(lambda: _run(server, "stranger", "outside-00002", nothing))
    assert refused == absent == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND_OR_NOT_PERMITTED")


def test_streams_refuse_what_is_not_the_callers(server):
    channel = server.party("megamart")
    chunk = UploadChunksRequest(upload="u-000000000000", index=0, data=b"", sha256=b"")
    uploads = DatasetServiceStub(channel)
    assert _reason(lambda: uploads.UploadChunks(iter([chunk]), timeout=20))[1] == (
        "NOT_FOUND_OR_NOT_PERMITTED"
    )
    relay = RelayServiceStub(channel)
    stream = StreamElementsRequest(task="t-000000000000")
    assert _reason(lambda: list(relay.StreamElements(stream, timeout=20)))[1] == (
        "NOT_FOUND_OR_NOT_PERMITTED"
    )
    answer = ReturnElementsRequest(task="t-000000000000", index=0, elements=bytes(32))
    assert _reason(lambda: relay.ReturnElements(iter([answer]), timeout=20))[1] == (
        "NOT_FOUND_OR_NOT_PERMITTED"
    )


def test_another_partys_dataset_name_is_refused_as_if_it_were_not_there(server, room):
    stub = DatasetServiceStub(server.party("megamart"))
    for dataset in (DATASET, DATASET.replace("exposures", "nothing")):
        request = CreateUploadRequest(
            dataset=dataset, request_id="upload-0001", policy_digest=room.policy.digest
        )
        assert _reason(lambda r=request: stub.CreateUpload(r, timeout=20))[0] is (
            grpc.StatusCode.NOT_FOUND
        )


def test_a_caller_above_its_rate_is_told_when_to_return(room, tmp_path):
    with served(room.service, tmp_path, calls_per_second=0.01, burst=2) as limited:
        stub = CollaborationServiceStub(limited.party("acme-brand"))
        for _ in range(2):
            stub.GetCollaboration(GetCollaborationRequest(), timeout=20)
        assert _reason(lambda: stub.GetCollaboration(GetCollaborationRequest(), timeout=20)) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "TOO_MANY_REQUESTS",
        )


def test_answers_and_refusals_leave_at_multiples_of_the_quantum(room, tmp_path):
    with served(room.service, tmp_path, quantum_s=0.4) as paced:
        stub = AnalysisServiceStub(paced.party("acme-brand"))
        request = questions.RunAnalysisRequest(request_id="over-the-wire-1", analysis=_rate())
        stub.RunAnalysis(request, timeout=30)
        started = time.monotonic()
        stub.RunAnalysis(request, timeout=30)
        assert time.monotonic() - started >= 0.4


def test_health_says_serving_and_reflection_lists_the_services(server):
    channel = server.party("acme-brand")
    health = health_pb2_grpc.HealthStub(channel)
    status = health.Check(health_pb2.HealthCheckRequest(), timeout=20).status
    assert status == health_pb2.HealthCheckResponse.SERVING
    listed = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert "cleanroom.v1.AnalysisService" in listed
    assert "cleanroom.v1.AuditService" in listed


def test_a_drain_lets_a_question_under_way_end(room, tmp_path, monkeypatch):
    measure = analyse.measure

    def slow(*args):
        time.sleep(1.0)
        return measure(*args)

    monkeypatch.setattr(analyse, "measure", slow)
    with served(room.service, tmp_path) as draining:
        stub = AnalysisServiceStub(draining.party("acme-brand"))
        request = questions.RunAnalysisRequest(request_id="during-drain-1", analysis=_rate("0.3"))
        under_way = stub.RunAnalysis.future(request, timeout=30)
        while not room.service.store.read(lambda tx: tx.questions.reserved()):
            time.sleep(0.01)
        draining.server.stop(10)
        assert under_way.result().receipt


def test_a_caller_that_goes_away_is_no_failure_of_the_service(room, tmp_path, monkeypatch, caplog):
    reached, left = threading.Event(), threading.Event()

    def upload(self, requests, context):
        reached.set()
        while context.is_active():
            time.sleep(0.01)
        left.set()
        raise grpc.RpcError  # as gRPC itself says it to whoever reads the stream

    monkeypatch.setattr(DatasetServicer, "UploadChunks", upload)
    caplog.set_level(logging.DEBUG, logger="cleanroom.rpc.guard")
    with served(room.service, tmp_path) as running:
        stub = DatasetServiceStub(running.party("acme-brand"))
        call = stub.UploadChunks.future(iter(()), timeout=60)
        assert reached.wait(60)
        call.cancel()
        assert left.wait(60)
        until = time.monotonic() + 60
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.01)
    assert [r.levelname for r in caplog.records] == ["DEBUG"]


def _digest(server):
    stub = CollaborationServiceStub(server.party("acme-brand"))
    return stub.GetCollaboration(GetCollaborationRequest(), timeout=20).in_force.digest

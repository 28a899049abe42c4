"""One caller, known or refused, cannot take the service away from the others."""

from __future__ import annotations

import itertools
import threading
import time

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import UploadConflict
from cleanroom.rpc import dataset
from cleanroom.usecases import ingest, inspect, relay
from cleanroom.v1.collaboration_pb2 import GetCollaborationRequest
from cleanroom.v1.collaboration_pb2_grpc import CollaborationServiceStub
from cleanroom.v1.dataset_pb2 import CompleteUploadRequest, SealDatasetRequest
from cleanroom.v1.dataset_pb2_grpc import DatasetServiceStub
from cleanroom.v1.relay_pb2 import StreamElementsRequest
from cleanroom.v1.relay_pb2_grpc import RelayServiceStub
from support.policies import edited
from support.rooms import AUDITOR, Room
from support.served import DOMAIN, reason_of, served

POLICY = edited(("2026-03-01", "2026-01-01"))
_TOO_MANY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Room.open(tmp_path_factory.mktemp("room"), POLICY)


@pytest.fixture
def server(room, tmp_path):
    with served(room.service, tmp_path, calls_per_second=0.01, burst=12) as running:
        yield running


def _reason(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return reason_of(refused.value)


def _get(channel, timeout=20):
    stub = CollaborationServiceStub(channel)
    return stub.GetCollaboration(GetCollaborationRequest(), timeout=timeout)


def _silent(end):
    """A stream of requests that never come until the test ends."""
    end.wait(30)
    yield from ()


@pytest.mark.parametrize("story", ["complete", "seal"])
def test_one_caller_cannot_hold_every_thread_with_calls_that_wait(server, monkeypatch, story):
    """Whoever completes or seals one thing many times at once waits for itself, not for others."""
    end, inside, refused = threading.Event(), [], threading.Semaphore(0)

    def waiting(*_, **__):
        inside.append(story)
        end.wait(30)
        raise UploadConflict(upload="u", why="it is a test")

    owner = ingest if story == "complete" else dataset
    monkeypatch.setattr(owner, story, waiting)
    stub = DatasetServiceStub(server.party("acme-brand"))
    call, request = {
        "complete": (stub.CompleteUpload, CompleteUploadRequest(upload="u")),
        "seal": (stub.SealDataset, SealDatasetRequest(dataset="collaborations/c/datasets/d")),
    }[story]
    calls = [call.future(request, timeout=30) for _ in range(10)]
    for each in calls:
        each.add_done_callback(lambda done: done.code() is _TOO_MANY[0] and refused.release())
    try:
        assert all(refused.acquire(timeout=20) for _ in range(10 - 4))
        assert len(inside) == 4
        assert _get(server.party("megamart")).collaboration == "spring-campaign"
    finally:
        end.set()


def test_one_caller_cannot_hold_every_thread_with_silent_streams(server):
    end = threading.Event()
    stub = DatasetServiceStub(server.party("acme-brand"))
    calls = [stub.UploadChunks.future(_silent(end), timeout=30) for _ in range(10)]
    refused = threading.Semaphore(0)
    for call in calls:
        call.add_done_callback(lambda done: done.code() is _TOO_MANY[0] and refused.release())
    try:
        for _ in range(6):  # in whatever order they came
            assert refused.acquire(timeout=20)
        assert _get(server.party("megamart")).collaboration == "spring-campaign"
    finally:
        end.set()
        for call in calls:
            call.cancel()


def test_reflection_is_for_callers_with_an_identity(server):
    name = f"spiffe://{DOMAIN}/party/acme-brand"
    server.denied.add(name)
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel(name))
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    assert _reason(lambda: next(stub.ServerReflectionInfo(iter([ask])))) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "IDENTITY_REFUSED",
    )
    known = reflection_pb2_grpc.ServerReflectionStub(server.party("megamart"))
    assert next(known.ServerReflectionInfo(iter([ask]))).list_services_response.service


def test_a_deadline_beyond_a_day_is_refused(server):
    channel = server.party("acme-brand")
    assert _reason(lambda: _get(channel, timeout=3 * 86_400)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
    )
    assert _get(channel, timeout=3_600).collaboration


def test_a_refused_caller_does_not_fill_the_log(server, room):
    name = f"spiffe://{DOMAIN}/party/acme-brand"
    channel = server.channel(name)
    server.denied.add(name)
    for _ in range(40):
        code, reason = _reason(lambda: _get(channel))
        assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_REFUSED")
    entries, _ = inspect.entries(room.service, AUDITOR, start=0, count=1000)
    kinds = [decode_entry(e).kind for e in entries]
    assert 0 < kinds.count(EntryKind.AUTHENTICATION_FAILED) <= 13


def test_a_stream_that_its_caller_ended_is_counted_no_longer(room, tmp_path, monkeypatch):
    def endless(*_):
        yield from ((index, bytes(32 * 1024)) for index in itertools.count())

    monkeypatch.setattr(relay, "stream", endless)
    with served(room.service, tmp_path) as server:
        stub = RelayServiceStub(server.party("acme-brand"))
        for _ in range(12):
            assert _begins_within(60, stub).index == 0


def _begins_within(seconds, stub):
    """Begin a stream and leave it; the service hears of those left before a moment later."""
    until = time.monotonic() + seconds
    while True:
        stream = stub.StreamElements(StreamElementsRequest(task="t-1"), timeout=60)
        try:
            first = next(stream)
        except grpc.RpcError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            stream.cancel()
            return first

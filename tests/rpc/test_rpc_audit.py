"""AuditService over TLS: filters, paging from both ends, and who may."""

from __future__ import annotations

import grpc
import pytest

from cleanroom.audit.entry import decode_entry
from cleanroom.model.errors import CleanRoomError
from cleanroom.model.question import MatchRate, SegmentSize
from cleanroom.usecases import entries, inspect
from cleanroom.v1 import audit_pb2 as pb
from cleanroom.v1.audit_pb2_grpc import AuditServiceStub
from support.policies import edited
from support.rooms import Room
from support.served import DOMAIN, reason_of, served

POLICY = edited(
    ("2026-03-01", "2026-01-01"),
    ("keys: [email, phone, loyalty_id] ", "keys: [email] "),
    ("people: 50", "people: 10"),
)
RATE = MatchRate(datasets=("exposures", "sales"))


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Room.open(tmp_path_factory.mktemp("room"), POLICY)
    exposures = [{"email": f"e{i}", "city": i % 3, "arm": i % 2} for i in range(40)]
    room.fill(exposures=exposures, sales=[{"email": f"e{i}", "amount": 5} for i in range(30)])
    room.ask("acme-brand", RATE)
    room.ask("acme-brand", RATE)
    with pytest.raises(CleanRoomError):
        room.ask("acme-brand", SegmentSize(datasets=("sales",), by=("nothing",)))
    return room


@pytest.fixture(scope="module")
def server(room, tmp_path_factory):
    with served(room.service, tmp_path_factory.mktemp("tls")) as running:
        yield running


@pytest.fixture(scope="module")
def auditor(server):
    return AuditServiceStub(server.channel(f"spiffe://{DOMAIN}/auditor/auditor"))


@pytest.fixture(scope="module")
def log(auditor):
    return lambda **words: auditor.ListEntries(pb.ListEntriesRequest(**words), timeout=20)


def decisions(answer):
    return [decode_entry(data).kind.value.removeprefix("question_") for data in answer.entries]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"decision": "released"}, ["released"]),
        ({"decision": "repeated", "dataset": "sales"}, ["repeated"]),
        ({"kind": "question_refused", "dataset": "sales"}, ["refused"]),
        ({"reason": "QUESTION_REFUSED"}, ["refused"]),
        (
            {"dataset": "exposures", "party": "acme-brand", "kind": "question_reserved"},
            ["reserved"],
        ),
        ({"party": "megamart", "decision": "released"}, ["released"]),
        ({"decision": "released", "until_s": 1}, []),
        ({"decision": "released", "collaboration": "autumn"}, []),
    ],
)
def test_a_filter_finds_the_whole_story_of_a_question(log, wanted, expected):
    assert decisions(log(count=100, filter=pb.EntryFilter(**wanted))) == expected


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("reach", [2, 20_000])
def test_pages_join_without_gap_or_repeat_whatever_one_call_reads(
    log, monkeypatch, newest_first, reach
):
    monkeypatch.setattr(entries, "_MAX_READ", reach)
    whole = list(log(count=1000).indices) if reach > 2 else None
    wanted, found, at, calls = pb.EntryFilter(party="acme-brand"), [], 0, 0
    while True:
        side = {"before": at} if newest_first else {"start": at}
        answer = log(count=3, filter=wanted, newest_first=newest_first, **side)
        assert len(answer.entries) == len(answer.indices) <= 3
        found, at, calls = [*found, *answer.indices], answer.next, calls + 1
        if at == (0 if newest_first else answer.size):
            break
    monkeypatch.undo()
    expected = list(log(count=1000, filter=wanted).indices)
    assert found == (expected[::-1] if newest_first else expected)
    assert calls >= len(expected) / 3
    assert whole is None or set(expected) < set(whole)


def test_long_entries_shorten_a_page_and_nothing_is_lost(log, monkeypatch):
    monkeypatch.setattr(inspect, "MAX_PAGE_BYTES", 700)
    first = log(count=100)
    assert 0 < len(first.entries) < first.size
    assert first.next == first.indices[-1] + 1
    newest = log(count=100, newest_first=True)
    assert newest.indices[0] == newest.size - 1
    assert newest.next == newest.indices[-1] > 0


@pytest.mark.parametrize(
    "words",
    [
        {"count": 1, "filter": {"kind": "gossip"}},
        {"count": 1, "filter": {"decision": "maybe"}},
        {"count": 1, "newest_first": True, "start": 1},
        {"count": 1, "newest_first": True, "before": -1},
        {"count": 0},
        {"count": 1001},
        {"count": 1, "start": -1},
    ],
)
def test_what_cannot_be_listed_names_the_field(log, words):
    with pytest.raises(grpc.RpcError) as refused:
        log(**words)
    assert reason_of(refused.value) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


def test_an_auditor_has_a_release_computed_again_and_nobody_else_does(log, auditor, server):
    (index,) = log(count=10, filter=pb.EntryFilter(decision="released")).indices
    request = pb.RecomputeEntryRequest(index=index)
    told = auditor.RecomputeEntry(request, timeout=60)
    assert told.verdict in {pb.VERDICT_PLAUSIBLE, pb.VERDICT_NOT_POSSIBLE}
    newest = log(count=1, newest_first=True)
    assert decode_entry(newest.entries[0]).fields["recomputed_entry"] == index
    for who in ("officer/officer", "party/acme-brand"):
        stub = AuditServiceStub(server.channel(f"spiffe://{DOMAIN}/{who}"))
        with pytest.raises(grpc.RpcError) as refused:
            stub.RecomputeEntry(request, timeout=20)
        assert reason_of(refused.value)[1] == "NOT_FOUND_OR_NOT_PERMITTED"
    assert log(count=1).size == newest.size

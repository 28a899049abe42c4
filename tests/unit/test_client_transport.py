"""Calls over real TLS: deadlines, the one retry rule, and errors in words."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2

from cleanroom_client import (
    CleanRoom,
    DeadlineExceeded,
    Patience,
    PolicyUnknown,
    RoomError,
    ServiceUnreachable,
)
from support.fake_partner import connect, join
from support.fake_service import fake_service, refuse, slow, unavailable
from support.fake_tls import Authority


@pytest.fixture
def room():
    with fake_service() as running:
        yield running


def refusing(*args, **kwargs):
    return lambda context: refuse(context, *args, **kwargs)


def test_a_deadline_of_a_millisecond_is_one_sentence(room, tmp_path):
    room.faults["GetCollaboration"] = [slow(0.2)]
    partner = connect(room, tmp_path, patience=Patience(timeout_s=0.001))
    with partner, pytest.raises(DeadlineExceeded) as late:
        partner.collaboration()
    assert str(late.value).startswith("the service did not answer within 0.001 s: repeat")
    assert "--timeout" in str(late.value)


def test_unavailable_is_retried_with_the_same_request_id(room, tmp_path):
    room.faults["RunAnalysis"] = [unavailable, unavailable]
    with connect(room, tmp_path) as partner:
        measurement = partner.match_rate(["exposures", "sales"], request_id="question-1")
    assert measurement.family == "match_rate"
    runs = [request_id for method, request_id in room.calls if method == "RunAnalysis"]
    assert runs == ["question-1"] * 3


def test_a_question_gets_a_fresh_id_for_each_call_only(room, tmp_path):
    with connect(room, tmp_path) as partner:
        partner.match_rate(["exposures", "sales"])
        partner.match_rate(["exposures", "sales"])
    ids = {request_id for method, request_id in room.calls if method == "RunAnalysis"}
    assert len(ids) == 2
    assert all(len(request_id) == 32 for request_id in ids)


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED],
)
def test_nothing_else_is_retried(room, tmp_path, code):
    room.faults["RunAnalysis"] = [lambda context: context.abort(code, "no")]
    with connect(room, tmp_path) as partner, pytest.raises(RoomError, match=code.name):
        partner.match_rate(["exposures", "sales"])
    assert room.count("RunAnalysis") == 1


def test_retrying_ends(room, tmp_path):
    room.faults["GetCollaboration"] = [unavailable] * 50
    patience = Patience(timeout_s=5.0, give_up_s=0.5)
    partner = connect(room, tmp_path, patience=patience)
    with partner, pytest.raises(ServiceUnreachable, match=room.address):
        partner.collaboration()
    assert 2 <= room.count("GetCollaboration") < 10


def test_a_refusal_carries_reason_sentence_and_facts(room, tmp_path):
    quota = error_details_pb2.QuotaFailure()
    quota.violations.add(subject="ledgers/megamart/loyalty")
    room.faults["RunAnalysis"] = [
        refusing(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "BUDGET_EXHAUSTED",
            "the privacy budget cannot pay",
            quota,
            owner="megamart",
        )
    ]
    with connect(room, tmp_path) as partner, pytest.raises(RoomError) as refused:
        partner.match_rate(["exposures", "sales"])
    assert refused.value.reason == "BUDGET_EXHAUSTED"
    assert refused.value.metadata == {"owner": "megamart"}
    assert str(refused.value) == "the privacy budget cannot pay (ledgers/megamart/loyalty)"


def test_field_and_time_details_are_told(room, tmp_path):
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="by")
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2))
    code = grpc.StatusCode.INVALID_ARGUMENT
    room.faults["RunAnalysis"] = [refusing(code, "FIELD_INVALID", "too many", bad, retry)]
    with connect(room, tmp_path) as partner, pytest.raises(RoomError) as refused:
        partner.match_rate(["exposures", "sales"])
    assert str(refused.value) == "too many (by) (retry after 2 s)"


def test_internal_shows_the_correlation_id(room, tmp_path):
    fault = refusing(grpc.StatusCode.INTERNAL, "INTERNAL", "internal", correlation_id="c-77")
    room.faults["RunAnalysis"] = [fault]
    with connect(room, tmp_path) as partner, pytest.raises(RoomError, match=r"c-77.*operator"):
        partner.match_rate(["exposures", "sales"])


def test_a_peer_cannot_write_to_the_terminal(room, tmp_path):
    code = grpc.StatusCode.PERMISSION_DENIED
    room.faults["RunAnalysis"] = [refusing(code, "QUESTION_REFUSED", "no\x1b[2J\nway", why="\x07!")]
    with connect(room, tmp_path) as partner, pytest.raises(RoomError) as refused:
        partner.match_rate(["exposures", "sales"])
    assert str(refused.value) == "no [2J way"
    assert refused.value.metadata == {"why": "!"}


def test_a_service_that_is_not_there_is_named(room, tmp_path):
    path = room.authority.profile(tmp_path, "127.0.0.1:1", room.log.key_text)
    patience = Patience(timeout_s=5.0, give_up_s=0.2)
    partner = CleanRoom.connect(path, patience=patience)
    with partner, pytest.raises(ServiceUnreachable, match=r"127\.0\.0\.1:1 cannot be reached"):
        partner.collaboration()


def test_a_service_of_another_authority_is_not_trusted_and_not_retried(room, tmp_path):
    path = room.profile(tmp_path)
    (tmp_path / "ca.pem").write_bytes(Authority().pem)
    partner = CleanRoom.connect(path, patience=Patience(timeout_s=5.0, give_up_s=60.0))
    with partner, pytest.raises(ServiceUnreachable, match="no trusted connection"):
        partner.collaboration()


def test_a_policy_that_is_not_what_its_digest_says_is_refused(room, tmp_path, monkeypatch):
    honest = room.document
    with connect(room, tmp_path) as partner:
        digest = partner.collaboration().latest.digest
    room.document = honest + b"# more"
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="read it again"):
        partner.accept(digest)
    assert room.count("AcceptPolicy") == 0


def test_accepting_brings_a_policy_into_force(room, tmp_path):
    join(room, tmp_path)
    with connect(room, tmp_path) as partner:
        collaboration = partner.collaboration()
    assert collaboration.ruling().document == room.document
    assert set(collaboration.latest.accepted) == {"acme-brand", "megamart"}
    assert (tmp_path / "acme-brand.keystore.json").exists()

"""A person's way out, over TLS and on real files: withdrawn, in no join, physically gone."""

from __future__ import annotations

import json
from dataclasses import replace

import grpc
import pytest

from cleanroom.usecases.withdraw import MAX_REFERENCES
from cleanroom.v1 import analysis_pb2 as questions
from cleanroom.v1 import dataset_pb2 as pb
from cleanroom.v1.analysis_pb2_grpc import AnalysisServiceStub
from cleanroom.v1.dataset_pb2_grpc import DatasetServiceStub
from cleanroom.wiring.keeper import run_once
from support.leavers import DAYS, Leavers, person, tables
from support.rooms import NOON
from support.served import reason_of, served

HALF_DAY = 43_200
DATASET = "collaborations/leavers/datasets/exposures"


@pytest.fixture
def leavers(tmp_path):
    found = Leavers.open(tmp_path / "data", DAYS)
    records = tables(list(range(20)))
    found.room.fill(exposures=records["exposures"], sales=records["sales"])
    return found


@pytest.fixture
def server(leavers, tmp_path):
    with served(leavers.room.service, tmp_path) as running:
        yield running


def references(*found):
    return [pb.PersonReference(kind=one.kind, value=one.value) for one in found]


def withdraw(server, *found, name="acme-brand", request_id="leave-0001"):
    request = pb.WithdrawConsentRequest(
        dataset=DATASET, request_id=request_id, references=references(*found)
    )
    return DatasetServiceStub(server.party(name)).WithdrawConsent(request, timeout=60)


def described(server, *found):
    request = pb.DescribePersonRequest(dataset=DATASET, references=references(*found))
    return DatasetServiceStub(server.party("acme-brand")).DescribePerson(request, timeout=60)


def matched(server, leavers, request_id):
    """Ask over the wire; return the exact count that the engine gave to the noise."""
    analysis = questions.Analysis(
        collaboration="leavers",
        match_rate=questions.MatchRate(datasets=["exposures", "sales"]),
        epsilon="0.5",
    )
    request = questions.RunAnalysisRequest(request_id=request_id, analysis=analysis)
    answer = AnalysisServiceStub(server.party("acme-brand")).RunAnalysis(request, timeout=60)
    return answer.receipt, leavers.engine.given[-1].values["matched"]


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return reason_of(error.value)[1]


def test_a_person_leaves_over_the_wire(leavers, server, tmp_path):
    email = leavers.key("exposures", "email", "p4")
    receipt, (before,) = matched(server, leavers, "asked-0001")
    done = withdraw(server, email, person("nobody"))
    assert (done.withdrawn_at_s, done.effective_from_s) == (NOON, NOON + HALF_DAY)
    assert (done.given, done.known) == (2, 1)
    assert withdraw(server, person("nobody"), email) == done
    leavers.clock.now += 1
    assert matched(server, leavers, "asked-0002") == (receipt, (before,))
    (held,) = described(server, email).held
    assert (held.rows, held.withdrawn_at_s, held.in_use) == (1, NOON, True)
    leavers.clock.now = NOON + HALF_DAY
    _, (after,) = matched(server, leavers, "asked-0003")
    gone = list(run_once(leavers.room.service, tmp_path / "data", 14, early=True))
    assert [is_done for _, is_done in gone] == [True]
    found = described(server, email)
    assert (list(found.held), found.withdrawn_at_s) == ([], NOON)
    leavers.clock.now += 2 * HALF_DAY
    _, (later,) = matched(server, leavers, "asked-0004")
    assert (after, later) == (before - 1, before - 1)
    assert all(email.value[:16] not in data for data in _files(tmp_path))


def _files(folder):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_what_is_no_list_of_references_is_refused(leavers, server):
    bad = pb.PersonReference(kind="shoe", value=b"x" * 16)
    short = pb.PersonReference(kind="email", value=b"x" * 16)
    stub = DatasetServiceStub(server.party("acme-brand"))
    many = references(person("x")) * (MAX_REFERENCES + 1)
    for found in ([], [bad], [short], many):
        request = pb.WithdrawConsentRequest(
            dataset=DATASET, request_id="leave-0001", references=found
        )
        assert refused(lambda request=request: stub.WithdrawConsent(request, timeout=60)) == (
            "FIELD_INVALID"
        )
        asked = pb.DescribePersonRequest(dataset=DATASET, references=found)
        assert refused(lambda asked=asked: stub.DescribePerson(asked, timeout=60)) == (
            "FIELD_INVALID"
        )


def test_another_partys_people_are_not_there(leavers, server):
    assert refused(lambda: withdraw(server, person("crm-3"), name="megamart")) == (
        "NOT_FOUND_OR_NOT_PERMITTED"
    )
    withdraw(server, person("crm-3"))
    assert refused(lambda: withdraw(server, person("crm-4"))) == "REQUEST_ID_REUSED"


def test_many_references_fit_a_call(leavers, server):
    found = [replace(person("crm-3"), value=i.to_bytes(16)) for i in range(MAX_REFERENCES)]
    done = withdraw(server, *found)
    assert (done.given, done.known) == (MAX_REFERENCES, 0)
    entries = leavers.room.service.store.read(lambda tx: tx.log.entries(tx.log.size() - 1, 1))
    assert json.loads(entries[0])["fields"]["references"] == MAX_REFERENCES

"""Anomalies found in a real room, from what it stored, through the command and in the report."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from cleanroom.analysis.anomalies import AnomalyKind
from cleanroom.model.question import MatchRate, SalesLift
from cleanroom.usecases.anomalies import anomalies
from cleanroom.usecases.audit_report import audit_report
from cleanroom.usecases.pinned import Pinned
from support.policies import edited
from support.rooms import Room

LARGE = edited(
    ("2026-03-01", "2026-01-01"),
    ("epsilon: 4", "epsilon: 1000"),
    ("per_question: 0.5", "per_question: 100"),
    ("people: 50", "people: 10"),
)
RATE = MatchRate(datasets=("exposures", "sales"))


def exposures(n):
    return [{"email": f"e{i}", "city": i % 3, "arm": i % 2} for i in range(n)]


def sales(n):
    return [{"email": f"e{i}", "amount": 1000 + i} for i in range(n)]


@pytest.fixture
def room(tmp_path):
    room = Room.open(tmp_path, LARGE, in_memory=True)
    room.fill(exposures=exposures(400), sales=sales(300))
    return room


def test_a_campaign_of_attacks_is_found_and_its_entries_are_the_questions(room):
    for number in range(4):  # averaging
        room.ask("acme-brand", RATE, rho=5 + Fraction(number, 1000))
    room.upload("sales", sales(299))  # one record less
    room.blind_all()
    room.seal("sales")
    room.ask("acme-brand", RATE, rho=5)
    found = {one.kind: one for one in anomalies(room.service.store)}
    assert set(found) == {AnomalyKind.REPETITION, AnomalyKind.REUPLOAD}
    reserved = [q.reserved_entry for q in room.service.store.read(lambda tx: tx.questions.all())]
    assert found[AnomalyKind.REPETITION].entries == tuple(reserved[:4])
    assert found[AnomalyKind.REUPLOAD].entries == tuple(reserved[3:5])
    report = audit_report(room.service.store, room.service.store.read(lambda tx: tx.log.size()))
    assert {one.kind for one in report.anomalies} == set(found)


def test_a_tiny_list_is_found_from_its_noisy_size(tmp_path):
    room = Room.open(tmp_path, LARGE, in_memory=True)
    room.fill(exposures=exposures(100), sales=sales(30))
    room.ask("acme-brand", RATE, rho=5)
    (one,) = anomalies(room.service.store)
    assert (one.kind, one.parties) == (AnomalyKind.TINY_LIST, ("megamart",))


def test_an_honest_room_is_quiet(room):
    room.ask("acme-brand", RATE, rho=5)
    room.ask("acme-brand", SalesLift(exposures="exposures", sales="sales", outcome="amount"))
    assert anomalies(room.service.store) == ()


def test_only_the_entries_of_a_report_are_looked_at(room):
    size = room.service.store.read(lambda tx: tx.log.size())
    for number in range(4):
        room.ask("acme-brand", RATE, rho=5 + Fraction(number, 1000))
    assert anomalies(room.service.store, size) == ()
    assert len(anomalies(room.service.store)) == 1


def test_a_version_compacted_from_another_is_no_new_upload(room):
    room.ask("acme-brand", RATE, rho=5)
    kept = room.service.store.state.versions
    (digest, question) = next(iter(room.service.store.state.questions.items()))
    sold = next(v for v in kept.values() if v.dataset.dataset == "sales")
    room.service.store.state.versions["v-next"] = replace(sold, id="v-next", predecessor=sold.id)
    pinned = Pinned.parse(question.canonical)
    versions = tuple((d, "v-next" if v == sold.id else v) for d, v in pinned.versions)
    moved = replace(pinned, versions=versions)
    room.service.store.state.questions[moved.digest] = replace(
        question, digest=moved.digest, canonical=moved.canonical()
    )
    assert digest != moved.digest
    assert anomalies(room.service.store) == ()
    room.service.store.state.versions["v-next"] = replace(sold, id="v-next")
    assert [one.kind for one in anomalies(room.service.store)] == [AnomalyKind.REUPLOAD]

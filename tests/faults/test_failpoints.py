"""A story stopped between any two durable steps ends, told again, as the undisturbed one does.

Every fifth point, so before and after a step in turn; every one where CLEANROOM_SLOW is set.
"""

from __future__ import annotations

import json
import os
from contextlib import closing, suppress
from fractions import Fraction

import pytest

from cleanroom.model.errors import DatasetNotSealed
from cleanroom.model.question import MatchRate, SalesLift
from cleanroom.ports.records import QuestionState
from cleanroom.storage.fsck import fsck
from cleanroom.usecases import ingest
from cleanroom.usecases.recover import recover
from support.failpoints import Crash, Failpoints
from support.policies import edited
from support.rooms import Room, make_service

STRIDE = 1 if os.environ.get("CLEANROOM_SLOW") else 5
POLICY = edited(("2026-03-01", "2026-01-01"))
TABLES = {
    "exposures": [
        {"email": f"e{i}", "phone": f"p{i}", "city": i % 3, "arm": i % 2} for i in range(60)
    ],
    "sales": [{"email": f"e{i}", "amount": 1000 + i} for i in range(20, 60)],
}
QUESTIONS = {
    "request-rate": MatchRate(datasets=("exposures", "sales")),
    "request-lift": SalesLift(exposures="exposures", sales="sales", outcome="amount"),
}
RHO = Fraction(1, 1000)


def _story(room, told):
    """Upload, relay, seal, ask, erase; `told` hears what each step acknowledged.

    Told again after a crash, it is what clients do that know nothing but their own requests.
    """
    if _erased(room) is None:
        for dataset, records in TABLES.items():
            upload = room.upload(dataset, records, request_id=f"upload-{dataset}", per_chunk=25)
            told.setdefault(f"upload {dataset}", upload.id)
        room.blind_all()
        for dataset in TABLES:
            told.setdefault(f"digest {dataset}", room.seal(dataset).content_digest)
    for request_id, question in QUESTIONS.items():
        receipt = room.ask("acme-brand", question, request_id, rho=RHO)
        assert told.setdefault(request_id, receipt) == receipt
    if _erased(room) is None:
        version = room.seal("sales")
        ingest.erase(room.service, room.owner("sales"), version.id)
    told["erased"] = _erased(room).id


def _erased(room):
    """Return the version of the sales that its owner finds erased."""
    _, versions = ingest.describe(room.service, room.owner("sales"), room.name("sales"))
    return next((v for v in versions if v.erased_at_s is not None), None)


def _stopped_at(deadly, room, told):
    """Tell the story until the deadly point; return the points passed."""
    points = Failpoints(deadly=deadly)
    bare, room.service = room.service, points.on(room.service)
    with closing(bare.store), suppress(Crash):
        _story(room, told)
    return points.passed


def _facts(room):
    """What must be the same however often the story was stopped."""

    def look(tx):
        questions = tx.questions.all()
        return {
            "spent": {str(b.ledger): b.spent for b in tx.ledgers.all()},
            "questions": sorted(json.loads(q.canonical)["question"]["family"] for q in questions),
            "states": {q.state for q in questions},
            "versions": [
                (v.dataset.dataset, v.persons, v.events, v.content_digest)
                for v in tx.versions.all()
            ],
            "uploads": [
                (u.dataset.dataset, u.state, u.chunks, u.rows)
                for dataset in TABLES
                for u in tx.uploads.of_dataset(room.name(dataset))
            ],
            "tasks": len(tx.relay.unfinished(room.policy.collaboration)),
        }

    return room.service.store.read(look)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """The parties' secrets, the same in every run, so that versions can be compared."""
    room = Room.open(tmp_path_factory.mktemp("secrets"), POLICY)
    for owner in room.policy.owners():
        room.secret(owner)
    room.service.store.close()
    return room.secrets


def _opened(folder, secrets):
    room = Room.open(folder, POLICY)
    room.secrets = secrets
    return room


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, secrets):
    """How many points the story has, what was told, and what is left."""
    folder = tmp_path_factory.mktemp("undisturbed")
    room, told = _opened(folder, secrets), {}
    passed = _stopped_at(0, room, told)
    room.service = make_service(folder)
    with closing(room.service.store):
        return passed, told, _facts(room)


@pytest.mark.timeout(3600 if STRIDE == 1 else 300)
def test_the_story_ends_alike_wherever_it_was_stopped(tmp_path, secrets, undisturbed):
    points, wanted_told, wanted = undisturbed
    deadly = range(1, points + 1, STRIDE)
    assert len(deadly) >= 20
    for point in deadly:
        folder = tmp_path / f"{point}"
        folder.mkdir()
        room, told = _opened(folder, secrets), {}
        assert _stopped_at(point, room, told) == point
        _restart_and_end(room, folder, told)
        _check_end(room, folder, told, wanted_told, wanted, point)


def _restart_and_end(room, folder, told):
    room.service = make_service(folder)
    with closing(room.service.store):
        recover(room.service)
        assert [p for p in fsck(room.service.store, room.service.vault) if not p.is_note] == []
        _story(room, told)


def _check_end(room, folder, told, wanted_told, wanted, point):
    room.service = make_service(folder)
    with closing(room.service.store):
        assert _facts(room) == wanted, point
        assert wanted["states"] == {QuestionState.RELEASED}
        for dataset in TABLES:
            name = f"digest {dataset}"
            assert told.get(name, wanted_told[name]) == wanted_told[name], point
        for request_id in QUESTIONS:
            room.verified(told[request_id])
        problems = fsck(room.service.store, room.service.vault)
        assert [str(p) for p in problems if not p.is_note] == [], point
        with pytest.raises(DatasetNotSealed):
            room.ask("acme-brand", QUESTIONS["request-rate"], rho=RHO)

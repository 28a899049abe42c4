"""Withdrawal, compaction and erasure stopped at each durable step: all or nothing, and finished."""

from __future__ import annotations

import shutil
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.storage.fsck import fsck
from cleanroom.usecases import ingest
from cleanroom.usecases.recover import recover
from cleanroom.usecases.retention import carry_out, due
from support.failpoints import Crash, Failpoints
from support.leavers import DAY, POLICY, Leavers, Recorder, tables
from support.rooms import NOON, Room, TestClock, make_service, party

DOCUMENT = POLICY.replace("measurements_days: 730", "measurements_days: 1")
MIDNIGHT = NOON + DAY // 2
PEOPLE = range(20)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with three sealed datasets, an answered question and an upload under way."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    leavers = Leavers.open(folder, DOCUMENT)
    records = tables(list(PEOPLE))
    leavers.room.fill(**{name: records[name] for name in ("exposures", "sales", "panel")})
    leavers.exact("match rate")
    leavers.room.begin("telco", "begun-0001")
    leavers.room.service.store.close()
    return folder, leavers.room


def opened(folder, room, points):
    clock = TestClock()
    service = replace(make_service(folder, clock), engine=Recorder())
    again = Room(service=points.on(service), policy=room.policy, secrets=room.secrets)
    return Leavers(room=again, clock=clock, engine=service.engine)


def story(leavers, told):
    """Withdraw, let retention do all it has to, and erase a version by hand."""
    leavers.clock.now = NOON
    keys = [leavers.key("sales", "phone", f"t{i}") for i in (3, 4)]
    done = leavers.withdraw("sales", *keys, request_id="leave-0001")
    told["withdrawn"] = replace(done, fingerprint="")
    leavers.clock.now = MIDNIGHT + 15 * DAY
    service = leavers.room.service
    for one in due(service, unfinished_days=14, early=True):
        told[one.what] = carry_out(service, one)
    name = leavers.room.name("panel")
    (panel,) = service.store.read(lambda tx: tx.versions.of_dataset(name))
    ingest.erase(service, party("fiscal-data"), panel.id)
    told["panel"] = True


def facts(leavers):
    service = leavers.room.service

    def look(tx):
        entries = [decode_entry(e) for e in tx.log.entries(0, tx.log.size())]
        return {
            "versions": [
                (v.dataset.dataset, v.persons, v.events, v.content_digest, bool(v.erased_at_s))
                for v in tx.versions.all()
            ],
            "withdrawals": [
                replace(w, fingerprint="")  # under a key that each run makes anew
                for w in tx.withdrawals.of_dataset(leavers.room.name("sales"))
            ],
            "marks": tx.withdrawals.marks(leavers.room.name("sales")).values(),
            "people": [dict(tx.withdrawals.people(v.id)) for v in tx.versions.all()],
            "questions": [(q.state, q.measurement) for q in tx.questions.all()],
            "uploads": [u.state for u in tx.uploads.of_dataset(leavers.room.name("telco"))],
            "entries": sorted(e.kind for e in entries),
            "spent": [(b.ledger, b.spent) for b in tx.ledgers.all()],
        }

    found = service.store.read(look)
    found["marks"] = sorted(found["marks"])
    uploads, versions = service.vault.inventory()
    present = service.store.read(lambda tx: {v.id for v in tx.versions.all() if not v.erased_at_s})
    found["vault"] = [u for u in uploads if u.startswith("u-")], set(versions) == present
    return found


def run(folder, room, deadly):
    """Tell the story until the deadly point; return the points passed and what was told."""
    points, told = Failpoints(deadly=deadly), {}
    leavers = opened(folder, room, points)
    with closing(leavers.room.service.store), suppress(Crash):
        story(leavers, told)
    return points.passed, told


@pytest.mark.timeout(900)
def test_leaving_ends_alike_wherever_it_was_stopped(filled, tmp_path):
    source, room = filled
    shutil.copytree(source, tmp_path / "0")
    points, wanted_told = run(tmp_path / "0", room, 0)
    with closing((last := opened(tmp_path / "0", room, Failpoints())).room.service.store):
        wanted = facts(last)
    assert points >= 20
    assert wanted["entries"].count(EntryKind.CONSENT_WITHDRAWN) == 1
    assert wanted["entries"].count(EntryKind.VERSION_COMPACTED) == 1
    for deadly in range(1, points + 1):
        folder = tmp_path / f"{deadly}"
        shutil.copytree(source, folder)
        passed, told = run(folder, room, deadly)
        assert passed == deadly
        _restart(folder, room, told, wanted, wanted_told, deadly)
        shutil.rmtree(folder)


def _restart(folder, room, told, wanted, wanted_told, deadly):
    leavers = opened(folder, room, Failpoints())
    service = leavers.room.service
    with closing(service.store):
        recover(service)
        # No orphan survives a start: not even a note is left.
        noted = [str(p) for p in fsck(service.store, service.vault) if "withdrawn-" not in str(p)]
        assert noted == [], deadly
        if "withdrawn" in told:  # what was acknowledged is there
            assert facts(leavers)["withdrawals"] == [told["withdrawn"]], deadly
        if "panel" in told:
            assert facts(leavers) == wanted, deadly
        again: dict[str, object] = {}
        story(leavers, again)
        assert again["withdrawn"] == wanted_told["withdrawn"], deadly
        assert facts(leavers) == wanted, deadly

"""Retention: versions, measurements and unsealed uploads go when the policy's days are over."""

from __future__ import annotations

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import DatasetNotSealed, MeasurementLost
from cleanroom.ports.records import UploadState
from cleanroom.usecases.retention import Act
from support.leavers import (
    DAY,
    DAYS,
    MIDNIGHT,
    QUESTIONS,
    Leavers,
    acts,
    do_all,
    leave,
    problems,
    tables,
    versions,
)
from support.rooms import NOON


@pytest.fixture
def full(tmp_path):
    leavers = Leavers.open(tmp_path, DAYS)
    leavers.fill()
    return leavers


@pytest.fixture
def quick(tmp_path):
    leavers = Leavers.open(tmp_path, DAYS, in_memory=True)
    leavers.fill()
    return leavers


def test_versions_go_after_the_policys_days_counted_from_the_first_sealing(quick):
    leave(quick)
    quick.clock.now = NOON + 89 * DAY
    assert all(done for _, done in do_all(quick))
    assert all(len(versions(quick, dataset)) == 2 for dataset in tables())
    quick.clock.now = NOON + 90 * DAY - 1
    assert acts(quick) == ()
    quick.clock.now += 1
    found = do_all(quick)
    assert [(one.act, one.why, done) for one, done in found] == [
        (Act.ERASE_VERSION, "it was kept for 90 days", True)
    ] * 4
    assert quick.room.service.vault.inventory()[1] == ()
    with pytest.raises(DatasetNotSealed):
        quick.room.ask("acme-brand", QUESTIONS["match rate"])
    assert acts(quick) == ()


def test_measurements_go_and_the_log_still_verifies(full, tmp_path):
    receipt = full.room.ask("acme-brand", QUESTIONS["match rate"], "asked-once")
    measurement = full.room.verified(receipt).measurement
    database = tmp_path / "cleanroom.sqlite"
    (question,) = full.room.service.store.read(lambda tx: tx.questions.all())
    pieces = [measurement[at : at + 100] for at in range(0, len(measurement) - 100, 100)]
    entries = full.room.service.store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    asked = b"".join([question.canonical, *entries])  # the question itself is kept
    pieces = [piece for piece in pieces if piece not in asked]
    assert len(pieces) > 5
    assert any(piece in database.read_bytes() for piece in pieces)  # pages cut some
    full.clock.now = NOON + 730 * DAY
    erased = [one for one, done in do_all(full) if done and one.act is Act.ERASE_MEASUREMENT]
    assert len(erased) == 1
    assert [piece for piece in pieces if piece in database.read_bytes()] == []
    with pytest.raises(MeasurementLost, match="as long as the policy says"):
        full.room.ask("acme-brand", QUESTIONS["match rate"], "asked-once")
    assert full.room.spent() != {}
    assert problems(full) == []
    full.room.verified(receipt)  # who kept the receipt can still prove it
    entries = full.room.service.store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    kept = [decode_entry(e) for e in entries]
    (entry,) = [e for e in kept if e.fields.get("act") == "erase_measurement"]
    assert (entry.kind, entry.actor) == (EntryKind.ADMINISTRATIVE, "service/retention")
    assert entry.fields["question_digest"] == erased[0].what
    assert acts(full) == ()


def test_an_erased_measurement_is_never_computed_again(tmp_path):
    document = DAYS.replace("measurements_days: 730", "measurements_days: 1")
    leavers = Leavers.open(tmp_path, document, in_memory=True)
    leavers.fill()
    leavers.clock.now = MIDNIGHT
    leavers.room.ask("acme-brand", QUESTIONS["match rate"], "asked-once")
    given = len(leavers.engine.given)
    (question,) = leavers.room.service.store.read(lambda tx: tx.questions.all())
    leavers.room.service.store.transact(lambda tx: tx.questions.erase(question.digest))
    for request_id in ("asked-once", "asked-again"):
        with pytest.raises(MeasurementLost):
            leavers.room.ask("acme-brand", QUESTIONS["match rate"], request_id)
    assert len(leavers.engine.given) == given


def test_uploads_that_nobody_seals_are_dropped(quick):
    opened = quick.room.begin("exposures", "begun-0001")
    complete = quick.room.upload("telco", tables()["telco"], request_id="begun-0002")
    quick.clock.now = NOON + 14 * DAY - 1
    assert acts(quick) == ()
    quick.clock.now += 1
    found = do_all(quick)
    assert [(one.act, one.what, done) for one, done in found] == [
        (Act.DROP_UPLOAD, opened.id, True),
        (Act.DROP_UPLOAD, complete.id, True),
    ]
    states = quick.room.service.store.read(
        lambda tx: [tx.uploads.get(u).state for u in (opened.id, complete.id)]
    )
    assert states == [UploadState.ABANDONED] * 2
    assert complete.id not in quick.room.service.vault.inventory()[0]
    assert quick.room.service.store.read(lambda tx: tx.relay.unfinished("leavers")) == ()

"""Compaction: withdrawn people physically gone, nothing else changed, nothing paid for lost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import DatasetNotSealed
from cleanroom.ports.records import QuestionState
from cleanroom.usecases import analyse, ingest
from cleanroom.usecases.compact import compact
from cleanroom.usecases.origins import Origins
from cleanroom.usecases.reach import reach
from cleanroom.usecases.recover import recover
from cleanroom.usecases.retention import Act, carry_out
from support.failpoints import Failpoints
from support.leavers import (
    DAY,
    DAYS,
    GONE,
    HOUR,
    MIDNIGHT,
    PEOPLE,
    QUESTIONS,
    STAY,
    Leavers,
    acts,
    do_all,
    leave,
    person,
    problems,
    tables,
    versions,
)
from support.rooms import NOON, party


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


def test_a_compacted_version_is_the_one_sealed_without_them(full, tmp_path):
    leave(full)
    full.clock.now = MIDNIGHT
    before = {dataset: versions(full, dataset)[-1] for dataset in tables()}
    made = [compact(full.room.service, version.id) for version in before.values()]
    other = Leavers.open(tmp_path / "other", DAYS, in_memory=True)
    other.fill(STAY)
    for old, new in zip(before.values(), made, strict=True):
        (alone,) = versions(other, old.dataset.dataset)
        assert new.content_digest == alone.content_digest
        assert (new.persons, new.events) == (alone.persons, alone.events)
        assert (new.predecessor, new.sealed_at_s, new.upload) == (
            old.id,
            old.sealed_at_s,
            old.upload,
        )
        assert new.file_digest != old.file_digest
        listed = versions(full, old.dataset.dataset)
        assert listed == (replace(old, erased_at_s=MIDNIGHT), new)
    other.clock.now = MIDNIGHT
    assert [full.exact(name) for name in QUESTIONS] == [other.exact(name) for name in QUESTIONS]
    assert problems(full) == []


def test_compacting_changes_no_figure_of_an_epoch(quick):
    leave(quick)
    quick.clock.now = MIDNIGHT
    before = [quick.exact(name) for name in QUESTIONS]
    spent = quick.room.spent()
    kept = quick.room.service.store.read(lambda tx: tx.questions.all())
    assert all(done for _, done in do_all(quick, early=True))
    assert quick.room.spent() == spent  # a withdrawal frees no budget, nor costs any
    assert quick.room.service.store.read(lambda tx: tx.questions.all()) == kept
    assert [quick.exact(name) for name in QUESTIONS] == before


def test_what_was_answered_stays_answered(quick):
    receipt = quick.room.ask("acme-brand", QUESTIONS["match rate"], "asked-before")
    leave(quick)
    quick.clock.now = MIDNIGHT
    do_all(quick, early=True)
    assert quick.room.ask("acme-brand", QUESTIONS["match rate"], "asked-before") == receipt
    quick.room.verified(receipt)


def test_who_withdrew_in_this_epoch_stays_until_the_next(quick):
    leave(quick, (6,))
    assert acts(quick, early=True) == ()
    assert compact(quick.room.service, versions(quick, "exposures")[0].id) is None
    quick.clock.now = MIDNIGHT
    leave(quick, (15,))
    quick.clock.now += HOUR
    before = [quick.exact(name) for name in QUESTIONS]
    assert all(done for _, done in do_all(quick, early=True))
    assert versions(quick, "exposures")[-1].persons == PEOPLE - 1
    assert acts(quick, early=True) == ()
    quick.clock.now += HOUR
    asked = [quick.exact(name) for name in QUESTIONS]
    assert asked == before
    quick.clock.now += DAY
    without = [quick.exact(name) for name in QUESTIONS]
    assert without != before
    assert [act.act for act, _ in do_all(quick, early=True)] == [Act.COMPACT_VERSION] * 4
    assert versions(quick, "exposures")[-1].persons == PEOPLE - 2
    assert [quick.exact(name) for name in QUESTIONS] == without


def test_it_is_due_a_day_before_the_policys_time_is_over(quick):
    quick.withdraw("sales", quick.key("sales", "phone", "t6"))
    quick.clock.now += DAY
    quick.withdraw("sales", quick.key("sales", "phone", "t7"))
    quick.clock.now = NOON + 4 * DAY - 1
    assert acts(quick) == ()
    quick.clock.now += 1
    (one,) = acts(quick)
    assert (one.act, one.what, one.since_s) == (
        Act.COMPACT_VERSION,
        versions(quick, "sales")[0].id,
        NOON + 4 * DAY,
    )
    assert carry_out(quick.room.service, one)
    assert versions(quick, "sales")[-1].persons == PEOPLE - 2
    assert not carry_out(quick.room.service, one)  # done once, however often it is asked for
    assert acts(quick) == ()


def test_the_log_names_both_versions_and_no_number(quick):
    leave(quick)
    quick.clock.now = MIDNIGHT
    old = versions(quick, "sales")[-1]
    new = compact(quick.room.service, old.id)
    entries = quick.room.service.store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    entry = decode_entry(entries[-1])
    assert (entry.kind, entry.actor) == (EntryKind.VERSION_COMPACTED, "service/retention")
    assert entry.fields == {
        "dataset": "sales",
        "predecessor": old.id,
        "version": new.id,
        "policy_digest": old.policy_digest,
        "file_digest": new.file_digest,
    }


def test_a_paid_question_is_answered_before_its_version_goes(quick):
    leave(quick)
    service = quick.room.service
    crash = Failpoints()
    quick.room.service = crash.on(service)
    crash.deadly = 2  # just after the reservation is durable
    with pytest.raises(BaseException):  # noqa: B017, PT011 - the process is gone
        quick.room.ask("acme-brand", QUESTIONS["match rate"], "paid-before")
    quick.room.service = service
    (paid,) = service.store.read(lambda tx: tx.questions.reserved())
    quick.clock.now = MIDNIGHT
    found = {one.dataset: done for one, done in do_all(quick, early=True)}
    assert found == {"exposures": False, "sales": False, "panel": True, "telco": True}
    inventory = set(service.vault.inventory()[1])
    kept = service.store.read(lambda tx: {v.id for v in tx.versions.all() if not v.erased_at_s})
    assert inventory == kept  # what was made in vain is gone
    assert analyse.resume(service) == 1
    assert quick.engine.given[-1].values["matched"] != ()
    assert (
        service.store.read(lambda tx: tx.questions.get(paid.digest)).state is QuestionState.RELEASED
    )
    assert all(done for _, done in do_all(quick, early=True))


def test_a_version_whose_place_was_taken_is_erased_instead(quick):
    leave(quick)
    quick.room.upload("exposures", tables()["exposures"])
    quick.room.blind_all()
    quick.room.seal("exposures")
    quick.clock.now = MIDNIGHT
    found = [(one, done) for one, done in do_all(quick, early=True) if one.dataset == "exposures"]
    assert [(one.act, done) for one, done in found] == [(Act.ERASE_VERSION, True)]
    old, new = versions(quick, "exposures")
    assert (old.erased_at_s, new.erased_at_s) == (MIDNIGHT, None)
    assert new.persons == PEOPLE - len(GONE)


def test_the_next_upload_remembers_the_others_and_asks_for_who_comes_back(full):
    leave(full)
    full.clock.now = MIDNIGHT
    do_all(full, early=True)
    back = [{**r, "consent_at": MIDNIGHT} for r in tables()["sales"]]
    upload = full.room.upload("sales", back)
    origins = Origins.of(full.room.service.vault, upload.id)
    parts = range(origins.spread.parts)
    assert [origins.count(key, parts) for key in ("email", "phone")] == [len(GONE)] * 2
    full.room.blind_all()
    again = full.room.seal("sales")
    assert again.persons == PEOPLE


def test_nothing_of_them_is_in_any_file_or_row_afterwards(full, tmp_path):
    """Every file is opened with its key, every row read: byte by byte."""
    service = full.room.service
    names = {
        dataset: {one.value[:16] for i in GONE for one in _names(full, dataset, i)}
        for dataset in tables()
    }
    stored = {
        dataset: service.sealer.references_of(_tables(full, dataset), _people(full, dataset))
        for dataset in names
    }
    for dataset, packed in stored.items():
        names[dataset] |= {packed[at : at + 16] for at in range(0, len(packed), 16)}
    everything = _everything(full, tmp_path)
    present = {d: {v for v in values if v in everything} for d, values in names.items()}
    assert all(len(found) >= len(GONE) for found in present.values())
    leave(full)
    full.withdraw("exposures", *(person(f"crm-{i}") for i in GONE))
    full.clock.now = MIDNIGHT
    do_all(full, early=True)
    everything = _everything(full, tmp_path)
    for values in names.values():
        for value in values:
            assert value not in everything
            assert value.hex().encode() not in everything
    stays = full.key("sales", "phone", "t7").value
    assert stays[:16] in everything  # the search finds what is there


def _names(leavers, dataset, i):
    yield leavers.key(dataset, "email", f"p{i}")
    yield leavers.key(dataset, "email", f"q{i}")
    yield leavers.key(dataset, "phone", f"t{i}")
    yield person(f"crm-{i}")


def _tables(leavers, dataset):
    version = versions(leavers, dataset)[-1]
    return leavers.room.service.vault.get_version(version.id, version.file_digest)


def _people(leavers, dataset):
    asked = [one for i in GONE for one in _names(leavers, dataset, i)]
    return reach(leavers.room.service, versions(leavers, dataset)[-1], asked).found


def _everything(leavers, folder):
    """Every file as it lies on the disk, and what the vault can still decrypt."""
    vault = leavers.room.service.vault
    found = [
        path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "other" not in path.parts
    ]
    uploads, sealed = vault.inventory()
    for version in leavers.room.service.store.read(lambda tx: tx.versions.all()):
        if version.id in sealed:
            held = vault.get_version(version.id, version.file_digest)
            for table in (held.persons, held.events, held.references):
                for column in table.columns:
                    found += [v for v in column.to_pylist() if isinstance(v, bytes)]
            found += [
                vault.get_version_blob(version.id, n) for n in vault.version_blobs(version.id)
            ]
    root = folder / "vault" / "uploads"
    for upload in uploads:
        for path in (root / upload).iterdir():
            if path.name != "data.key":
                found.append(vault.get_blob(upload, path.name))
    return b"".join(found)


def test_erasing_a_version_forgets_who_withdrew_from_it(quick):
    leave(quick)
    version = versions(quick, "sales")[-1]
    people = quick.room.service.store.read(lambda tx: tx.withdrawals.people(version.id))
    assert len(people) == len(GONE)
    ingest.erase(quick.room.service, party("megamart"), version.id)
    assert quick.room.service.store.read(lambda tx: tx.withdrawals.people(version.id)) == {}
    with pytest.raises(DatasetNotSealed):
        quick.room.ask("acme-brand", QUESTIONS["match rate"])


def test_what_a_crash_kept_from_being_seen_is_erased_at_the_next_start(full):
    service = full.room.service
    version = versions(full, "sales")[-1]
    held = service.vault.get_version(version.id, version.file_digest)
    service.vault.put_version("v-orphan", held)
    assert any("v-orphan" in text for text in problems(full))
    recover(service)
    assert problems(full) == []


def test_entries_of_retention_hold_no_exact_count(quick):
    leave(quick)
    quick.clock.now = NOON + 4 * DAY
    do_all(quick)
    entries = quick.room.service.store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    by_service = [json.loads(e) for e in entries if b'"service/retention"' in e]
    assert len(by_service) == 4
    for entry in by_service:
        assert all(isinstance(value, str) for value in entry["fields"].values())

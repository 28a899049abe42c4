"""Withdrawn consent: heeded by every question of a later epoch, by none of this one, by uploads."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import FieldInvalid, NotPermitted, RequestIdReused
from cleanroom.model.withdrawal import PersonReference
from cleanroom.usecases import collaborate
from cleanroom.usecases.origins import Origins
from cleanroom.usecases.withdraw import withdraw
from support.leavers import (
    DAY,
    HMAC,
    HOUR,
    LONG,
    PEOPLE,
    POLICY,
    QUESTIONS,
    Leavers,
    person,
    tables,
)
from support.rooms import NOON, OFFICER, party

STAY = [i for i in range(PEOPLE) if i not in (6, 15, 31)]


@pytest.fixture(scope="module", params=["psi", "hmac"])
def scheme(request):
    return {"psi": POLICY, "hmac": HMAC}[request.param]


@pytest.fixture
def full(scheme, tmp_path):
    leavers = Leavers.open(tmp_path, scheme, in_memory=True)
    leavers.fill()
    return leavers


@pytest.fixture(scope="module")
def without(scheme, tmp_path_factory):
    """The exact statistics of a room in which the leavers never were."""
    leavers = Leavers.open(tmp_path_factory.mktemp("without"), scheme, in_memory=True)
    leavers.fill(STAY)
    leavers.clock.now += DAY
    return {name: leavers.exact(name) for name in QUESTIONS}


def leave(leavers):
    """Let three people leave all datasets, named in different ways."""
    leavers.withdraw("exposures", person("crm-6"), leavers.key("exposures", "email", "p15"))
    leavers.withdraw("exposures", person("crm-31"))
    leavers.withdraw(
        "sales", leavers.key("sales", "phone", "t6"), leavers.key("sales", "email", "p15")
    )
    leavers.withdraw("sales", leavers.key("sales", "phone", "t31"))
    leavers.withdraw(
        "panel", leavers.key("panel", "email", "p15"), leavers.key("panel", "email", "p31")
    )
    leavers.withdraw("telco", *(leavers.key("telco", "email", f"p{i}") for i in (6, 15, 31)))


def current(leavers, dataset):
    """The version of a dataset that was sealed last."""
    name = leavers.room.name(dataset)
    return leavers.room.service.store.read(lambda tx: tx.versions.of_dataset(name))[-1]


def rows(leavers, dataset):
    """How many people and events it has."""
    return current(leavers, dataset).persons, current(leavers, dataset).events


def test_questions_a_second_apart_around_a_withdrawal_give_identical_answers(full):
    before = {name: full.exact(name) for name in QUESTIONS}
    asked = {
        name: full.room.ask("acme-brand", question, f"asked-before-{at}")
        for at, (name, question) in enumerate(QUESTIONS.items())
    }
    leave(full)
    full.clock.now += 1
    for at, (name, question) in enumerate(QUESTIONS.items()):
        assert full.exact(name) == []  # answered from store
        assert full.room.ask("acme-brand", question, f"asked-after-{at}") == asked[name]
    full.clock.now = NOON + 12 * HOUR - 1  # the last second of the day
    for name, question in QUESTIONS.items():
        given = len(full.engine.given)
        full.room.ask(
            "acme-brand", question, rho=Fraction(1, 1000)
        )  # another question, of the same people
        assert [s.values for s in full.engine.given[given:]] == before[name]


def test_whoever_withdrew_is_in_no_question_of_a_later_epoch(full, without):
    present = {name: full.exact(name) for name in QUESTIONS}
    leave(full)
    for later in (NOON + 12 * HOUR, NOON + 30 * DAY):
        full.clock.now = later
        assert {name: full.exact(name) for name in QUESTIONS} == without
    assert all(present[name] != without[name] for name in QUESTIONS)


def test_a_withdrawal_on_one_side_is_enough(full, without):
    full.withdraw("sales", *(full.key("sales", "phone", f"t{i}") for i in (6, 15, 31)))
    full.clock.now += DAY
    matched = full.exact("match rate")
    full.clock.now += DAY
    leave(full)
    full.clock.now += DAY
    assert [m["matched"] for m in matched] == [m["matched"] for m in without["match rate"]]
    assert full.exact("match rate") == without["match rate"]


def test_the_owner_is_told_how_many_references_were_known(full):
    found = full.withdraw(
        "exposures", person("crm-6"), person("nobody"), full.key("exposures", "email", "q6")
    )
    assert (found.given, found.known, found.at_s) == (3, 2, NOON)


def test_the_log_has_the_number_given_and_nothing_else_of_it(full):
    full.withdraw("exposures", person("crm-6"), person("nobody"))
    entries = full.room.service.store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    entry = decode_entry(entries[-1])
    assert entry.kind is EntryKind.CONSENT_WITHDRAWN
    assert entry.fields == {
        "dataset": "exposures",
        "references": 2,
        "effective_from_s": NOON + 12 * HOUR,
    }


def test_the_same_request_does_it_once(full):
    size = full.room.service.store.read(lambda tx: tx.log.size())
    one, other = person("crm-6"), person("crm-9")
    first = full.withdraw("exposures", one, other, request_id="leave-0001")
    full.clock.now += DAY
    assert full.withdraw("exposures", other, one, request_id="leave-0001") == first
    assert full.room.service.store.read(lambda tx: tx.log.size()) == size + 1
    with pytest.raises(RequestIdReused):
        full.withdraw("exposures", one, request_id="leave-0001")


def test_only_the_owner_withdraws(full):
    request = {"request_id": "leave-0001", "references": [person("crm-6")]}
    for name in ("megamart", "fiscal-data", "stranger"):
        with pytest.raises(NotPermitted):
            withdraw(full.room.service, party(name), dataset=full.room.name("exposures"), **request)
    assert not full.room.service.store.read(
        lambda tx: tx.withdrawals.marks(full.room.name("exposures"))
    )


def test_an_empty_or_too_long_list_is_refused(full):
    with pytest.raises(FieldInvalid, match="1 to 10000"):
        full.withdraw("exposures")
    with pytest.raises(FieldInvalid, match="1 to 10000"):
        full.withdraw("exposures", *[person("x")] * 10_001)


@pytest.mark.parametrize(
    ("kind", "value"), [("person", b"x" * 32), ("email", b"x" * 16), ("name", b"x" * 16), ("", b"")]
)
def test_a_reference_is_checked(kind, value):
    with pytest.raises(FieldInvalid):
        PersonReference(kind=kind, value=value)


def test_it_needs_no_policy_in_force(full):
    proposal = full.room.service.store.read(lambda tx: tx.collaborations.latest("leavers"))
    changed = proposal.document.replace(b"2199-12-31", b"2198-12-31")
    collaborate.propose(full.room.service, OFFICER, changed)
    assert full.withdraw("exposures", person("crm-6")).known == 1


def again(leavers, dataset, records):
    leavers.room.upload(dataset, records)
    leavers.room.blind_all()
    return leavers.room.seal(dataset)


def test_an_upload_with_the_old_consent_does_not_bring_them_back(full, tmp_path):
    leave(full)
    for dataset, records in tables().items():
        again(full, dataset, records)
    full.clock.now += DAY
    other = Leavers.open(tmp_path / "other", full.room.policy.text, in_memory=True)
    other.fill(STAY)
    for dataset in tables():
        assert current(full, dataset).content_digest == current(other, dataset).content_digest
        assert rows(full, dataset) == rows(other, dataset)


def test_nor_does_another_of_the_persons_keys(full):
    # 15 is in two rows with two e-mails and one reference; each alone would be a new person.
    full.withdraw("exposures", full.key("exposures", "email", "p15"))
    people, _ = rows(full, "exposures")
    more = [
        {**LONG, "email": "q15", "at": NOON},
        {**LONG, "ref": "crm-15", "email": "new", "at": NOON},
        {**LONG, "email": "new", "at": NOON},
    ]
    version = again(full, "exposures", [*tables()["exposures"], *more])
    assert version.persons == people - 1


def test_a_consent_given_after_the_withdrawal_counts(full):
    full.withdraw("exposures", person("crm-15"))
    people, events = rows(full, "exposures")
    old = tables()["exposures"]
    new = {**LONG, "ref": "crm-15", "email": "p15", "at": NOON, "consent_at": NOON + 1}
    version = again(full, "exposures", [*old, new])
    assert (version.persons, version.events) == (people, events - 2 + 1)
    full.clock.now += DAY
    assert full.withdraw("exposures", full.key("exposures", "email", "p15")).known == 1
    assert again(full, "exposures", [*old, new]).persons == people - 1


def test_a_consent_of_the_same_second_does_not_count(full):
    full.withdraw("exposures", person("crm-15"))
    people, _ = rows(full, "exposures")
    new = {**LONG, "ref": "crm-15", "email": "p15", "at": NOON, "consent_at": NOON}
    assert again(full, "exposures", [*tables()["exposures"], new]).persons == people - 1


def test_an_upload_under_way_heeds_it(full):
    records = [*tables()["exposures"], {**LONG, "ref": "late", "email": "late", "at": NOON}]
    full.room.upload("exposures", records)
    assert full.withdraw("exposures", full.key("exposures", "email", "late")).known == 0
    full.room.blind_all()
    assert full.room.seal("exposures").persons == PEOPLE


def test_a_sealing_under_way_heeds_it(full):
    full.room.upload("exposures", tables()["exposures"])
    full.room.blind_all()
    service = full.room.service
    full.room.service = replace(service, vault=_Meddling(service.vault, full))
    assert full.room.seal("exposures").persons == PEOPLE - 1
    keys = service.vault.inventory()[1]
    rows_kept = service.store.read(lambda tx: [v.id for v in tx.versions.all()])
    assert sorted(keys) == sorted(rows_kept)  # what was made in vain is gone


class _Meddling:
    """A vault during whose first writing of a version somebody withdraws."""

    def __init__(self, vault, leavers):
        self._vault, self._leavers, self._done = vault, leavers, False

    def put_version(self, *arguments):
        digest = self._vault.put_version(*arguments)
        if not self._done:
            self._done = True
            self._leavers.withdraw("exposures", person("crm-6"))
        return digest

    def __getattr__(self, name):
        return getattr(self._vault, name)


def test_elements_of_who_left_are_not_sent_to_anybody(tmp_path):
    leavers = Leavers.open(tmp_path, POLICY)
    leavers.withdraw("exposures", person("crm-6"))
    leavers.room.upload("exposures", tables()["exposures"])
    (upload,) = leavers.room.service.store.read(
        lambda tx: tx.uploads.of_dataset(leavers.room.name("exposures"))
    )
    divided = Origins.of(leavers.room.service.vault, upload.id)
    origin = {
        bytes(point)
        for points in divided.elements("email", range(divided.spread.parts))
        for point in points
    }
    assert leavers.key("exposures", "email", "p7").value in origin
    assert leavers.key("exposures", "email", "p6").value not in origin
    assert leavers.key("exposures", "email", "q6").value not in origin


def test_what_is_kept_of_a_withdrawal_tells_nobody_who_it_was(full):
    gone = [
        person("crm-6"),
        full.key("exposures", "email", "p6"),
        full.key("exposures", "email", "q6"),
    ]
    full.withdraw("exposures", *gone)
    kept = full.room.service.store.read(
        lambda tx: (
            tx.withdrawals.marks(full.room.name("exposures")),
            tx.withdrawals.of_dataset(full.room.name("exposures")),
            tx.log.entries(0, tx.log.size()),
        )
    )
    text = repr(kept) + json.dumps([e.hex() for e in kept[0]]) + b"".join(kept[2]).hex()
    for one in gone:
        assert one.value[:16].hex() not in text
        assert repr(one.value[:16])[2:-1] not in text
    assert "value" not in repr(gone[0])

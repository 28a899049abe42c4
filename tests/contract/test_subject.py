"""Subject access: an owner is told what is held of a person, in the policy's words; nobody else is."""

from __future__ import annotations

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.consent import Basis
from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.usecases import ingest
from cleanroom.usecases.subject import describe_person
from support.leavers import (
    DAYS,
    HMAC,
    LONG,
    MIDNIGHT,
    Leavers,
    do_all,
    person,
    tables,
    versions,
)
from support.rooms import NOON, party


@pytest.fixture(params=[DAYS, HMAC], ids=["psi", "hmac"])
def leavers(request, tmp_path):
    found = Leavers.open(tmp_path, request.param, in_memory=True)
    records = tables(list(range(20)))
    found.room.fill(exposures=records["exposures"], sales=records["sales"])
    return found


def asked(leavers, dataset, *references, name=None):
    owner = leavers.room.owner(dataset) if name is None else party(name)
    return describe_person(
        leavers.room.service, owner, dataset=leavers.room.name(dataset), references=references
    )


@pytest.mark.parametrize("by", ["person", "p15", "q15"])
def test_a_person_is_described_by_any_of_their_references(leavers, by):
    name = person("crm-15") if by == "person" else leavers.key("exposures", "email", by)
    (one,) = asked(leavers, "exposures", name).held
    held = one.held
    assert (one.version, one.in_use) == (versions(leavers, "exposures")[-1], True)
    assert held.rows == 2
    assert held.values == {"segment": "other", "arm": "test"}
    assert held.sums == {"impressions": 15 % 4}
    assert held.first_at_s == held.last_at_s == NOON - 20 * 86_400
    assert held.keys == ("email",)
    assert (held.purpose_names, held.bases) == (("measurement",), (Basis.CONSENT,))
    assert (held.consent_at_s, held.consent_until_s) == (LONG["consent_at"], LONG["consent_until"])
    assert one.withdrawn_at_s is None


def test_sums_are_over_all_rows(leavers):
    (one,) = asked(leavers, "sales", leavers.key("sales", "phone", "t15")).held
    assert one.held.sums == {"amount": 157, "visits": 2}
    assert one.held.keys == ("email", "phone")


def test_nobody_is_told_of_whom_nothing_is_held(leavers):
    found = asked(leavers, "exposures", person("stranger"), leavers.key("exposures", "email", "x"))
    assert (found.held, found.withdrawn_at_s) == ((), None)


def test_references_of_two_people_are_two_records(leavers):
    found = asked(leavers, "exposures", person("crm-1"), person("crm-2"))
    assert len(found.held) == 2


def test_a_withdrawal_is_told_until_the_rows_are_gone(leavers):
    leavers.withdraw("exposures", person("crm-15"))
    email = leavers.key("exposures", "email", "q15")
    found = asked(leavers, "exposures", email)
    assert [one.withdrawn_at_s for one in found.held] == [NOON]
    assert found.withdrawn_at_s == NOON
    leavers.clock.now = MIDNIGHT
    do_all(leavers, early=True)
    gone = asked(leavers, "exposures", email)
    assert (gone.held, gone.withdrawn_at_s) == ((), NOON)


def test_each_version_that_is_not_erased_is_told(leavers):
    records = tables(list(range(20)))["exposures"]
    leavers.room.upload("exposures", records)
    leavers.room.blind_all()
    leavers.room.seal("exposures")
    found = asked(leavers, "exposures", person("crm-3"))
    assert [one.in_use for one in found.held] == [False, True]
    ingest.erase(leavers.room.service, party("acme-brand"), found.held[0].version.id)
    assert len(asked(leavers, "exposures", person("crm-3")).held) == 1


def test_only_the_owner_is_told(leavers):
    for name in ("megamart", "fiscal-data", "stranger"):
        with pytest.raises(NotPermitted):
            asked(leavers, "exposures", person("crm-3"), name=name)
    with pytest.raises(FieldInvalid):
        asked(leavers, "exposures")
    with pytest.raises(FieldInvalid):
        asked(leavers, "exposures", *[person("crm-3")] * 101)


def test_the_log_tells_that_it_was_done_and_of_nobody(leavers):
    size = leavers.room.service.store.read(lambda tx: tx.log.size())
    for name in ("crm-3", "stranger"):
        asked(leavers, "exposures", person(name))
    entries = leavers.room.service.store.read(lambda tx: tx.log.entries(size, 9))
    found = [decode_entry(entry) for entry in entries]
    assert [(e.kind, e.actor, e.fields) for e in found] == [
        (
            EntryKind.ADMINISTRATIVE,
            "party/acme-brand",
            {"act": "subject_access", "dataset": "exposures"},
        )
    ] * 2  # alike, whether anything is held or not


def test_it_says_nothing_of_who_matched(leavers):
    """The same answer whether the other party has the person or not."""
    with_sales = asked(leavers, "exposures", person("crm-3")).held[0].held
    ingest.erase(leavers.room.service, party("megamart"), versions(leavers, "sales")[-1].id)
    assert asked(leavers, "exposures", person("crm-3")).held[0].held == with_sales

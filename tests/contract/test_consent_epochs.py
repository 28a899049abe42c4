"""Withdrawals under epochs of several days, and under a policy that changes their length."""

from __future__ import annotations

import json

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.consent import DAY_S, epoch_of
from cleanroom.model.errors import DatasetNotSealed
from cleanroom.policy.parse import parse_policy
from cleanroom.usecases import collaborate
from cleanroom.usecases.withdraw import heeded_from
from support.leavers import POLICY, QUESTIONS, Leavers, person
from support.rooms import NOON, OFFICER

WEEKLY = POLICY.replace("retention:", "consent: {epoch_days: 7}\nretention:")
RATE, SIZE = "match rate", "size of one"
WEEK_S = 7 * DAY_S


@pytest.fixture
def weekly(tmp_path):
    leavers = Leavers.open(tmp_path, WEEKLY, in_memory=True)
    leavers.clock.now = epoch_of(NOON, 7) + 2 * DAY_S
    leavers.fill()
    return leavers


def _withdrawn_entry(leavers):
    size = leavers.room.service.store.read(lambda tx: tx.log.size())
    data = leavers.room.service.store.read(lambda tx: tx.log.entries(0, size))
    (entry,) = [e for e in map(decode_entry, data) if e.kind is EntryKind.CONSENT_WITHDRAWN]
    return entry


def test_a_withdrawal_is_heeded_when_the_next_epoch_begins_and_in_none_of_this_one(weekly):
    start = weekly.clock.now - 2 * DAY_S
    before = weekly.exact(RATE)
    done = weekly.withdraw("exposures", person("crm-6"), person("crm-15"), person("crm-31"))
    assert heeded_from(weekly.room.service, done) == start + WEEK_S
    assert _withdrawn_entry(weekly).fields["effective_from_s"] == start + WEEK_S
    for day in range(2, 7):
        weekly.clock.now = start + day * DAY_S + DAY_S - 1
        assert weekly.exact(RATE) == []  # the very same question, answered from store
    weekly.clock.now = start + WEEK_S
    (after,) = weekly.exact(RATE)
    fewer = sum(before[0]["people:exposures"]) - sum(after["people:exposures"])
    assert fewer == 3


def test_under_another_length_data_come_again_without_who_withdrew(weekly):
    """No question of the new length is asked of a version from before: none can be compared."""
    weekly.exact(RATE)
    present = sum(weekly.exact(SIZE)[0]["people:sales"])
    weekly.withdraw("sales", weekly.key("sales", "phone", "t6"))
    collaborate.propose(weekly.room.service, OFFICER, POLICY.encode())
    weekly.room.policy = parse_policy(POLICY.encode())
    for party in weekly.room.policy.parties:
        weekly.room.accept(party.name)
    for name in (RATE, SIZE):
        with pytest.raises(DatasetNotSealed):
            weekly.exact(name)
    weekly.fill()
    (after,) = weekly.exact(SIZE)  # within the week in which the person left
    assert sum(after["people:sales"]) == present - 1


def test_a_measurement_names_the_epoch_it_was_judged_in(weekly):
    receipt = weekly.room.ask("acme-brand", QUESTIONS[RATE])
    told = json.loads(weekly.room.verified(receipt).measurement)
    assert told["epoch_s"] == epoch_of(weekly.clock.now, 7)

"""Every promise of the withdrawals' repository, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Withdrawal
from cleanroom.storage.errors import StoreMisused
from support.storage_cases import SALES, version

OTHER = DatasetName(collaboration="autumn", dataset="sales")
WITHDRAWAL = Withdrawal(
    dataset=SALES,
    owner="megamart",
    request_id="leave-0001",
    fingerprint="f" * 64,
    given=3,
    known=2,
    at_s=100,
)
ONE, TWO, THREE = (bytes([n]) * 16 for n in (1, 2, 3))


def test_a_withdrawal_comes_back_by_request_and_by_dataset(store):
    second = replace(WITHDRAWAL, request_id="leave-0002", at_s=50)
    elsewhere = replace(WITHDRAWAL, dataset=OTHER, request_id="leave-0003")
    for one in (WITHDRAWAL, second, elsewhere):
        store.transact(lambda tx, one=one: tx.withdrawals.add(one))
    assert store.read(lambda tx: tx.withdrawals.by_request("megamart", "leave-0002")) == second
    assert store.read(lambda tx: tx.withdrawals.by_request("acme-brand", "leave-0002")) is None
    assert store.read(lambda tx: tx.withdrawals.of_dataset(SALES)) == (WITHDRAWAL, second)


def test_a_request_is_kept_once(store):
    store.transact(lambda tx: tx.withdrawals.add(WITHDRAWAL))
    with pytest.raises((StoreMisused, IntegrityError)):
        store.transact(lambda tx: tx.withdrawals.add(replace(WITHDRAWAL, given=9)))
    assert store.read(lambda tx: tx.withdrawals.of_dataset(SALES)) == (WITHDRAWAL,)


def test_a_mark_has_its_latest_time_in_its_own_dataset(store):
    store.transact(lambda tx: tx.withdrawals.mark(SALES, [ONE, TWO, ONE], 100))
    store.transact(lambda tx: tx.withdrawals.mark(OTHER, [ONE], 500))
    store.transact(lambda tx: tx.withdrawals.mark(SALES, [TWO, THREE], 200))
    store.transact(lambda tx: tx.withdrawals.mark(SALES, [], 900))
    assert store.read(lambda tx: tx.withdrawals.marks(SALES)) == {ONE: 100, TWO: 200, THREE: 200}
    assert store.read(lambda tx: tx.withdrawals.marks(OTHER)) == {ONE: 500}


def test_people_of_a_version_keep_their_first_time_until_they_are_forgotten(store):
    for name in ("v-1", "v-2"):
        store.transact(lambda tx, name=name: tx.versions.add(version(name, "d")))
    store.transact(lambda tx: tx.withdrawals.put_people("v-1", {7: 100, 0: 100}))
    store.transact(lambda tx: tx.withdrawals.put_people("v-1", {7: 200, 8: 200}))
    store.transact(lambda tx: tx.withdrawals.put_people("v-2", {7: 300}))
    assert store.read(lambda tx: tx.withdrawals.people("v-1")) == {7: 100, 0: 100, 8: 200}
    store.transact(lambda tx: tx.withdrawals.forget_people("v-1"))
    assert store.read(lambda tx: tx.withdrawals.people("v-1")) == {}
    assert store.read(lambda tx: tx.withdrawals.people("v-2")) == {7: 300}


def test_people_of_no_version_are_refused(store):
    with pytest.raises((StoreMisused, IntegrityError)):
        store.transact(lambda tx: tx.withdrawals.put_people("v-0", {7: 100}))


def test_a_version_tells_what_it_was_compacted_from(store):
    first, second = version("v-1", "d"), replace(version("v-2", "e"), predecessor="v-1")
    store.transact(lambda tx: tx.versions.add(first))
    store.transact(lambda tx: tx.versions.add(second))
    assert store.read(lambda tx: tx.versions.of_dataset(first.dataset)) == (first, second)

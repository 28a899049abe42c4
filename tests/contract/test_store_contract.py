"""Every promise of transactions and of the plain repositories, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleanroom.model.dataset import KeyType
from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Debit, Envelope, TaskState, UploadState
from cleanroom.storage.errors import StoreMisused
from support.storage_cases import (
    LEDGER,
    SALES,
    acceptance,
    digest_of,
    entry_bytes,
    open_ledgers,
    proposal,
    task,
    upload,
    version,
)


def test_transact_returns_what_the_work_returns(store):
    assert store.transact(lambda tx: tx.log.append(entry_bytes(0))) == 0


def test_a_raising_work_leaves_nothing(store):
    open_ledgers(store, budget=10)

    def work(tx):
        tx.ledgers.debit(Debit(ledger=LEDGER, nano_rho=4), "q")
        tx.uploads.add(upload())
        tx.collaborations.add_proposal(proposal())
        tx.log.append(entry_bytes(0))
        raise LookupError("stop")

    with pytest.raises(LookupError, match="stop"):
        store.transact(work)

    def look(tx):
        return (
            tx.ledgers.balance(LEDGER).spent,
            tx.ledgers.debits_of("q"),
            tx.uploads.get("u-1"),
            tx.collaborations.names(),
            tx.log.size(),
        )

    assert store.read(look) == (0, (), None, (), 0)


def test_a_read_may_not_write(store):
    with pytest.raises(StoreMisused):
        store.read(lambda tx: tx.uploads.add(upload()))
    assert store.read(lambda tx: tx.uploads.get("u-1")) is None


def test_a_transaction_inside_another_is_refused_and_leaves_nothing(store):
    def work(tx):
        tx.uploads.add(upload())
        store.transact(lambda inner: inner.log.size())

    with pytest.raises(StoreMisused):
        store.transact(work)
    assert store.read(lambda tx: tx.uploads.get("u-1")) is None


def test_a_read_inside_a_transaction_is_refused(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda _: store.read(lambda tx: tx.log.size()))


def test_a_store_works_on_after_a_refusal(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda _: store.transact(lambda tx: tx.log.size()))
    assert store.transact(lambda tx: tx.log.append(entry_bytes(0))) == 0


# --- collaborations


def test_the_last_proposal_is_the_latest_and_an_old_digest_becomes_latest_again(store):
    first, second = proposal("first"), proposal("second")

    def work(tx):
        tx.collaborations.add_proposal(first)
        tx.collaborations.add_proposal(second)
        before = tx.collaborations.latest("alpha")
        tx.collaborations.add_proposal(replace(first, proposed_by="retailer"))
        return before, tx.collaborations.latest("alpha")

    assert store.transact(work) == (second, first)


def test_a_proposal_is_in_force_only_when_put_in_force(store):
    store.transact(lambda tx: tx.collaborations.add_proposal(proposal()))
    assert store.read(lambda tx: tx.collaborations.in_force("alpha")) is None
    store.transact(lambda tx: tx.collaborations.put_in_force("alpha", digest_of("first")))
    store.transact(lambda tx: tx.collaborations.add_proposal(proposal("second")))
    assert store.read(lambda tx: tx.collaborations.in_force("alpha")) == proposal()


def test_an_unknown_proposal_cannot_be_put_in_force(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.collaborations.put_in_force("alpha", digest_of("first")))


def test_names_are_sorted_and_of_all_collaborations(store):
    def work(tx):
        tx.collaborations.add_proposal(proposal("b", collaboration="beta"))
        tx.collaborations.add_proposal(proposal("a"))

    store.transact(work)
    assert store.read(lambda tx: tx.collaborations.names()) == ("alpha", "beta")


def test_an_acceptance_again_replaces_only_the_announcement(store):
    def work(tx):
        tx.collaborations.add_proposal(proposal())
        tx.collaborations.accept(acceptance("retailer"))
        tx.collaborations.accept(acceptance("brand", b"old", at_s=5))
        tx.collaborations.accept(acceptance("brand", b"new", at_s=6))

    store.transact(work)
    found = store.read(lambda tx: tx.collaborations.acceptances("alpha", digest_of("first")))
    assert found == (acceptance("brand", b"new", at_s=5), acceptance("retailer"))


def test_withdrawing_forgets_the_acceptances_of_one_digest_only(store):
    def work(tx):
        for text in ("first", "second"):
            tx.collaborations.add_proposal(proposal(text))
        tx.collaborations.accept(acceptance("brand"))
        tx.collaborations.accept(replace(acceptance("brand"), digest=digest_of("second")))
        tx.collaborations.withdraw_acceptances("alpha", digest_of("first"))

    store.transact(work)
    found = {
        text: store.read(lambda tx, t=text: tx.collaborations.acceptances("alpha", digest_of(t)))
        for text in ("first", "second")
    }
    assert found["first"] == ()
    assert [a.party for a in found["second"]] == ["brand"]


def test_an_acceptance_of_no_proposal_is_refused_at_the_end(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.collaborations.accept(acceptance("brand")))
    assert store.transact(lambda tx: tx.log.size()) == 0  # and the store works on


def test_envelopes_are_found_by_recipient_and_replaced(store):
    def envelope(sender, recipient, ciphertext):
        return Envelope(
            collaboration="alpha", sender=sender, recipient=recipient, ciphertext=ciphertext
        )

    kept = (envelope("a", "c", b"1"), envelope("b", "c", b"3"))

    def work(tx):
        tx.collaborations.put_envelope(envelope("b", "c", b"2"))
        tx.collaborations.put_envelope(envelope("b", "d", b"4"))
        for one in kept:
            tx.collaborations.put_envelope(one)

    store.transact(work)
    assert store.read(lambda tx: tx.collaborations.envelopes("alpha", "c")) == kept


# --- uploads and relay


def test_an_upload_is_found_by_id_request_and_dataset(store):
    first, second = upload("u-2"), upload("u-1")
    other = upload("u-3", dataset=DatasetName(collaboration="alpha", dataset="visits"))

    def work(tx):
        for one in (first, second, other):
            tx.uploads.add(one)

    store.transact(work)
    found = store.read(
        lambda tx: (
            tx.uploads.get("u-1"),
            tx.uploads.by_request("retailer", "request-u-2"),
            tx.uploads.by_request("brand", "request-u-2"),
            tx.uploads.of_dataset(SALES),
        )
    )
    assert found == (second, first, None, (first, second))


@pytest.mark.parametrize("again", [upload("u-1", request_id="other-one"), upload("u-2")])
def test_a_second_upload_of_an_id_or_request_is_refused(store, again):
    store.transact(lambda tx: tx.uploads.add(upload("u-1", request_id="request-u-2")))
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.uploads.add(again))


def test_replacing_an_upload_changes_state_and_counters_only(store):
    store.transact(lambda tx: tx.uploads.add(upload()))
    changed = replace(upload(), state=UploadState.COMPLETE, chunks=3, rows=70)
    store.transact(lambda tx: tx.uploads.replace(replace(changed, owner="brand")))
    assert store.read(lambda tx: tx.uploads.get("u-1")) == changed


def test_replacing_an_unknown_upload_or_task_is_refused(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.uploads.replace(upload()))
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.relay.replace(task()))


def test_tasks_are_ordered_by_key_type_and_position_or_as_added(store):
    tasks = [
        task("t-1", key_type=KeyType.PHONE),
        task("t-2", position=1, party="clinic", state=TaskState.WAITING),
        task("t-3"),
    ]

    def work(tx):
        tx.uploads.add(upload())
        for one in tasks:
            tx.relay.add(one)

    store.transact(work)
    found = store.read(
        lambda tx: (
            tx.relay.of_upload("u-1"),
            tx.relay.ready_for("brand"),
            tx.relay.ready_for("clinic"),
            tx.relay.unfinished("alpha"),
            tx.relay.unfinished("beta"),
            tx.relay.get("t-2"),
        )
    )
    phone, second, first = tasks
    assert found == ((first, second, phone), (phone, first), (), tuple(tasks), (), second)


def test_a_finished_task_is_neither_ready_nor_unfinished(store):
    done = replace(task(), state=TaskState.DONE, size=12, returned=4)

    def work(tx):
        tx.uploads.add(upload())
        tx.relay.add(task())
        tx.relay.replace(replace(done, party="clinic"))

    store.transact(work)
    found = store.read(
        lambda tx: (tx.relay.get("t-1"), tx.relay.ready_for("brand"), tx.relay.unfinished("alpha"))
    )
    assert found == (done, (), ())


def test_a_task_of_no_upload_is_refused_at_the_end(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.relay.add(task()))


# --- versions


def test_the_latest_version_is_the_last_that_is_not_erased(store):
    def work(tx):
        for name in ("v-2", "v-1"):
            tx.versions.add(version(name))
        last = tx.versions.latest(SALES)
        tx.versions.erase("v-1", 50)
        tx.versions.erase("v-1", 60)
        return last, tx.versions.latest(SALES), tx.versions.of_dataset(SALES), tx.versions.all()

    erased = version("v-1", erased_at_s=50)
    both = (version("v-2"), erased)
    assert store.transact(work) == (version("v-1"), version("v-2"), both, both)
    assert store.read(lambda tx: tx.versions.get("v-1")) == erased


def test_an_unknown_version_is_absent_and_cannot_be_erased(store):
    assert store.read(lambda tx: (tx.versions.get("v-1"), tx.versions.latest(SALES))) == (None,) * 2
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.versions.erase("v-1", 1))

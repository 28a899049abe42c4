"""Every promise of ledgers and questions, on every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom.model.errors import BudgetExhausted, FieldInvalid
from cleanroom.ports.records import Debit, QuestionState
from cleanroom.storage.errors import StoreMisused
from support.storage_cases import (
    LEDGER,
    OTHER,
    digest_of,
    open_ledgers,
    question,
    request,
)


def debit(cost, ledger=LEDGER):
    return Debit(ledger=ledger, nano_rho=cost)


def test_a_debit_of_all_that_remains_is_granted_and_one_more_is_refused(store):
    open_ledgers(store, budget=10)
    after = store.transact(lambda tx: tx.ledgers.debit(debit(10), "q"))
    assert (after.budget, after.spent, after.remaining) == (10, 10, 0)
    with pytest.raises(BudgetExhausted) as refusal:
        store.transact(lambda tx: tx.ledgers.debit(debit(1), "r"))
    assert (refusal.value.ledger, refusal.value.owner) == (str(LEDGER), "retailer")


@pytest.mark.parametrize("cost", [11, 2**63 - 1, 2**63, 2**70])
def test_debit_refuses_when_the_cost_exceeds_the_balance(store, cost):
    open_ledgers(store, budget=10)
    with pytest.raises(BudgetExhausted):
        store.transact(lambda tx: tx.ledgers.debit(debit(cost), "q"))
    assert store.read(lambda tx: tx.ledgers.balance(LEDGER).spent) == 0


@pytest.mark.parametrize("cost", [0, -1])
def test_debit_refuses_a_cost_that_is_not_positive(store, cost):
    open_ledgers(store)
    with pytest.raises(FieldInvalid):
        store.transact(lambda tx: tx.ledgers.debit(debit(cost), "q"))


def test_debit_refuses_a_ledger_that_was_never_opened(store):
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.ledgers.debit(debit(1), "q"))


def test_a_question_never_debits_a_ledger_twice(store):
    open_ledgers(store)
    store.transact(lambda tx: tx.ledgers.debit(debit(1), "q"))
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.ledgers.debit(debit(1), "q"))
    assert store.read(lambda tx: tx.ledgers.balance(LEDGER).spent) == 1


def test_when_one_ledger_refuses_none_is_debited(store):
    def opened(tx):
        tx.ledgers.open(OTHER, 100)
        tx.ledgers.open(LEDGER, 5)

    store.transact(opened)

    def work(tx):
        tx.ledgers.debit(debit(6, OTHER), "q")
        tx.ledgers.debit(debit(6, LEDGER), "q")

    with pytest.raises(BudgetExhausted):
        store.transact(work)
    assert [b.spent for b in store.read(lambda tx: tx.ledgers.all())] == [0, 0]


def test_a_changed_budget_leaves_what_was_spent(store):
    open_ledgers(store, budget=10)
    store.transact(lambda tx: tx.ledgers.debit(debit(7), "q"))
    seen = []
    for budget in (20, 8, 3):
        store.transact(lambda tx, b=budget: tx.ledgers.open(LEDGER, b))
        balance = store.read(lambda tx: tx.ledgers.balance(LEDGER))
        seen.append((balance.budget, balance.spent, balance.remaining))
    assert seen == [(20, 7, 13), (8, 7, 1), (7, 7, 0)]


@pytest.mark.parametrize("budget", [-1, 2**63])
def test_a_budget_that_cannot_be_counted_is_refused(store, budget):
    with pytest.raises(FieldInvalid):
        store.transact(lambda tx: tx.ledgers.open(LEDGER, budget))


def test_balances_and_debits_come_by_name(store):
    open_ledgers(store, budget=9)

    def work(tx):
        tx.ledgers.debit(debit(1, LEDGER), "q")
        tx.ledgers.debit(debit(2, OTHER), "q")

    store.transact(work)
    names, own, debits = store.read(
        lambda tx: (
            [b.ledger for b in tx.ledgers.all()],
            [b.ledger for b in tx.ledgers.of_owner("retailer")],
            tx.ledgers.debits_of("q"),
        )
    )
    assert (names, own) == ([OTHER, LEDGER], [LEDGER])
    assert debits == (debit(2, OTHER), debit(1, LEDGER))


def test_64_threads_racing_one_ledger_are_granted_exactly_what_it_pays_for(store):
    cost, budget, threads = 7, 7 * 40 + 3, 64
    open_ledgers(store, budget=budget)
    together = threading.Barrier(threads)

    def race(number):
        together.wait()
        try:
            store.transact(lambda tx: tx.ledgers.debit(debit(cost), f"q-{number}"))
        except BudgetExhausted:
            return 0
        return 1

    with ThreadPoolExecutor(threads) as pool:
        granted = sum(pool.map(race, range(threads)))
    balance = store.read(lambda tx: tx.ledgers.balance(LEDGER))
    assert (granted, balance.spent) == (budget // cost, budget // cost * cost)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(costs=st.lists(st.integers(1, 50), max_size=12), budget=st.integers(0, 200))
def test_spent_is_the_sum_of_granted_debits(store, costs, budget):
    store.transact(lambda tx: tx.ledgers.open(LEDGER, 0))
    before = store.read(lambda tx: tx.ledgers.balance(LEDGER)).spent
    store.transact(lambda tx: tx.ledgers.open(LEDGER, before + budget))
    granted = 0
    for number, cost in enumerate(costs):
        name = f"{before}-{budget}-{costs}-{number}"
        try:
            store.transact(lambda tx, n=name, c=cost: tx.ledgers.debit(debit(c), n))
            granted += cost
        except BudgetExhausted:
            assert granted + cost > budget
        except StoreMisused:  # the same example again spent nothing the first time it was granted
            assert store.read(lambda tx, n=name: tx.ledgers.debits_of(n))
    assert (
        store.read(lambda tx: tx.ledgers.balance(LEDGER)).spent
        == before + granted
        <= (before + budget)
    )


def test_a_reserved_question_is_found_and_resumed_until_it_is_released(store):
    asked = question("one", debit(2, OTHER), debit(1), reserved_entry=4)
    later = question("two")

    def work(tx):
        tx.questions.reserve(asked)
        tx.questions.reserve(later)

    store.transact(work)
    assert store.read(lambda tx: tx.questions.reserved()) == (asked, later)
    store.transact(lambda tx: tx.questions.release(asked.digest, b"bytes", 9))
    released = replace(asked, state=QuestionState.RELEASED, measurement=b"bytes", released_entry=9)
    found = store.read(
        lambda tx: (tx.questions.get(asked.digest), tx.questions.reserved(), tx.questions.all())
    )
    assert found == (released, (later,), (released, later))


def test_a_failed_question_is_not_resumed(store):
    store.transact(lambda tx: tx.questions.reserve(question("one")))
    store.transact(lambda tx: tx.questions.fail(digest_of("one"), 3))
    failed = replace(question("one"), state=QuestionState.FAILED, released_entry=3)
    assert store.read(lambda tx: (tx.questions.reserved(), tx.questions.all())) == ((), (failed,))


@pytest.mark.parametrize("ending", ["release", "fail"])
def test_a_question_ends_once(store, ending):
    store.transact(lambda tx: tx.questions.reserve(question("one")))
    digest = digest_of("one")
    if ending == "release":
        store.transact(lambda tx: tx.questions.release(digest, b"first", 1))
    else:
        store.transact(lambda tx: tx.questions.fail(digest, 1))
    before = store.read(lambda tx: tx.questions.get(digest))
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.questions.release(digest, b"second", 2))
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.questions.fail(digest, 2))
    assert store.read(lambda tx: tx.questions.get(digest)) == before


def test_an_unknown_question_is_absent_and_cannot_end(store):
    assert store.read(lambda tx: tx.questions.get("q")) is None
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.questions.release("q", b"", 0))


def test_a_question_is_reserved_once_and_only_as_a_reservation(store):
    store.transact(lambda tx: tx.questions.reserve(question("one")))
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.questions.reserve(question("one")))
    released = replace(question("two"), state=QuestionState.RELEASED)
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.questions.reserve(released))


def test_a_request_id_is_bound_once_for_each_party(store):
    first, same_id = request("a", "one"), request("a", "two", party="clinic")

    def work(tx):
        tx.questions.reserve(question("one"))
        tx.questions.reserve(question("two"))
        tx.questions.bind(first)
        tx.questions.bind(same_id)
        tx.questions.bind(request("b", "one"))

    store.transact(work)
    with pytest.raises(StoreMisused):
        store.transact(lambda tx: tx.questions.bind(request("a", "two")))
    found = store.read(
        lambda tx: (
            tx.questions.request("brand", "request-a"),
            tx.questions.request("brand", "request-c"),
            tx.questions.requests_of("brand", "alpha"),
            tx.questions.requests_of("brand", "beta"),
        )
    )
    assert found == (first, None, (first, request("b", "one")), ())


def test_what_a_party_asked_is_told_by_time_whatever_became_of_it(store):
    at = {"one": 30, "two": 10, "three": 20}
    asked = {name: replace(question(name), reserved_at_s=at[name]) for name in at}
    elsewhere = replace(question("four"), collaboration="beta", reserved_at_s=30)
    another = replace(question("five"), asker="clinic", reserved_at_s=30)

    def work(tx):
        for stored in (*asked.values(), elsewhere, another):
            tx.questions.reserve(stored)
        tx.questions.release(digest_of("one"), b"bytes", 9)
        tx.questions.fail(digest_of("three"), 9)

    store.transact(work)
    name = question("one").asker
    found = store.read(lambda tx: tx.questions.asked("alpha", name, 10))
    assert found == ((20, asked["three"].canonical), (30, asked["one"].canonical))
    assert len(store.read(lambda tx: tx.questions.asked("alpha", name, 9))) == 3
    assert store.read(lambda tx: tx.questions.asked("alpha", name, 30)) == ()

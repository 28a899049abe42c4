"""Every promise of the log and of concurrent work, on every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cleanroom.audit.compact import CompactRange
from cleanroom.audit.tree import inclusion_proof as prove
from cleanroom.audit.tree import leaf_hash, root, verify_inclusion
from cleanroom.ports.records import Debit
from support.storage_cases import (
    LEDGER,
    OTHER,
    entry_bytes,
    open_ledgers,
)


def debit(cost, ledger=LEDGER):
    return Debit(ledger=ledger, nano_rho=cost)


def test_the_log_keeps_entries_and_the_tree_of_rfc_6962(store):
    entries = [entry_bytes(i) for i in range(37)]
    indices = [store.transact(lambda tx, e=e: tx.log.append(e)) for e in entries]
    tree = CompactRange()
    for one in entries:
        tree.append(leaf_hash(one))

    def look(tx):
        log = tx.log
        for index, one in enumerate(entries):
            verify_inclusion(
                leaf_hash=leaf_hash(one),
                index=index,
                size=log.size(),
                proof=prove(index, log.size(), log.node),
                root=tree.root(),
            )
        return log.size(), root(log.size(), log.node), log.entries(0, 100)

    assert indices == list(range(37))
    assert store.read(look) == (37, tree.root(), tuple(entries))


def test_nodes_are_read_by_ranges(store):
    store.transact(lambda tx: [tx.log.append(entry_bytes(i)) for i in range(13)])

    def look(tx):
        for level in range(5):
            for start, end in [(0, 100), (0, 0), (1, 3), (5, 6), (3, 1)]:
                found = tx.log.nodes(level, start, end)
                assert found == {
                    at: tx.log.node(level, at) for at in range(start, min(end, 13 >> level))
                }

    store.read(look)


def test_several_entries_of_one_transaction_are_appended_in_order(store):
    store.transact(lambda tx: [tx.log.append(entry_bytes(i)) for i in range(5)])
    assert store.read(lambda tx: tx.log.entries(0, 9)) == tuple(entry_bytes(i) for i in range(5))


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (0, 2, (0, 1)),
        (2, 9, (2,)),
        (3, 1, ()),
        (-1, 2, ()),
        (0, 0, ()),
        (0, -1, ()),
        (2**70, 1, ()),
    ],
)
def test_entries_are_a_range_of_the_log(store, start, count, expected):
    store.transact(lambda tx: [tx.log.append(entry_bytes(i)) for i in range(3)])
    found = store.read(lambda tx: tx.log.entries(start, count))
    assert found == tuple(entry_bytes(i) for i in expected)


def test_what_is_outside_the_log_is_absent(store):
    store.transact(lambda tx: [tx.log.append(entry_bytes(i)) for i in range(3)])
    outside = (-1, 3, 2**70)
    assert store.read(lambda tx: [tx.log.entry(i) for i in outside]) == [None] * 3
    with pytest.raises(KeyError):
        store.read(lambda tx: tx.log.node(1, 1))


def test_concurrent_appends_keep_indices_dense_even_when_some_fail(store):
    together = threading.Barrier(16)

    def run(number):
        together.wait()

        def work(tx):
            index = tx.log.append(entry_bytes(number))
            if number % 4 == 0:
                raise LookupError
            return index

        try:
            return store.transact(work)
        except LookupError:
            return None

    with ThreadPoolExecutor(16) as pool:
        found = [i for i in pool.map(run, range(16)) if i is not None]
    assert sorted(found) == list(range(12))
    assert store.read(lambda tx: tx.log.size()) == 12


def test_a_read_sees_one_state_while_others_write(store):
    open_ledgers(store, budget=10_000)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set() and number < 200:
            number += 1

            def both(tx, n=number):
                tx.ledgers.debit(debit(1, LEDGER), f"q-{n}")
                tx.ledgers.debit(debit(1, OTHER), f"q-{n}")

            store.transact(both)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        pairs = [
            store.read(
                lambda tx: (tx.ledgers.balance(LEDGER).spent, tx.ledgers.balance(OTHER).spent)
            )
            for _ in range(50)
        ]
    finally:
        stop.set()
        writer.join()
    assert [pair for pair in pairs if pair[0] != pair[1]] == []

"""What the SQLite store promises beyond the port: settings, schema version, fairness, secrecy."""

from __future__ import annotations

import sqlite3
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cleanroom.model.errors import BudgetExhausted
from cleanroom.ports.records import Debit
from cleanroom.storage import sqlite as subject
from cleanroom.storage.errors import StoreMisused, StoreUnusable
from cleanroom.storage.sqlite import PRAGMAS, SqlStore, assert_pragmas
from cleanroom.storage.tables import SCHEMA_VERSION
from cleanroom.storage.turn import Gate, Turn
from support.memory_vault import MemoryVault
from support.storage_cases import LEDGER, entry_bytes, history, open_ledgers, proposal, upload


@pytest.fixture
def path(tmp_path):
    return tmp_path / "room.db"


@pytest.fixture
def store(path):
    opened = SqlStore(path)
    yield opened
    opened.close()


def settings_of(connection):
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}


def test_every_connection_has_the_settings_durability_rests_on(store):
    expected = {"journal_mode": "delete", "synchronous": 3, "foreign_keys": 1, "secure_delete": 1}
    for engine in (store._writer, store._readers):
        with engine.connect() as connection:
            assert settings_of(connection) == expected


def test_only_readers_are_unable_to_write(store):
    found = []
    for engine in (store._writer, store._readers):
        with engine.connect() as connection:
            found.append(connection.exec_driver_sql("PRAGMA query_only").scalar())
    assert found == [0, 1]


def test_a_database_that_cannot_have_a_rollback_journal_is_refused():
    raw = sqlite3.connect(":memory:")
    try:
        with pytest.raises(StoreUnusable, match="journal_mode"):
            assert_pragmas(raw)
    finally:
        raw.close()


@pytest.mark.parametrize("name", sorted(PRAGMAS))
def test_a_setting_that_does_not_take_is_refused_at_the_start(path, monkeypatch, name):
    monkeypatch.setattr(subject, "PRAGMAS", PRAGMAS | {name: (PRAGMAS[name][0], "something else")})
    with pytest.raises(StoreUnusable, match=name):
        SqlStore(path)


def test_a_database_left_in_wal_mode_is_brought_back(path):
    SqlStore(path).close()
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    raw.close()
    SqlStore(path).close()
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    raw.close()


def test_what_was_written_is_there_when_the_file_is_opened_again(path):
    first = SqlStore(path)
    first.transact(lambda tx: tx.uploads.add(upload()))
    first.close()
    second = SqlStore(f"sqlite:///{path}")
    assert second.read(lambda tx: tx.uploads.get("u-1")) == upload()
    second.close()


@pytest.mark.parametrize("versions", [[SCHEMA_VERSION + 1], [0], [], [SCHEMA_VERSION] * 2])
def test_an_unknown_schema_version_is_refused(path, versions):
    SqlStore(path).close()
    raw = sqlite3.connect(path)
    raw.execute("DELETE FROM schema_version")
    raw.executemany("INSERT INTO schema_version VALUES (?)", [(v,) for v in versions])
    raw.commit()
    raw.close()
    with pytest.raises(StoreUnusable, match="schema version"):
        SqlStore(path)


def test_tables_of_something_else_are_refused(path):
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE notes (text)")
    raw.close()
    with pytest.raises(StoreUnusable, match="something else"):
        SqlStore(path)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "postgresql://u:secret@host/db", "://", "x y://z"]
)
def test_only_a_file_of_sqlite_is_taken(url):
    with pytest.raises(StoreUnusable) as refusal:
        SqlStore(url)
    assert "secret" not in str(refusal.value)


def test_the_file_is_for_its_owner_alone(store, path):
    assert stat.S_IMODE(path.stat().st_mode) & 0o177 == 0


def test_a_refused_row_names_no_value(store):
    store.transact(lambda tx: tx.uploads.add(upload()))
    with pytest.raises(StoreMisused) as refusal:
        store.transact(lambda tx: tx.uploads.add(upload(request_id="canary-value")))
    cause = refusal.value.__cause__
    assert "uploads.id" in str(refusal.value)
    assert "canary-value" not in f"{refusal.value} {cause}"


def test_the_database_itself_refuses_to_overspend(store, path):
    open_ledgers(store, budget=10)
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="never_overspent"):
        raw.execute("UPDATE ledgers SET spent = 11")
    raw.close()


def test_two_stores_racing_one_file_grant_exactly_what_the_ledger_pays_for(store, path):
    other = SqlStore(path)
    open_ledgers(store, budget=3 * 20 + 2)

    def race(number):
        chosen = (store, other)[number % 2]
        try:
            chosen.transact(
                lambda tx: tx.ledgers.debit(Debit(ledger=LEDGER, nano_rho=3), f"q-{number}")
            )
        except BudgetExhausted:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(race, range(32)))
    other.close()
    assert granted == 20


def test_threads_that_open_one_new_file_together_create_it_once(path):
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: SqlStore(path), range(4)))
    for number, opened in enumerate(stores):
        assert opened.transact(lambda tx, n=number: tx.log.append(entry_bytes(n))) == number
        opened.close()


def test_a_write_in_a_read_is_told_from_other_database_errors(store):
    with pytest.raises(StoreMisused, match="write was tried in a read"):
        store.read(lambda tx: tx.collaborations.add_proposal(proposal()))


def test_no_canary_of_the_vault_reaches_the_database(store, path):
    class Marked(MemoryVault):
        def put_blob(self, upload, name, data):
            super().put_blob(upload, name, b"canary@example.org")

    history(store, Marked())
    content = path.read_bytes()
    assert b"retailer" in content  # names are there
    assert b"canary" not in content
    assert b"0123456789abcdef" not in content.replace(b"0123456789abcdef" * 2, b"")


def test_turns_are_taken_in_the_order_of_coming():
    turn, order, threads = Turn(), [], []
    with turn.taken():
        for number in range(8):
            threads.append(threading.Thread(target=_take, args=(turn, order, number)))
            threads[-1].start()
            while len(turn._waiting) <= number:
                time.sleep(0)
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def _take(turn, order, number):
    with turn.taken():
        order.append(number)


def test_a_turn_is_passed_on_after_an_error():
    turn = Turn()
    with pytest.raises(LookupError), turn.taken():
        raise LookupError
    with turn.taken():
        assert turn.held_here()
    assert not turn.held_here()


def test_a_turn_is_not_taken_twice_by_one_thread():
    turn = Turn()
    with turn.taken(), pytest.raises(StoreMisused), turn.taken():
        pass


def test_one_alone_waits_for_those_inside_and_newcomers_wait_for_it():
    gate, order = Gate(), []

    def be_alone():
        with gate.alone():
            order.append("alone")

    def share():
        with gate.shared():
            order.append("newcomer")

    with gate.shared():
        threads = [threading.Thread(target=be_alone)]
        threads[0].start()
        while not gate._wanting:
            time.sleep(0)
        threads.append(threading.Thread(target=share))
        threads[1].start()
        with gate.shared():  # whoever is inside may go in again
            threads[0].join(timeout=0.05)
            order.append("inside")
    for thread in threads:
        thread.join()
    assert order == ["inside", "alone", "newcomer"]

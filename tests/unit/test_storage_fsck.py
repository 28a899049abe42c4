"""fsck finds nothing in a healthy history, and each kind of damage that is planted in one."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from cleanroom.storage.fsck import fsck
from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.vault import FileVault
from support.memory_store import MemoryStore
from support.memory_vault import MemoryVault
from support.storage_cases import (
    MASTER_KEY,
    FixedEntropy,
    digest_of,
    entry_bytes,
    history,
    open_ledgers,
    proposal,
    reserve,
    tables,
)

ONE = digest_of("one")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    store, vault = opened(folder)
    history(store, vault)
    store.close()
    return folder


@pytest.fixture
def room(healthy, tmp_path):
    folder = tmp_path / "room"
    shutil.copytree(healthy, folder)
    return folder


def opened(folder):
    vault = FileVault(folder / "vault", MASTER_KEY, FixedEntropy(str(folder)))
    return SqlStore(folder / "room.db"), vault


def found_in(folder):
    store, vault = opened(folder)
    try:
        return fsck(store, vault)
    finally:
        store.close()


def damage(folder, statement, *values):
    """Change rows behind the store's back, past every constraint."""
    raw = sqlite3.connect(folder / "room.db")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    changed = raw.execute(statement, values).rowcount
    raw.commit()
    raw.close()
    assert changed > 0


def test_a_healthy_history_has_no_problem(room):
    assert found_in(room) == ()


def test_a_healthy_history_in_memory_has_no_problem():
    store, vault = MemoryStore(), MemoryVault()
    history(store, vault)
    assert fsck(store, vault) == ()


def test_an_empty_room_has_no_problem(tmp_path):
    assert found_in(tmp_path) == ()


def test_a_long_log_is_checked_beyond_one_batch():
    store = MemoryStore()
    store.transact(lambda tx: [tx.log.append(entry_bytes(i)) for i in range(1005)])
    assert fsck(store, MemoryVault()) == ()
    store.state.entries[1002] = b"not an entry"
    assert [p.where for p in fsck(store, MemoryVault())] == ["log entry 1002"]


DAMAGES = {
    "an entry changed": (
        "UPDATE log_entries SET entry = CAST(replace(entry, 'room', 'rome') AS BLOB) WHERE idx = 2",
        "log node 2 on level 0: its hash does not follow from the entries",
    ),
    "an entry that does not decode": (
        "UPDATE log_entries SET entry = x'7b7d' WHERE idx = 0",
        "log entry 0: the log entry is not valid",
    ),
    "an entry removed": (
        "DELETE FROM log_entries WHERE idx = 3",
        "log entry 3: it is missing",
    ),
    "a leaf changed": (
        "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 0 AND idx = 6",
        "log node 6 on level 0: its hash does not follow from the entries",
    ),
    "an inner node changed": (
        "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 2 AND idx = 0",
        "log node 0 on level 2: its hash does not follow from the entries",
    ),
    "an inner node removed": (
        "DELETE FROM log_nodes WHERE level = 1 AND idx = 1",
        "log node 1 on level 1: its hash does not follow from the entries",
    ),
    "the last entry removed": (
        "DELETE FROM log_entries WHERE idx = 6",
        "log node 6 on level 0: the log is not that long",
    ),
    "spent lowered": (
        "UPDATE ledgers SET spent = spent - 1 WHERE owner = 'brand'",
        "ledgers/brand/alpha: what is spent is not the sum of its questions' debits",
    ),
    "a budget below what is spent": (
        "UPDATE ledgers SET budget = 29 WHERE owner = 'brand'",
        "ledgers/brand/alpha: more is spent than the budget",
    ),
    "a debit changed": (
        f"UPDATE debits SET nano_rho = 1 WHERE question = '{ONE}' AND owner = 'brand'",
        f"question {ONE}: its debits are not the rows of the ledgers",
    ),
    "a debit removed": (
        f"DELETE FROM debits WHERE question = '{ONE}' AND owner = 'brand'",
        "ledgers/brand/alpha: what is spent is not the sum of its questions' debits",
    ),
    "a debit of no question": (
        "UPDATE debits SET question = 'none' WHERE seq = 2",
        "ledgers/retailer/shoppers: what is spent is not the sum of its questions' debits",
    ),
    "a question's own debit changed": (
        f"UPDATE question_debits SET nano_rho = 11 WHERE question = '{ONE}' AND position = 0",
        f"question {ONE}: its debits are not the rows of the ledgers",
    ),
    "a question naming another reserved entry": (
        f"UPDATE questions SET reserved_entry = 2 WHERE digest = '{ONE}'",
        f"question {ONE}: it has no question_reserved entry in the log where it names one",
    ),
    "a question naming another released entry": (
        f"UPDATE questions SET released_entry = 5 WHERE digest = '{ONE}'",
        f"question {ONE}: it has no question_released entry in the log where it names one",
    ),
    "a released question without an entry": (
        f"UPDATE questions SET released_entry = NULL WHERE digest = '{ONE}'",
        f"question {ONE}: it has no question_released entry in the log where it names one",
    ),
    "a failed question naming another entry": (
        "UPDATE questions SET released_entry = 4 WHERE state = 'failed'",
        f"question {digest_of('three')}: it has no question_failed entry",
    ),
    "a question taken back to reserved": (
        f"UPDATE questions SET state = 'reserved', released_entry = NULL WHERE digest = '{ONE}'",
        "log entry 4: it says question_released of a question that does not name this entry",
    ),
    "a question removed": (
        f"DELETE FROM questions WHERE digest = '{ONE}'",
        "log entry 1: it says question_reserved of a question that does not name this entry",
    ),
    "a measurement changed": (
        f"UPDATE questions SET measurement = x'00' WHERE digest = '{ONE}'",
        f"question {ONE}: its measurement is not the one log entry 4 commits to",
    ),
    "a measurement removed": (
        f"UPDATE questions SET measurement = NULL WHERE digest = '{ONE}'",
        f"question {ONE}: it is released, yet its measurement is missing",
    ),
    "another digest of a version": (
        "UPDATE versions SET file_digest = '00' WHERE id = 'v-1'",
        "version v-1 of collaborations/alpha/datasets/sales: the files of version v-1",
    ),
    "an erased version that lives": (
        "UPDATE versions SET erased_at_s = 5 WHERE id = 'v-1'",
        "version v-1: it is erased, yet has a data key",
    ),
    "a version said to live that was erased": (
        "UPDATE versions SET erased_at_s = NULL WHERE id = 'v-2'",
        "version v-2 of collaborations/alpha/datasets/sales: its data key is missing",
    ),
}


@pytest.mark.parametrize("kind", sorted(DAMAGES))
def test_planted_damage_in_the_database_is_found(room, kind):
    statement, expected = DAMAGES[kind]
    damage(room, statement)
    found = found_in(room)
    assert any(str(p).startswith(expected) and not p.is_note for p in found), found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data.key", "its data key is missing"),
        ("events.parquet", "version v-1 lacks events.parquet"),
    ],
)
def test_a_missing_file_of_the_vault_is_found(room, name, expected):
    (room / "vault" / "versions" / "v-1" / name).unlink()
    (only,) = found_in(room)
    assert (expected in only.what, only.is_note) == (True, False)


def test_a_changed_file_of_the_vault_is_found(room):
    path = room / "vault" / "versions" / "v-1" / "persons.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    (only,) = found_in(room)
    assert "not those that were sealed" in only.what


def test_a_reserved_question_is_a_note(room):
    store, _ = opened(room)
    reserve(store, "four")
    store.close()
    (only,) = found_in(room)
    assert str(only).startswith(f"note: question {digest_of('four')}: it is debited and not yet")


def test_files_without_a_row_are_notes_after_the_problems(room):
    store, vault = opened(room)
    vault.put_blob("u-9", "rows-000000", b"")
    vault.put_version("v-9", tables())
    store.close()
    damage(room, "UPDATE ledgers SET spent = spent + 1 WHERE owner = 'brand'")
    found = found_in(room)
    assert [(p.where, p.is_note) for p in found] == [
        ("ledgers/brand/alpha", False),
        ("upload u-9", True),
        ("version v-9", True),
    ]


def test_the_relays_area_of_a_known_collaboration_is_no_orphan(room):
    store, vault = opened(room)
    store.transact(lambda tx: tx.collaborations.add_proposal(proposal()))
    for area in ("relay-alpha", "relay-beta"):
        vault.put_blob(area, "known-brand", b"")
    store.close()
    assert [p.where for p in found_in(room)] == ["upload relay-beta"]


def test_no_sentence_tells_a_balance():
    store = MemoryStore()
    open_ledgers(store, budget=123_456_789)
    reserve(store, "one", cost=7_654_321)
    store.state.debits.clear()
    said = " ".join(str(p) for p in fsck(store, MemoryVault()))
    assert "ledgers/brand/alpha" in said
    assert [n for n in ("123456789", "7654321", "15308642") if n in said] == []

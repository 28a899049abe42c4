"""Reading the log by a choice, on a real database: what is found, and how much is read for it."""

from __future__ import annotations

import pytest

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind, encode_entry
from cleanroom.storage.log import SqlLog
from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.tables import log_entries
from cleanroom.usecases.entries import chosen, newest, one
from support.audit_logs import some_entry

SIZE = 5_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = SqlStore(tmp_path_factory.mktemp("log") / "room.db")
    rare = {7, 2_500, 4_990}
    kinds = (EntryKind.ADMINISTRATIVE, EntryKind.RELAY_PASSED)
    rows = [
        {"idx": i, "entry": encode_entry(some_entry(i, kind=kinds[i not in rare]))}
        for i in range(SIZE)
    ]
    opened.transact(lambda tx: tx.log._connection.execute(log_entries.insert(), rows))
    yield opened
    opened.close()


@pytest.fixture
def read(monkeypatch):
    """The number of entries that each call read."""
    counted, honest = [], SqlLog.entries

    def entries(self, start, count):
        found = honest(self, start, count)
        counted.append(len(found))
        return found

    monkeypatch.setattr(SqlLog, "entries", entries)
    return counted


def test_the_newest_fifty_are_found_by_reading_fifty(store, read):
    found = newest(store, Choice(), 50)
    assert [f.index for f in found] == list(range(SIZE - 50, SIZE))
    assert sum(read) == 50


def test_a_choice_reads_back_until_it_has_enough(store, read):
    choice = Choice(kind=EntryKind.ADMINISTRATIVE)
    assert [f.index for f in newest(store, choice, 1)] == [4_990]
    assert sum(read) == 50
    assert [f.index for f in newest(store, choice, 10)] == [7, 2_500, 4_990]


def test_the_whole_log_is_read_in_batches_and_in_order(store, read):
    assert [f.index for f in chosen(store, Choice())] == list(range(SIZE))
    assert max(read) <= 1_000
    assert [f.index for f in chosen(store, Choice(until_s=some_entry(3).time_s))] == [0, 1, 2]


def test_one_entry_is_read_with_its_bytes(store):
    found, data = one(store, 42)
    assert (found.index, data) == (42, encode_entry(found.entry))
    assert one(store, SIZE) is None

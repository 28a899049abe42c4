"""Checkpoints that are shown: none contradicts another, whatever crashes or is put back."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom.audit.checkpoint import open_checkpoint
from cleanroom.audit.cosignature import cosignatures, require_quorum
from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.audit.errors import LogInconsistent, NoteInvalid, WitnessUnavailable
from cleanroom.audit.note import Ed25519Signer, verifier_of
from cleanroom.storage import checkpoints as files
from cleanroom.storage.checkpoints import CheckpointFiles
from cleanroom.usecases import inspect
from cleanroom.usecases.publish import publish
from cleanroom.usecases.rotate import WHAT, take_up_log
from cleanroom.usecases.witnessing import Witnessing
from cleanroom.wiring.publisher import Publisher
from support.audit_logs import some_log
from support.exports import fill
from support.rooms import make_service
from support.witnesses import some_witness, witness_key_of, witness_signer

NEXT = Ed25519Signer(name="room.test/log", key=Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))


@pytest.fixture
def service(tmp_path):
    made = make_service(tmp_path)
    fill(made.store, some_log(5))
    yield made
    made.store.close()


def grow(service, count, start=5):
    fill(service.store, some_log(start + count)[start:])


def published(service):
    return publish(service.store, service.signers, service.remembered)


def opened(service, note):
    return open_checkpoint(note, [verifier_of(signer) for signer in service.signers])


def test_what_is_shown_is_remembered_before(service):
    note = inspect.signed_checkpoint(service).note
    assert service.remembered.newest() == note
    assert opened(service, note).size == 5
    grow(service, 3)
    later = inspect.signed_checkpoint(service).note
    assert (opened(service, later).size, service.remembered.newest()) == (8, later)


def test_the_same_log_has_the_same_checkpoint(service):
    assert published(service) == published(service)


def test_nothing_is_signed_when_an_older_database_was_put_back(service, tmp_path):
    shutil.copy(tmp_path / "cleanroom.sqlite", tmp_path / "old.sqlite")
    grow(service, 3)
    note = published(service)
    service.store.close()
    shutil.copy(tmp_path / "old.sqlite", tmp_path / "cleanroom.sqlite")
    again = make_service(tmp_path)
    for attempt in (published, take_up_log):
        with pytest.raises(LogInconsistent, match="it shrank from 8 entries to 5"):
            attempt(again)
    fill(again.store, some_log(40)[20:30])  # another history, longer than the one signed
    for attempt in (published, take_up_log):
        with pytest.raises(LogInconsistent, match="the log was forked"):
            attempt(again)
    assert again.remembered.newest() == note
    assert again.store.read(lambda tx: tx.log.size()) == 15
    again.store.close()


def test_a_crash_before_a_checkpoint_is_remembered_shows_none(service, monkeypatch):
    first = published(service)
    grow(service, 3)

    def crash(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "place_files", crash)
    with pytest.raises(KeyboardInterrupt):
        inspect.signed_checkpoint(service)
    monkeypatch.undo()
    assert service.remembered.newest() == first
    assert opened(service, published(service)).size == 8


def test_threads_and_processes_remember_the_newest(service, tmp_path):
    published(service)
    names = (f"n{number}" for number in range(10**6))
    lock = threading.Lock()

    def unique():
        with lock:
            return next(names)

    others = [CheckpointFiles(tmp_path, unique) for _ in range(3)]

    def show(remembered):
        for _ in range(5):
            publish(service.store, service.signers, remembered)

    threads = [threading.Thread(target=show, args=(each,)) for each in others]
    for thread in threads:
        thread.start()
    for number in range(20):
        grow(service, 1, 5 + number)
    for thread in threads:
        thread.join()
    assert opened(service, published(service)).size == 25


# keys


def test_two_keys_sign_while_one_follows_the_other_and_the_log_tells_it(service):
    old_key, new_key = verifier_of(service.signer), verifier_of(NEXT)
    before = published(service)
    assert not take_up_log(service)

    both = replace(service, signer=NEXT, previous_signer=service.signer)
    assert take_up_log(both)
    note = published(both)
    assert open_checkpoint(note, old_key) == open_checkpoint(note, new_key)
    assert open_checkpoint(note, [new_key, old_key]).size == 6
    entry = decode_entry(both.store.read(lambda tx: tx.log.entry(5)))
    assert (entry.kind, entry.fields["what"]) == (EntryKind.ADMINISTRATIVE, WHAT)
    assert entry.fields["keys"] == [new_key.text, old_key.text]
    assert inspect.signed_checkpoint(both).log_keys == (new_key.text, old_key.text)
    assert not take_up_log(both)

    alone = replace(service, signer=NEXT)
    assert take_up_log(alone)
    after = published(alone)
    assert open_checkpoint(after, new_key).size == 7
    with pytest.raises(NoteInvalid):
        open_checkpoint(after, old_key)
    with pytest.raises(NoteInvalid):
        open_checkpoint(before, new_key)


def test_a_key_is_not_replaced_without_a_time_of_both(service):
    published(service)
    with pytest.raises(LogInconsistent, match="previous_key"):
        take_up_log(replace(service, signer=NEXT))
    assert service.store.read(lambda tx: tx.log.size()) == 5


def test_a_crash_while_keys_change_tells_it_at_the_next_start(service, monkeypatch):
    published(service)
    both = replace(service, signer=NEXT, previous_signer=service.signer)

    def crash(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "place_files", crash)
    with pytest.raises(KeyboardInterrupt):
        take_up_log(both)
    monkeypatch.undo()
    assert take_up_log(both)
    told = [decode_entry(e) for e in both.store.read(lambda tx: tx.log.entries(5, 9))]
    assert [entry.fields["what"] for entry in told] == [WHAT, WHAT]


# witnesses


class Local:
    """A witness asked without HTTP; `fails` makes it unreachable."""

    def __init__(self, folder, service, number=1):
        self.key = witness_key_of(witness_signer(number))
        logs = {service.signer.name: [verifier_of(s) for s in service.signers]}
        self.path = folder / f"witness{number}.json"
        self.witness = some_witness(self.path, number=number, logs=logs)
        self.fails, self.asked = False, 0

    def add_checkpoint(self, body):
        self.asked += 1
        if self.fails:
            raise WitnessUnavailable(witness=self.key.name, why="nobody is there")
        return self.witness.add_checkpoint(body)


def witnessed_by(service, *witnesses):
    return replace(service, witnessing=Witnessing(witnesses))


def asked(service):
    return service.witnessing.ask(service.store, published(service), service.remembered)


def test_witnesses_cosign_what_is_published(service, tmp_path):
    one, two = Local(tmp_path, service, 1), Local(tmp_path, service, 2)
    with_both = witnessed_by(service, one, two)
    for count in (0, 3, 300):
        grow(with_both, count, with_both.store.read(lambda tx: tx.log.size()))
        note = asked(with_both)
        require_quorum(note, [one.key, two.key], 2)
        view = inspect.signed_checkpoint(with_both)
        assert (view.note, view.witnessed) == (note, note)
        size = opened(service, note).size
        assert [(s.size, s.problem) for s in view.standings] == [(size, "")] * 2
    assert asked(with_both) == note
    assert one.asked == 3  # it is not asked again for what it cosigned


def test_a_witness_that_is_down_delays_nothing_and_is_told(service, tmp_path):
    one, two = Local(tmp_path, service, 1), Local(tmp_path, service, 2)
    with_both = witnessed_by(service, one, two)
    first = asked(with_both)
    grow(with_both, 3)
    two.fails = True
    note = asked(with_both)
    assert [c.witness for c in cosignatures(note, [one.key, two.key])] == [one.key.name]
    view = inspect.signed_checkpoint(with_both)
    assert [(s.size, s.problem == "") for s in view.standings] == [(8, True), (5, False)]
    assert "nobody is there" in view.standings[1].problem
    grow(with_both, 1, 8)
    one.fails = True
    assert opened(service, asked(with_both)).size == 9
    view = inspect.signed_checkpoint(with_both)
    assert (opened(service, view.note).size, view.witnessed) == (9, note)
    assert first != note
    one.fails = two.fails = False
    require_quorum(asked(with_both), [one.key, two.key], 2)


def test_a_restart_learns_from_the_witness_where_it_was(service, tmp_path):
    one = Local(tmp_path, service)
    asked(witnessed_by(service, one))
    grow(service, 4)
    again = witnessed_by(service, one)  # remembers nothing of the witness
    require_quorum(asked(again), [one.key], 1)
    assert one.asked == 3


def test_a_witness_that_saw_more_is_told_as_the_sign_it_is(service, tmp_path, caplog):
    one = Local(tmp_path, service)
    ahead = tmp_path / "ahead"
    ahead.mkdir()
    longer = make_service(ahead)
    with closing(longer.store):
        fill(longer.store, some_log(50))
        asked(witnessed_by(longer, one))
    with caplog.at_level(logging.WARNING):
        asked(witnessed_by(service, one))
    assert "an older copy of the database was put back" in caplog.text


class Lying(Local):
    """A witness whose answer is not a cosignature of this checkpoint."""

    answer = ""

    def add_checkpoint(self, body):
        self.asked += 1
        return self.answer


@pytest.mark.parametrize("answer", ["", "nonsense", "\N{EM DASH} witness.example/w1 AAAA\n"])
def test_an_answer_that_is_no_cosignature_is_not_kept(service, tmp_path, answer):
    liar = Lying(tmp_path, service)
    liar.answer = answer
    with_liar = witnessed_by(service, liar)
    note = published(service)
    assert asked(with_liar) == note
    view = inspect.signed_checkpoint(with_liar)
    assert (view.note, view.witnessed, view.standings[0].problem != "") == (note, None, True)


def test_a_cosignature_of_another_checkpoint_is_not_kept(service, tmp_path):
    one = Local(tmp_path, service)
    old = asked(witnessed_by(service, one))
    liar = Lying(tmp_path, service)
    liar.answer = cosignatures(old, [one.key])[0].line
    grow(service, 2)
    with_liar = witnessed_by(service, liar)
    assert cosignatures(asked(with_liar), [one.key]) == ()
    assert inspect.signed_checkpoint(with_liar).witnessed == old


# in the background


def test_the_publisher_publishes_and_asks_in_the_background(service, tmp_path):
    one = Local(tmp_path, service)
    running = witnessed_by(service, one)
    publisher = Publisher(running, every_s=0.02)
    publisher.start()
    wait_for(lambda: running.remembered.witnessed() is not None)
    grow(running, 3)
    wait_for(lambda: opened(service, running.remembered.witnessed()).size == 8)
    publisher.stop()


def test_the_publisher_outlives_a_broken_log_and_shows_nothing(service, tmp_path, caplog):
    note = published(service)
    with closing(sqlite3.connect(tmp_path / "cleanroom.sqlite")) as raw, raw:
        raw.execute("DELETE FROM log_nodes WHERE level = 2")
    publisher = Publisher(service, every_s=0.01)
    publisher.start()
    wait_for(lambda: caplog.text.count("no checkpoint was published") > 1)
    publisher.stop()
    assert service.remembered.newest() == note


def wait_for(holds):
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)

"""Uploads under haste and excess: sealing at once, too many uploads, too many chunks."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from cleanroom.model.errors import FieldInvalid, UploadConflict
from cleanroom.ports.vault import VaultDamaged
from cleanroom.usecases import ingest, intake
from cleanroom.usecases.chunks import Chunk, kept_chunks
from cleanroom.usecases.turns import Turns
from support.failpoints import Crash, Failpoints
from support.policies import edited
from support.rooms import Room, ipc

POLICY = edited(("2026-03-01", "2026-01-01"), name="spring-campaign")
PEOPLE = [{"email": f"e{i}", "amount": 100} for i in range(40)]


@pytest.fixture
def room(tmp_path):
    return Room.open(tmp_path, POLICY)


def test_callers_that_seal_at_once_get_one_version_and_no_error(room):
    room.upload("sales", PEOPLE)
    room.blind_all()
    sealed, failed = [], []

    def work():
        try:
            sealed.append(room.seal("sales"))
        except Exception as error:  # noqa: BLE001 - any would be wrong
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len({v.id for v in sealed}) == 1
    assert room.service.vault.inventory()[1] == (sealed[0].id,)


def test_an_upload_replaced_while_it_is_sealed_gives_no_version(room):
    """What was never recorded must not be called sealed."""
    first = room.upload("sales", PEOPLE)
    room.blind_all()
    put_version = room.service.vault.put_version

    class Slow:
        def __getattr__(self, name):
            return getattr(vault, name)

        def put_version(self, *args):
            digest = put_version(*args)
            room.upload("sales", PEOPLE[:30])
            return digest

    vault = room.service.vault
    slow = Room(service=replace(room.service, vault=Slow()), policy=room.policy)
    with pytest.raises(UploadConflict, match="replaced while it was sealed"):
        slow.seal("sales")
    assert vault.inventory()[1] == ()
    room.blind_all()
    assert room.seal("sales").upload != first.id


@pytest.mark.parametrize("step", ["check_chunk", "elements"])
def test_what_is_written_behind_an_erasure_is_erased_too(room, step):
    """A chunk comes, or elements are divided, while another upload of the dataset is completed."""
    late = room.begin("sales")
    data = ipc(room.rows("sales", PEOPLE))
    sealer = room.service.sealer

    class Overtaken:
        def __getattr__(self, name):
            return overtaken if name == step else getattr(sealer, name)

    def overtaken(*args, **kwargs):
        if room.service.vault.inventory()[0] in {(), (late.id,)}:
            room.upload("sales", PEOPLE[:10])
        return getattr(sealer, step)(*args, **kwargs)

    slow = Room(
        service=replace(room.service, sealer=Overtaken()), policy=room.policy, secrets=room.secrets
    )
    slow.put(late.id, "sales", 0, data)
    if step == "elements":
        assert slow.complete(late.id, "sales", [data]).state == "abandoned"
    assert late.id not in room.service.vault.inventory()[0]


def test_a_dataset_has_only_so_many_open_uploads(room, monkeypatch):
    monkeypatch.setattr(ingest, "MAX_OPEN", 2)
    first = room.begin("sales", "upload-0001")
    room.begin("sales", "upload-0002")
    with pytest.raises(UploadConflict, match="complete one of them"):
        room.begin("sales", "upload-0003")
    assert room.begin("sales", "upload-0001") == first
    assert room.begin("exposures", "upload-0004").chunks == 0
    room.complete(first.id, "sales", [])
    assert room.begin("sales", "upload-0003").chunks == 0


def test_an_upload_has_only_so_many_chunks(room, monkeypatch):
    monkeypatch.setattr(intake, "MAX_CHUNKS", 1)
    upload, chunk = room.begin("sales"), ipc(room.rows("sales", PEOPLE))
    room.put(upload.id, "sales", 0, chunk)
    with pytest.raises(FieldInvalid, match="at most 1 chunks"):
        room.put(upload.id, "sales", 1, chunk)


def test_of_chunks_that_come_together_those_before_a_bad_one_are_kept(room):
    upload = room.begin("sales", "upload-0001")
    data = [ipc(room.rows("sales", PEOPLE[i : i + 10])) for i in (0, 10, 20)]
    chunks = [Chunk(index=i, data=d, sha256=hashlib.sha256(d).digest()) for i, d in enumerate(data)]
    bad = replace(chunks[2], data=b"something else")
    with pytest.raises(FieldInvalid, match="SHA-256"):
        _put(room, upload, [*chunks[:2], bad])
    kept, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    assert (kept.chunks, kept.rows) == (2, 20)
    assert _put(room, upload, chunks).rows == 30  # the first two are taken as kept
    with pytest.raises(UploadConflict, match="number 3"):
        _put(room, upload, [replace(chunks[2], index=4)])
    assert room.complete(upload.id, "sales", data).chunks == 3


@pytest.mark.parametrize("second", [b"no rows at all", b"x" * (intake.MAX_CHUNK_BYTES + 1)])
def test_of_a_chunk_that_comes_twice_in_a_group_what_was_checked_is_kept(room, second):
    """What comes later under its number was not looked at, and must not take its place."""
    upload = room.begin("sales", "upload-0001")
    data = ipc(room.rows("sales", PEOPLE))
    first = Chunk(index=0, data=data, sha256=hashlib.sha256(data).digest())
    with pytest.raises(UploadConflict, match="number 1"):
        _put(room, upload, [first, replace(first, data=second)])
    kept, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    assert list(ingest.chunks_of(room.service.vault, kept)) == [data]
    assert room.complete(upload.id, "sales", [data]).rows == len(PEOPLE)


def _chunks(room, count):
    """Return chunks of ten rows each."""
    data = [ipc(room.rows("sales", PEOPLE[10 * i : 10 * i + 10])) for i in range(count)]
    return [Chunk(index=i, data=d, sha256=hashlib.sha256(d).digest()) for i, d in enumerate(data)]


def _kept(room, upload):
    """Return how many chunks the upload's owner is told of, all of which must be there."""
    found, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    assert len(list(ingest.chunks_of(room.service.vault, found))) == found.chunks
    return found.chunks


def _names(room, upload):
    folder = room.service.vault._uploads / upload.id
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_of_a_stream_that_breaks_what_came_whole_before_is_kept(room):
    upload, chunks = room.begin("sales"), _chunks(room, 3)

    def cut():
        yield from chunks[:2]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        _put(room, upload, cut())
    assert _kept(room, upload) == 2
    assert _put(room, upload, chunks[2:]).rows == 30
    assert _names(room, upload) == ["data.key", "rows-000000", "rows-000002"]


def test_a_long_stream_is_counted_before_its_end(room, monkeypatch):
    monkeypatch.setattr(intake, "_RUN_CHUNKS", 2)
    upload, chunks = room.begin("sales"), _chunks(room, 4)
    counts = []

    def watched():
        for chunk in chunks:
            counts.append(_kept(room, upload))
            yield chunk

    assert _put(room, upload, watched()).chunks == 4
    assert counts == [0, 0, 2, 2]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "fsync"])
def test_nothing_is_counted_that_the_disk_does_not_hold(room, monkeypatch, call):
    upload, chunks = room.begin("sales"), _chunks(room, 4)
    _put(room, upload, chunks[:1])

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(f"cleanroom.storage.files.os.{call}", full)
        with pytest.raises(OSError, match="No space"):
            _put(room, upload, chunks[1:])
    assert _kept(room, upload) == 1
    assert room.service.vault.sweep() == 0
    assert _put(room, upload, chunks[1:]).chunks == 4
    assert _kept(room, upload) == 4


def test_after_a_write_that_failed_half_way_nothing_of_its_run_is_counted(room, monkeypatch):
    upload, chunks, write = room.begin("sales"), _chunks(room, 3), os.pwrite
    written = []

    def torn(descriptor, data, position):
        written.append(position)
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:4096], position)

    with monkeypatch.context() as patched:
        patched.setattr("cleanroom.storage.files.os.pwrite", torn)
        with pytest.raises(OSError, match="No space"):
            _put(room, upload, chunks)
    assert (len(written), _kept(room, upload)) == (3, 0)
    assert _put(room, upload, chunks).chunks == _kept(room, upload) == 3


@pytest.mark.parametrize("others", [2, 3, 4])
def test_two_streams_at_once_bring_each_chunk_once_and_what_was_counted_stays(room, others):
    """The second brings some of the chunks, and is counted, while the first is under way."""
    upload, chunks = room.begin("sales"), _chunks(room, 4)
    other = [replace(c, index=i) for i, c in enumerate(reversed(chunks))]

    def overtaken():
        yield from chunks[:3]
        assert _put(room, upload, other[:others]).chunks == others

    after = _put(room, upload, overtaken())
    assert (after.chunks, after.rows) == (max(others, 3), 10 * max(others, 3))
    assert _put(room, upload, chunks).rows == 40
    data = [c.data for c in [*other[:others], *chunks[others:]]]
    found, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    assert list(ingest.chunks_of(room.service.vault, found)) == data
    assert room.complete(upload.id, "sales", data).state == "complete"


def test_of_two_streams_one_counts_after_the_other(room):
    """Else the second's run, which is shorter, takes the place of the first's before that counts."""
    upload, chunks = room.begin("sales"), _chunks(room, 3)
    kept, counted = threading.Event(), threading.Event()
    second = threading.Thread(target=lambda: _put(slow, upload, chunks[:1]))

    class Slow:
        def __getattr__(self, name):
            return getattr(room.service.vault, name)

        def begin_run(self, name):
            run = room.service.vault.begin_run(name)
            return SimpleNamespace(
                add=run.add, close=run.close, keep=lambda n: self.keep(run.keep, n)
            )

        def keep(self, keep, name):
            keep(name)
            if threading.current_thread() is second:
                kept.set()
                counted.wait(10)
            else:
                second.start()
                kept.wait(0.5)  # in vain: it is not the second's turn

    slow = replace(room, service=replace(room.service, vault=Slow()))
    assert _put(slow, upload, chunks).chunks == 3
    counted.set()
    second.join()
    assert _kept(room, upload) == 3


def test_streams_of_many_threads_bring_each_chunk_once(room, monkeypatch):
    monkeypatch.setattr(intake, "_RUN_CHUNKS", 3)
    upload, chunks = room.begin("sales"), _chunks(room, 4)
    chunks = [replace(chunks[i % 4], index=i) for i in range(24)]

    def bring(_):
        while (at := _kept(room, upload)) < len(chunks):
            with suppress(UploadConflict):  # another thread came first
                _put(room, upload, chunks[at : at + 7])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bring, range(4)))
    found, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    assert (found.chunks, found.rows) == (24, 240)
    assert list(ingest.chunks_of(room.service.vault, found)) == [c.data for c in chunks]
    assert room.service.vault.sweep() == 0


def test_a_stream_whose_upload_is_ended_meanwhile_leaves_nothing(room):
    late, chunks = room.begin("sales"), _chunks(room, 2)

    def overtaken():
        yield chunks[0]
        room.upload("sales", PEOPLE[:10])
        yield chunks[1]

    assert _put(room, late, overtaken()).state == "abandoned"
    assert _names(room, late) == []


def test_a_run_left_uncounted_by_a_crash_gives_its_name_to_the_next(room):
    upload, chunks = room.begin("sales"), _chunks(room, 3)
    points = Failpoints()
    crashing = replace(room, service=points.on(room.service))
    points.deadly = 2  # behind the run's keeping, before the transaction
    with pytest.raises(Crash):
        _put(crashing, upload, chunks[:2])
    assert (_names(room, upload), _kept(room, upload)) == (["data.key", "rows-000000"], 0)
    assert _put(room, upload, chunks[:1]).chunks == 1
    assert _put(room, upload, chunks[1:]).chunks == _kept(room, upload) == 3


def test_completing_takes_the_digests_that_were_checked_when_the_chunks_came(room, monkeypatch):
    upload, chunks = room.begin("sales"), _chunks(room, 3)
    _put(room, upload, chunks)
    found, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    kept = list(kept_chunks(room.service.vault, found))
    assert kept == [(c.sha256, c.data) for c in chunks]
    with pytest.raises(UploadConflict, match="not the chunks declared"):
        room.complete(upload.id, "sales", [chunks[i].data for i in (1, 0, 2)])
    assert room.complete(upload.id, "sales", [c.data for c in chunks]).state == "complete"


def test_a_run_that_lacks_a_counted_chunk_is_damage(room):
    upload, chunks = room.begin("sales"), _chunks(room, 3)
    _put(room, upload, chunks)
    found, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    path = room.service.vault._uploads / upload.id / "rows-000000"
    whole = path.read_bytes()
    for items in (0, 1, 2):
        path.write_bytes(whole[: len(whole) // 3 * items])
        with pytest.raises((KeyError, VaultDamaged), match=r"rows-00000|chunk 0"):
            list(ingest.chunks_of(room.service.vault, found))


def _put(room, upload, chunks):
    return intake.put_chunks(room.service, room.owner("sales"), upload=upload.id, chunks=chunks)


def test_turns_are_taken_by_name_and_forgotten_afterwards():
    turns, order = Turns(), []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with turns.alone("a"):
            inside.set()
            leave.wait(10)
            order.append("first")

    def second():
        with turns.alone("a"):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    with turns.alone("b"):
        order.append("another name")
    leave.set()
    for thread in threads:
        thread.join()
    assert order == ["another name", "first", "second"]
    assert turns._locks == {}  # names come from callers and must not pile up

"""Uploads under haste and excess: sealing at once, too many uploads, too many chunks."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import pytest

from cleanroom.model.errors import FieldInvalid, UploadConflict
from cleanroom.usecases import ingest
from cleanroom.usecases.turns import Turns
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
    monkeypatch.setattr(ingest, "MAX_CHUNKS", 1)
    upload, chunk = room.begin("sales"), ipc(room.rows("sales", PEOPLE))
    room.put(upload.id, "sales", 0, chunk)
    with pytest.raises(FieldInvalid, match="at most 1 chunks"):
        room.put(upload.id, "sales", 1, chunk)


def test_of_chunks_that_come_together_those_before_a_bad_one_are_kept(room):
    upload = room.begin("sales", "upload-0001")
    data = [ipc(room.rows("sales", PEOPLE[i : i + 10])) for i in (0, 10, 20)]
    chunks = [
        ingest.Chunk(index=i, data=d, sha256=hashlib.sha256(d).digest()) for i, d in enumerate(data)
    ]
    bad = replace(chunks[2], data=b"something else")
    with pytest.raises(FieldInvalid, match="SHA-256"):
        _put(room, upload, [*chunks[:2], bad])
    kept, _ = ingest.get_upload(room.service, room.owner("sales"), upload.id)
    assert (kept.chunks, kept.rows) == (2, 20)
    assert _put(room, upload, chunks).rows == 30  # the first two are taken as kept
    with pytest.raises(UploadConflict, match="number 3"):
        _put(room, upload, [replace(chunks[2], index=4)])
    assert room.complete(upload.id, "sales", data).chunks == 3


@pytest.mark.parametrize("second", [b"no rows at all", b"x" * (ingest.MAX_CHUNK_BYTES + 1)])
def test_of_a_chunk_that_comes_twice_in_a_group_what_was_checked_is_kept(room, second):
    """What comes later under its number was not looked at, and must not take its place."""
    upload = room.begin("sales", "upload-0001")
    data = ipc(room.rows("sales", PEOPLE))
    first = ingest.Chunk(index=0, data=data, sha256=hashlib.sha256(data).digest())
    with pytest.raises(UploadConflict, match="number 1"):
        _put(room, upload, [first, replace(first, data=second)])
    assert room.service.vault.get_blob(upload.id, "rows-000000") == data
    assert room.complete(upload.id, "sales", [data]).rows == len(PEOPLE)


def _put(room, upload, chunks):
    return ingest.put_chunks(room.service, room.owner("sales"), upload=upload.id, chunks=chunks)


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

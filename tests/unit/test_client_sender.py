"""The stages of an upload side by side: bounded, ended together, resumed where they stopped."""

from __future__ import annotations

import threading

import pytest

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client import BadInput, chunks, sender
from cleanroom_client import upload as upload_module
from cleanroom_client.blinding import WorkerDied
from cleanroom_client.errors import ServiceUnreachable
from cleanroom_client.tables import TableReader
from cleanroom_client.tokens import PsiTokens
from support.fake_partner import connect, exposures, join, write_csv
from support.fake_service import fake_service, slow, unavailable

ROWS, SEGMENT = 3, 2


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(upload_module, "rows_per_chunk", lambda schema: ROWS)
    monkeypatch.setattr(sender, "SEGMENT_CHUNKS", SEGMENT)
    monkeypatch.setattr(sender, "STREAM_SEGMENTS", 1)
    with fake_service() as running:
        join(running, tmp_path)
        yield running


@pytest.fixture
def blinded(monkeypatch):
    """Count the identities of each call that blinds."""
    counts, make = [], PsiTokens.make

    def counting(self, identities, key_type, done):
        counts.append(len(identities) // 32)
        return make(self, identities, key_type, done)

    monkeypatch.setattr(PsiTokens, "make", counting)
    return counts


@pytest.fixture
def read(monkeypatch):
    """Count the rows of each batch that is read."""
    counts, batches = [], TableReader.__iter__

    def counting(self):
        for batch in batches(self):
            counts.append(batch.table.num_rows)
            yield batch

    monkeypatch.setattr(TableReader, "__iter__", counting)
    return counts


def test_progress_is_told_in_the_callers_thread_and_reaches_every_row(room, tmp_path):
    told = []

    def progress(stage, done, total=None):
        told.append((stage, done, threading.get_ident()))

    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(60), progress=progress)
    assert {ident for *_, ident in told} == {threading.get_ident()}
    stages = {stage: [d for s, d, _ in told if s == stage] for stage, *_ in told}
    assert stages["rows read"][-1] == stages["keys blinded"][-1] == 60
    assert stages["rows uploaded"][-1] == room.uploads["u-0"].rows
    assert all(counts == sorted(set(counts)) for counts in stages.values())


def test_a_slow_service_holds_back_the_reader(room, tmp_path, read, blinded):
    held = threading.Event()

    def hold(context):
        held.wait(0.5)
        # The first look at the table, a segment being sent, and one waiting behind each stage
        # while the next is in the making.
        assert len(read) <= 1 + SEGMENT * 5
        assert sum(blinded) <= ROWS * SEGMENT * 3

    room.faults["UploadChunks"] = [hold]
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(300))
    assert len(room.received) == 100


def test_the_next_segment_is_blinded_while_one_is_sent(room, tmp_path, monkeypatch):
    second, make = threading.Event(), PsiTokens.make
    calls = []

    def telling(self, identities, key_type, done):
        calls.append(key_type)
        if calls.count(key_type) > 1:
            second.set()
        return make(self, identities, key_type, done)

    monkeypatch.setattr(PsiTokens, "make", telling)
    overlapped = []
    room.faults["UploadChunks"] = [lambda context: overlapped.append(second.wait(10))]
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(12))
    assert overlapped == [True]


@pytest.mark.parametrize(("quick_s", "most"), [(60, 3 * SEGMENT), (0, SEGMENT)])
def test_segments_that_wait_go_in_one_stream_where_streams_are_quick(
    room, tmp_path, monkeypatch, quick_s, most
):
    monkeypatch.setattr(sender, "STREAM_SEGMENTS", 3)
    monkeypatch.setattr(sender, "_QUICK_S", quick_s)
    sent, add = [], chunks.Journal.add

    def counting(self, made):
        sent.append(len(made))
        return add(self, made)

    monkeypatch.setattr(chunks.Journal, "add", counting)
    room.faults["UploadChunks"] = [slow(0.3)]
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(90))
    assert room.received == list(range(30))
    assert max(sent) == most
    assert room.count("UploadChunks") == len(sent)


def test_an_interrupt_ends_every_stage_and_a_repeat_goes_on(room, tmp_path, blinded):
    path = write_csv(tmp_path / "crm.csv", 60)

    def interrupt(stage, done, total=None):
        if stage == "rows uploaded":
            raise KeyboardInterrupt

    with connect(room, tmp_path) as partner:
        before = threading.active_count()
        with pytest.raises(KeyboardInterrupt):
            partner.upload("exposures", path, progress=interrupt)
        assert threading.active_count() <= before
        assert room.received == [0, 1]
        blinded.clear()
        partner.upload("exposures", path)
    assert room.received == list(range(20))
    assert sum(blinded) == 60 - ROWS * SEGMENT


def test_a_cut_within_a_segment_costs_the_chunks_the_service_lacks(room, tmp_path, blinded):
    path = write_csv(tmp_path / "crm.csv", 12)
    room.cut_after_chunks = 1
    room.faults["GetUpload"] = [unavailable] * 100
    with connect(room, tmp_path) as partner, pytest.raises(ServiceUnreachable):
        partner.upload("exposures", path)
    assert room.received == [0]
    room.faults.clear()
    blinded.clear()
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", path)
    assert room.received == [0, 1, 2, 3]
    assert sum(blinded) == 12 - ROWS


def test_a_fault_in_the_table_comes_after_the_rows_before_it(room, tmp_path):
    path = write_csv(tmp_path / "crm.csv", 30)
    path.write_text(path.read_text() + "short\n")
    before = threading.active_count()
    with connect(room, tmp_path) as partner, pytest.raises(BadInput, match="line 32: expected 6"):
        partner.upload("exposures", path)
    assert room.received == list(range(10))
    assert threading.active_count() <= before


def test_a_fault_of_the_workers_is_the_callers(room, tmp_path, monkeypatch):
    def died(self, *args):
        raise WorkerDied

    monkeypatch.setattr(PsiTokens, "make", died)
    with connect(room, tmp_path) as partner, pytest.raises(WorkerDied):
        partner.upload("exposures", exposures(12))
    assert room.received == []


def _chunk(index):
    return chunks.Chunk(index=index, rows=1, data=b"", sha256=bytes([index]) * 32)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2**20])
@pytest.mark.parametrize("index", [0, 7, 99_999])
def test_a_chunk_is_sent_as_protobuf_would_send_it(size, index):
    made = chunks.Chunk(index=index, rows=1, data=b"d" * size, sha256=b"h" * 32)
    request = pb.UploadChunksRequest(upload="u-1", index=index, data=b"d" * size, sha256=b"h" * 32)
    assert pb.UploadChunksRequest.FromString(made.request("u-1")) == request


def test_the_journal_is_appended_to_and_rewritten_from_a_chunk_made_again(tmp_path):
    path = tmp_path / "x.chunks"
    journal = chunks.Journal(path)
    journal.add([_chunk(0), _chunk(1)])
    journal.add([_chunk(2)])
    assert chunks.Journal(path).known == 3
    path.write_bytes(path.read_bytes() + b"half")
    journal = chunks.Journal(path)
    journal.add([_chunk(3)])
    assert path.read_bytes() == b"".join(_chunk(i).sha256 for i in range(4))
    path.with_suffix(".new").write_bytes(b"left by a crash" * 50)
    journal.add([_chunk(2), _chunk(3)])
    assert path.read_bytes() == b"".join(_chunk(i).sha256 for i in range(4))
    journal.add([_chunk(1)])
    assert path.read_bytes() == b"".join(_chunk(i).sha256 for i in range(2))
    assert chunks.Journal(path).total(2) == journal.total(2)

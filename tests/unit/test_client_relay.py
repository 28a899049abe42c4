"""The agent: evaluating elements over real TLS, and sharing the key of the `hmac` scheme."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cleanroom.v1 import relay_pb2
from cleanroom_client import KeyNotReady, RelayBroken, WaitedTooLong, agent
from cleanroom_client.blinding import BlindingKey, blind, blind_identities, hmac_tokens
from cleanroom_client.blinding.certificates import NotBelieved
from cleanroom_client.identifiers import KeyType, identity
from cleanroom_client.keystore import Keystore
from cleanroom_client.transport import Patience
from support.fake_answers import terms_of
from support.fake_partner import connect, exposures, join
from support.fake_service import fake_service, slow, unavailable

OTHER = BlindingKey(b"\7" * 32)
CHUNK = 4


@pytest.fixture
def room(tmp_path):
    with fake_service() as running:
        join(running, tmp_path)
        yield running


def give_task(room, count, task="t-1"):
    """Queue elements blinded by another party; return them."""
    identities = [identity(KeyType.EMAIL, f"x{i}@example.com", None) for i in range(count)]
    points = blind_identities(identities, collaboration="spring", key_type=KeyType.EMAIL, key=OTHER)
    packed = [b"".join(points[i : i + CHUNK]) for i in range(0, count, CHUNK)]
    room.elements[task] = packed
    room.tasks[task] = relay_pb2.RelayTask(
        id=task, collaboration="spring", key_type="email", size=count, chunk_elements=CHUNK
    )
    return points


def returned(room, task="t-1"):
    packed = b"".join(room.returned[task][i] for i in sorted(room.returned[task]))
    return [packed[i : i + 32] for i in range(0, len(packed), 32)]


def secrets_of(tmp_path, who="acme-brand"):
    return Keystore.open(tmp_path / f"{who}.keystore.json", passphrase=None).secrets("spring")


def test_elements_are_raised_to_this_partys_secret_in_order(room, tmp_path):
    points = give_task(room, 10)
    with connect(room, tmp_path) as partner:
        assert partner.blind() == 10
    assert returned(room) == blind(points, secrets_of(tmp_path).blinding)
    assert not room.tasks


def test_many_tasks_of_many_segments_are_done(room, tmp_path, monkeypatch):
    monkeypatch.setattr(agent, "SEGMENT_CHUNKS", 2)
    points = {task: give_task(room, size, task) for task, size in (("t-1", 21), ("t-2", 1))}
    with connect(room, tmp_path) as partner:
        assert partner.blind() == 22
    key = secrets_of(tmp_path).blinding
    assert all(returned(room, task) == blind(points[task], key) for task in points)


def test_a_cut_return_goes_on_from_the_last_chunk_that_arrived(room, tmp_path):
    points = give_task(room, 10)
    room.faults["cut return"] = ["once"]
    with connect(room, tmp_path) as partner:
        assert partner.blind() == 10  # nothing is evaluated twice
    assert returned(room) == blind(points, secrets_of(tmp_path).blinding)


def test_a_cut_stream_of_elements_is_read_again(room, tmp_path):
    points = give_task(room, 10)
    room.faults["StreamElements"] = [unavailable]
    with connect(room, tmp_path) as partner:
        partner.blind()
    assert returned(room) == blind(points, secrets_of(tmp_path).blinding)


def test_idle_means_that_nothing_is_pending_anywhere(room, tmp_path):
    room.pending = 1
    seen = []

    def progress(stage, done, total=None):
        seen.append(stage)
        room.pending = 0

    with connect(room, tmp_path) as partner:
        assert partner.blind(progress=progress) == 0
    assert seen == ["waiting for 1 relay passes"]


def test_waiting_ends(room, tmp_path):
    room.pending = 1
    with connect(room, tmp_path) as partner, pytest.raises(WaitedTooLong, match="1 relay passes"):
        partner.blind(max_wait_s=0.2)


def test_a_service_that_takes_long_over_a_batch_is_waited_for(room, tmp_path):
    points = give_task(room, 10)
    room.faults["StreamElements"] = [slow(2.0)]
    with connect(room, tmp_path, patience=Patience(timeout_s=1.0)) as partner:
        assert partner.blind() == 10
    assert returned(room) == blind(points, secrets_of(tmp_path).blinding)
    give_task(room, 10, task="t-2")
    room.faults["StreamElements"] = [slow(2.0)]
    with (
        connect(room, tmp_path, patience=Patience(timeout_s=1.0)) as partner,
        pytest.raises(WaitedTooLong, match="1 s"),
    ):
        partner.blind(max_wait_s=0.1)


@pytest.mark.parametrize("bad", [b"\0" * 32, b"\xff" * 32])
def test_a_point_that_must_not_be_blinded_is_refused(room, tmp_path, bad):
    give_task(room, 3)
    room.elements["t-1"] = [room.elements["t-1"][0][:64] + bad]
    with connect(room, tmp_path) as partner, pytest.raises(RelayBroken, match="must not be"):
        partner.blind()
    assert not room.returned


def test_elements_that_do_not_fit_the_task_are_refused(room, tmp_path):
    give_task(room, 10)
    room.elements["t-1"][1] = room.elements["t-1"][1][:-32]
    with connect(room, tmp_path) as partner, pytest.raises(RelayBroken, match="chunk 1"):
        partner.blind()
    del room.elements["t-1"][1:]
    with connect(room, tmp_path) as partner, pytest.raises(RelayBroken, match="in order"):
        partner.blind()


@pytest.mark.parametrize(
    "sizes",
    [
        {"size": 0},
        {"size": -1},
        {"chunk_elements": 0},
        {"chunk_elements": -4},
        {"next_chunk": -1},
        {"next_chunk": 3},  # all are there: nothing is left to do
        {"next_chunk": 2**62},
    ],
)
def test_a_task_whose_sizes_cannot_be_is_refused(room, tmp_path, sizes):
    give_task(room, 10)
    for field, value in sizes.items():
        setattr(room.tasks["t-1"], field, value)
    with connect(room, tmp_path) as partner, pytest.raises(RelayBroken, match="sizes"):
        partner.blind()
    assert not room.returned


def use_hmac(room):
    room.terms = terms_of("hmac")
    room.document = (
        b"matching: {scheme: hmac}\n"
        b"datasets: {exposures: {owner: acme-brand}, sales: {owner: megamart}}\n"
    )


def test_the_holder_shares_the_key_and_both_make_the_same_tokens(room, tmp_path):
    use_hmac(room)
    for who in ("acme-brand", "megamart"):
        with connect(room, tmp_path, who=who) as partner:
            partner.accept()
    with connect(room, tmp_path) as holder:
        holder.blind()
        holder.upload("exposures", exposures(3))
    with connect(room, tmp_path, who="megamart") as partner:
        partner.blind()
    mine, theirs = (secrets_of(tmp_path, who).shared for who in ("acme-brand", "megamart"))
    email = identity(KeyType.EMAIL, "person0@example.com", None)
    expected = hmac_tokens(email, theirs, KeyType.EMAIL, "spring")
    assert hmac_tokens(email, mine, KeyType.EMAIL, "spring") == expected
    sent = pa.ipc.open_stream(room.chunks["u-0"][0]).read_all()
    assert sent["tok_email"].to_pylist()[0] == expected
    assert theirs.reveal_to_keystore() not in room.envelopes["megamart"][1]


def test_the_key_is_awaited_by_those_who_do_not_hold_it(room, tmp_path):
    use_hmac(room)
    with connect(room, tmp_path, who="megamart") as partner:
        partner.accept()
        with pytest.raises(WaitedTooLong, match="acme-brand has not shared"):
            partner.blind(max_wait_s=0.1)
        with pytest.raises(KeyNotReady, match="ask acme-brand to run 'blind'"):
            _upload_sales(partner)


def _upload_sales(partner):
    table = exposures(3).drop(columns=["city", "arm"])
    table = table.assign(amount="1.00", category="other", occurred_at="2026-03-01")
    return partner.upload("sales", table)


def test_an_announcement_of_somebody_else_gets_no_key(room, tmp_path):
    use_hmac(room)
    for who in ("acme-brand", "megamart"):
        with connect(room, tmp_path, who=who) as partner:
            partner.accept()
    room.acceptances["megamart"] = room.acceptances["acme-brand"]
    with connect(room, tmp_path) as holder, pytest.raises(NotBelieved, match="megamart"):
        holder.blind()
    assert not room.envelopes

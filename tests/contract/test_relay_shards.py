"""Elements in shards: the same tokens, and sizes that say nothing."""

from __future__ import annotations

import pytest

from cleanroom.model.errors import RelayMisbehaved
from cleanroom.policy.parse import parse_policy
from cleanroom.storage.fsck import fsck
from cleanroom.usecases import collaborate, elements, ingest, origins, passes, pieces, relay, spread
from support.policies import edited
from support.rooms import OFFICER, Room, ipc, party
from support.shards import batches, everything_sent, tasks_of

POLICY = edited(("2026-03-01", "2026-01-01"), name="spring-campaign")
PEOPLE = [{"email": f"e{i}", "phone": f"p{i // 2}", "amount": 100 + i} for i in range(120)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(spread, "MIN_BUCKET", 256)
    monkeypatch.setattr(spread, "SHARD_ELEMENTS", 64)  # so four shards
    monkeypatch.setattr(elements, "MIN_PICKS", 16)


@pytest.fixture
def unmasked(monkeypatch):
    """Let elements that are sent again be recognised, as between two parties."""
    monkeypatch.setattr(passes.Pass, "_mask", lambda _: None)


@pytest.fixture
def room(tmp_path):
    return Room.open(tmp_path, POLICY, in_memory=True)


def _sealed_in_one_piece(folder, secrets):
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spread, "SHARD_ELEMENTS", 1 << 20)
        whole = Room.open(folder, POLICY, in_memory=True)
        whole.secrets = secrets
        upload = whole.upload("sales", PEOPLE)
        assert {t.shards for t in tasks_of(whole, upload)} == {1}
        whole.blind_all()
        return whole.seal("sales").content_digest


def test_shards_give_the_same_version_as_one_piece(room, tmp_path):
    upload = room.upload("sales", PEOPLE, per_chunk=30)
    assert {(t.shard, t.shards) for t in tasks_of(room, upload)} == {(i, 4) for i in range(4)}
    room.blind_all()
    digest = room.seal("sales").content_digest
    assert digest == _sealed_in_one_piece(tmp_path / "whole", room.secrets)


def _sealed_twice(room, patch, piece):
    """Seal, then seal with more people; return the digests and what the last one remembers."""
    patch.setattr(pieces, "PIECE_POINTS", piece)
    patch.setattr(relay, "CHUNK_ELEMENTS", 32)
    first = room.fill(sales=PEOPLE[:100])["sales"]
    upload = room.upload("sales", PEOPLE)
    sizes = {t.size for t in tasks_of(room, upload) if t.key_type == "email"}
    assert sizes == {256}  # only what is new
    room.blind_all()
    last = room.seal("sales")
    kept = room.service.vault.version_blobs(last.id)
    return [first.content_digest, last.content_digest], [n for n in kept if "email" in n]


def test_lists_in_many_pieces_give_the_same_versions(room, tmp_path, monkeypatch):
    monkeypatch.setattr(spread, "SHARD_ELEMENTS", 1 << 20)
    digests, kept = _sealed_twice(room, monkeypatch, 64)
    # 100 of the version before in two pieces, 20 new ones in another
    assert kept == [f"{kind}-email-0-{n}" for kind in ("elements", "tokens") for n in range(3)]
    (tmp_path / "whole").mkdir()
    whole = Room.open(tmp_path / "whole", POLICY, in_memory=True)
    whole.secrets = room.secrets
    again, kept = _sealed_twice(whole, monkeypatch, 1 << 18)
    assert again == digests
    assert kept == [f"{kind}-email-0-{n}" for kind in ("elements", "tokens") for n in range(2)]


def test_what_waits_to_be_divided_is_bounded_however_many_parts_there_are(room, monkeypatch):
    monkeypatch.setattr(origins, "_HELD_ELEMENTS", 16)
    held = []
    add = origins._Spill.add

    def watched(self, points):
        add(self, points)
        held.append(sum(map(len, (p for parts in self.held.values() for p in parts))))

    monkeypatch.setattr(origins._Spill, "add", watched)
    room.upload("sales", PEOPLE, per_chunk=30)
    assert max(held) <= 16
    room.blind_all()
    assert room.seal("sales").persons == 60


def test_each_element_is_in_one_shard_and_every_shard_looks_alike(room):
    upload = room.upload("sales", PEOPLE)
    of_email = [t for t in tasks_of(room, upload) if t.key_type == "email"]
    sent = batches(room, of_email)
    assert len({len(points) for points in sent}) == 1
    for i, points in enumerate(sent):
        assert len(set(points)) == len(points)
        for other in sent[i + 1 :]:
            assert not set(points) & set(other)
    everything = set().union(*map(set, sent))
    assert len(everything) > 300  # 120 of them real


def test_a_party_that_uses_another_key_for_another_shard_is_named(room):
    room.upload("sales", PEOPLE)
    ready, _ = relay.tasks(room.service, party("acme-brand"))
    for task, name in zip(ready[:2], ("acme-brand", "another-key"), strict=True):
        ((_, packed),) = relay.stream(room.service, party("acme-brand"), task.id, 0)
        answer = room.evaluated(name, packed)
        if name == "acme-brand":
            _take(room, task, answer)
        else:
            with pytest.raises(RelayMisbehaved, match="acme-brand"):
                _take(room, task, answer)


def _take(room, task, answer, index=0):
    return relay.take(room.service, party("acme-brand"), task=task.id, index=index, elements=answer)


def test_padding_goes_the_whole_way_so_that_two_parties_together_cannot_take_it_away(
    tmp_path, monkeypatch
):
    """Fresh padding at each party would be what the first was sent and the second was not."""
    monkeypatch.setattr(spread, "SHARD_ELEMENTS", 1 << 20)
    room = Room.open(
        tmp_path, edited(("until: 2035-12-31", "until: 2035-12-30"), name="demo"), in_memory=True
    )
    upload = room.upload("sales", [{"email": f"e{i}"} for i in range(50)])
    of_email = [t for t in tasks_of(room, upload) if t.key_type == "email"]
    first, second = sorted(of_email, key=lambda t: t.position)
    (sent,) = batches(room, [first])
    room.blind(first.party)
    (later,) = batches(room, [second])
    raised = room.evaluated(first.party, b"".join(sorted(set(sent))))
    both = {raised[i : i + 32] for i in range(0, len(raised), 32)} & set(later)
    assert len(both) == elements.room(len(sent))  # all but what was planted for the first


def test_what_chance_cannot_do_is_refused_and_another_key_mends_it(room, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(spread.Spread, "places", lambda self, points: points[:, 0] * 0)
        upload = room.upload("sales", PEOPLE + _more(300))
    task = tasks_of(room, upload)[0]
    with pytest.raises(spread.ShardTooSmall):
        list(relay.stream(room.service, party(task.party), task.id, 0))
    again = room.upload("sales", PEOPLE)
    room.blind_all()
    assert room.seal("sales").upload == again.id


def _more(n):
    return [{"email": f"more{i}", "phone": None, "amount": 1} for i in range(n)]


# --- only what is new


@pytest.mark.usefixtures("unmasked")
def test_only_new_elements_are_relayed_and_the_version_is_the_same(room, tmp_path):
    room.upload("sales", PEOPLE[:110])
    before = everything_sent(room)
    room.seal("sales")
    upload = room.upload("sales", PEOPLE)
    sent = everything_sent(room)
    # Nothing is sent again, neither an element nor padding nor what is planted.
    assert not before["acme-brand"] & sent["acme-brand"]
    assert room.seal("sales").content_digest == _sealed_in_one_piece(
        tmp_path / "whole", room.secrets
    )
    assert {t.shards for t in tasks_of(room, upload)} == {4}


def test_none_a_few_and_many_new_elements_look_alike(room, monkeypatch):
    monkeypatch.setattr(spread, "SHARD_ELEMENTS", 1 << 20)
    monkeypatch.setattr(spread, "MIN_BUCKET", 256)
    shapes = []
    for rows in (PEOPLE[:80], PEOPLE[:80], PEOPLE[:83], PEOPLE):
        upload = room.upload("sales", rows)
        tasks = tasks_of(room, upload)
        repeats = [len(points) - len(set(points)) for points in batches(room, tasks)]
        shapes.append(
            [(t.key_type, t.shards, t.size, r) for t, r in zip(tasks, repeats, strict=True)]
        )
        room.blind_all()
        room.seal("sales")
    assert shapes[0] == shapes[1] == shapes[2] == shapes[3]
    assert {repeats for *_, repeats in shapes[0]} == {0}


@pytest.mark.usefixtures("unmasked")
def test_a_finer_or_coarser_division_finds_what_is_known(room, monkeypatch):
    digests, before = [], set()
    for shard in (32, 1 << 20, 64):
        monkeypatch.setattr(spread, "SHARD_ELEMENTS", shard)
        room.upload("sales", PEOPLE)
        sent = everything_sent(room)["acme-brand"]
        digests.append(room.seal("sales").content_digest)
        assert not sent & before
        before = sent
    assert len(set(digests)) == 1


@pytest.mark.usefixtures("unmasked")
def test_an_erased_version_remembers_nothing(room):
    room.upload("sales", PEOPLE)
    before = everything_sent(room)["acme-brand"]
    version = room.seal("sales")
    vault = room.service.vault
    assert any(name.startswith("tokens-email") for name in vault.version_blobs(version.id))
    ingest.erase(room.service, room.owner("sales"), version.id)
    assert vault.version_blobs(version.id) == ()
    with pytest.raises(KeyError):
        vault.get_version_blob(version.id, "spread")
    room.upload("sales", PEOPLE)
    again = everything_sent(room)["acme-brand"] & before
    assert len(again) == 120 + 60
    assert room.seal("sales").persons == 60


@pytest.mark.usefixtures("unmasked")
def test_what_an_upload_left_out_is_forgotten(room):
    room.upload("sales", PEOPLE)
    before = everything_sent(room)["acme-brand"]
    room.seal("sales")
    room.upload("sales", PEOPLE[:80])
    everything_sent(room)
    room.seal("sales")
    room.upload("sales", PEOPLE)
    again = everything_sent(room)["acme-brand"] & before
    assert len(again) == 40 + 20


def test_a_secret_changed_between_uploads_is_found_though_nothing_is_new(room):
    room.fill(sales=PEOPLE)
    room.secrets["acme-brand"] = room.secret("new-key")
    room.upload("sales", PEOPLE)
    with pytest.raises(RelayMisbehaved, match="acme-brand"):
        room.blind_all()
    with pytest.raises(RelayMisbehaved):
        room.seal("sales")


@pytest.mark.usefixtures("unmasked")
def test_another_policy_relays_everything_again(room):
    room.upload("sales", PEOPLE)
    before = everything_sent(room)["acme-brand"]
    room.seal("sales")
    changed = POLICY.replace("epsilon: 4", "epsilon: 5")
    collaborate.propose(room.service, OFFICER, changed.encode())
    room.policy = parse_policy(changed.encode())
    for member in room.policy.parties:
        room.accept(member.name)
    room.upload("sales", PEOPLE)
    assert len(everything_sent(room)["acme-brand"] & before) == 180


def test_people_without_consent_are_neither_relayed_nor_remembered(room):
    without = [r | {"purposes": 0} if i >= 100 else r for i, r in enumerate(PEOPLE)]
    refused = set(room.rows("sales", without[100:])["tok_email"].to_pylist())
    room.upload("sales", without)
    assert not refused & everything_sent(room)["acme-brand"]
    version = room.seal("sales")
    vault = room.service.vault
    kept = b"".join(vault.get_version_blob(version.id, n) for n in vault.version_blobs(version.id))
    assert not any(element in kept for element in refused)
    room.upload("sales", PEOPLE)
    assert refused <= everything_sent(room)["acme-brand"]
    assert room.seal("sales").persons == 60


def test_a_key_column_that_was_left_out_is_a_key_type_that_nobody_has(room):
    rows = [{"email": f"e{i}", "amount": 1} for i in range(20)]
    chunk = ipc(room.rows("sales", rows).drop_columns(["tok_phone"]))
    upload = room.begin("sales")
    room.put(upload.id, "sales", 0, chunk)
    room.complete(upload.id, "sales", [chunk])
    assert {t.key_type for t in tasks_of(room, upload)} == set(room.policy.matching.keys)
    room.blind_all()
    assert room.seal("sales").persons == 20


def test_fsck_reads_what_a_version_remembers(tmp_path):
    room = Room.open(tmp_path, POLICY)
    version = room.fill(sales=PEOPLE)["sales"]
    assert [p for p in fsck(room.service.store, room.service.vault) if not p.is_note] == []
    (file,) = room.service.vault._versions.glob(f"{version.id}/tokens-email-0-0")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    (problem,) = fsck(room.service.store, room.service.vault)
    assert "blob tokens-email-0-0" in str(problem)

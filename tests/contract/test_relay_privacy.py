"""What the relay shows its parties, and what two agents of one party may break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleanroom.model.errors import FieldInvalid, NotPermitted, RelayPending, UploadConflict
from cleanroom.ports.records import TaskState
from cleanroom.usecases import collaborate, intake, passes, pieces, relay
from cleanroom.usecases.elements import BASE_POINTS
from cleanroom.usecases.passes import Pass
from support import signing
from support.policies import edited
from support.rooms import OFFICER, Room, SystemEntropy, party

PSI = edited(("until: 2035-12-31", "until: 2035-12-30"), name="demo")
OWNERS = ("acme-brand", "megamart", "fiscal-data")
LISTS = {"exposures": "acme-brand", "sales": "megamart", "panel": "fiscal-data"}


def _people(dataset, first, n=60):
    more = {"exposures": {"city": 0, "segment": 0, "arm": 1}, "sales": {}, "panel": {"income": 0}}
    return [{"email": f"e{i}"} | more[dataset] for i in range(first, first + n)]


@pytest.fixture
def room(tmp_path):
    return Room.open(tmp_path, PSI)


def _watch(room, seen):
    """Answer every ready task honestly and keep each party's elements by uploader."""
    worked = False
    for name in OWNERS:
        ready, _ = relay.tasks(room.service, party(name))
        for task in ready:
            worked = True
            upload = room.service.store.read(lambda tx, t=task: tx.uploads.get(t.upload))
            kept = seen.setdefault(name, {}).setdefault(upload.owner, set())
            for index, packed in relay.stream(room.service, party(name), task.id, 0):
                kept |= {packed[i : i + 32] for i in range(0, len(packed), 32)}
                answer = room.evaluated(name, packed)
                relay.take(room.service, party(name), task=task.id, index=index, elements=answer)
    return worked


def test_no_party_can_find_the_matches_of_two_others_among_the_elements_it_evaluates(room):
    """Secrets commute: two lists that went through the same parties show their intersection."""
    seen = {}
    for position, dataset in enumerate(LISTS):
        room.upload(dataset, _people(dataset, 20 * position))
        while _watch(room, seen):  # one upload at a time
            pass
    for by_owner in seen.values():
        first, second = by_owner.values()
        assert not first & second


def _seen_of(room, dataset, people):
    """Upload and return the elements that each party was sent, by name."""
    seen = {}
    room.upload(dataset, people)
    while _watch(room, seen):
        pass
    return {name: kept[LISTS[dataset]] for name, kept in seen.items()}


def _raised(room, name, elements):
    return {room.evaluated(name, element) for element in elements}


def test_two_of_three_parties_that_collude_cannot_test_a_guess_against_the_third(room):
    """Without a mask, what fiscal-data is sent of megamart's list, raised to acme-brand's secret,
    holds what it is sent of acme-brand's own list wherever both lists have a key.
    """
    theirs = _seen_of(room, "sales", _people("sales", 40))
    guess = _seen_of(room, "exposures", _people("exposures", 50, 1))
    for elements in theirs.values():
        for name in ("acme-brand", "fiscal-data"):
            assert not _raised(room, name, elements) & guess["fiscal-data"]
            assert not elements & guess["fiscal-data"]


def test_without_the_mask_they_could(room, monkeypatch):
    """Shows that the test before this one can fail."""
    monkeypatch.setattr(passes.Pass, "_mask", lambda _: None)
    theirs = _seen_of(room, "sales", _people("sales", 40))
    there = _seen_of(room, "exposures", _people("exposures", 50, 1))["fiscal-data"]
    absent = _seen_of(room, "exposures", _people("exposures", 5, 1))["fiscal-data"]
    raised = _raised(room, "acme-brand", theirs["fiscal-data"])
    assert raised & there
    assert not raised & absent


def test_a_list_whose_mask_is_gone_is_not_sent_bare(room, monkeypatch):
    monkeypatch.setattr(relay, "keep_masks", lambda *_: None)
    room.upload("sales", _people("sales", 0))
    (task, *_) = relay.tasks(room.service, party("fiscal-data"))[0]
    with pytest.raises(UploadConflict):
        next(relay.stream(room.service, party("fiscal-data"), task.id, 0))


def test_two_lists_of_one_uploader_are_two_lists_of_strangers_to_its_relays(room):
    first, second = (_seen_of(room, "sales", _people("sales", 0)) for _ in range(2))
    for name, elements in first.items():
        assert len(elements) == len(second[name])
        assert not elements & second[name]


def test_every_owner_but_the_uploader_evaluates_each_list_once(room):
    for dataset, owner in LISTS.items():
        upload = room.upload(dataset, _people(dataset, 0))
        tasks = room.service.store.read(lambda tx, u=upload: tx.relay.of_upload(u.id))
        start = OWNERS.index(owner)
        route = [(0, OWNERS[(start + 1) % 3]), (1, OWNERS[(start + 2) % 3])]
        for key in room.policy.matching.keys:
            assert [(t.position, t.party) for t in tasks if t.key_type == key] == route


def _ready(room, name):
    ready, _ = relay.tasks(room.service, party(name))
    return ready[0]


def _answers(room, name, task):
    chunks = relay.stream(room.service, party(name), task.id, 0)
    return [(index, room.evaluated(name, packed)) for index, packed in chunks]


def test_a_party_that_finishes_twice_does_not_change_what_the_next_one_was_sent(room, monkeypatch):
    """Else it could have an honest party named for answers to a batch that was replaced."""
    room.upload("exposures", _people("exposures", 0))
    first = _ready(room, "megamart")
    (answer,) = _answers(room, "megamart", first)
    stale = room.service.store.read(lambda tx: tx.relay.get(first.id))
    relay.take(room.service, party("megamart"), task=first.id, index=0, elements=answer[1])
    second = _ready(room, "fiscal-data")
    chunks = _answers(room, "fiscal-data", second)
    with monkeypatch.context() as patch:
        # The second agent read the task before the first one finished it.
        patch.setattr(relay, "_own", lambda *_: stale)
        with pytest.raises(UploadConflict):
            relay.take(room.service, party("megamart"), task=first.id, index=0, elements=answer[1])
    for index, elements in chunks:
        relay.take(
            room.service, party("fiscal-data"), task=second.id, index=index, elements=elements
        )
    room.blind_all()  # the key types that are left
    assert room.seal("exposures").persons == 60


def test_a_dropped_task_is_not_brought_back_by_a_late_chunk(room, monkeypatch):
    old = room.upload("exposures", _people("exposures", 0))
    task = _ready(room, "megamart")
    (answer,) = _answers(room, "megamart", task)
    stale = room.service.store.read(lambda tx: tx.relay.get(task.id))
    room.upload("exposures", _people("exposures", 5))
    with monkeypatch.context() as patch:
        patch.setattr(relay, "_own", lambda *_: stale)
        patch.setattr(relay, "_chunks", lambda _: 2)  # a chunk that is not the last
        with pytest.raises(UploadConflict):
            relay.take(room.service, party("megamart"), task=task.id, index=0, elements=answer[1])
    states = room.service.store.read(lambda tx: {t.state for t in tx.relay.of_upload(old.id)})
    assert states == {TaskState.FAILED}


def test_a_policy_that_comes_into_force_ends_the_passes_of_the_one_before(room):
    room.upload("exposures", _people("exposures", 0))
    task = _ready(room, "megamart")
    changed = PSI.replace("per_question: 1.1", "per_question: 1.2")
    digest = collaborate.propose(room.service, OFFICER, changed.encode()).digest
    for name in OWNERS:
        signing.accept(room.service, party(name), "spring-campaign", digest)
    assert relay.tasks(room.service, party("megamart")) == ((), 0)
    with pytest.raises(UploadConflict):
        list(relay.stream(room.service, party("megamart"), task.id, 0))


def test_a_stream_begins_at_a_chunk_that_exists(room):
    room.upload("exposures", _people("exposures", 0))
    task = _ready(room, "megamart")
    with pytest.raises(FieldInvalid):
        next(relay.stream(room.service, party("megamart"), task.id, -(2**63)))


def test_tasks_are_their_partys_alone(room):
    room.upload("exposures", _people("exposures", 0))
    task = _ready(room, "megamart")
    for other in ("acme-brand", "fiscal-data"):
        with pytest.raises(NotPermitted):
            next(relay.stream(room.service, party(other), task.id, 0))
    with pytest.raises(RelayPending):
        room.seal("exposures")


def test_the_rows_of_a_replaced_upload_are_erased(room):
    old = room.upload("exposures", _people("exposures", 0))
    room.upload("exposures", _people("exposures", 5))
    uploads, _ = room.service.vault.inventory()
    assert old.id not in uploads
    with pytest.raises(UploadConflict):
        intake.put_chunk(
            room.service, party("acme-brand"), upload=old.id, index=9, data=b"", sha256=b""
        )


def test_a_key_type_that_nobody_has_is_relayed_like_one_that_a_few_have(room):
    none = room.upload("exposures", _people("exposures", 0))
    few = room.upload("sales", [{"email": "e1", "phone": "p1", "loyalty_id": "l1"}])
    shapes = []
    for upload in (none, few):
        tasks = room.service.store.read(lambda tx, u=upload: tx.relay.of_upload(u.id))
        shapes.append(sorted((t.key_type, t.position, t.size, t.state) for t in tasks))
    assert shapes[0] == shapes[1]
    assert {key for key, *_ in shapes[0]} == set(room.policy.matching.keys)
    room.blind_all()
    assert room.seal("exposures").persons == 60


def test_the_mask_is_gone_from_what_is_sealed(room, tmp_path, monkeypatch):
    """Else no version would match another: each upload has a mask of its own."""
    monkeypatch.setattr(pieces, "PIECE_POINTS", 32)
    monkeypatch.setattr(relay, "CHUNK_ELEMENTS", 32)
    masked = room.fill(sales=_people("sales", 0))["sales"]
    (tmp_path / "bare").mkdir()
    bare = Room.open(tmp_path / "bare", PSI)
    bare.secrets = room.secrets
    monkeypatch.setattr(passes.Pass, "_mask", lambda _: None)
    assert bare.fill(sales=_people("sales", 0))["sales"].content_digest == masked.content_digest


class _ErasingEntropy(SystemEntropy):
    """Erases an upload while padding is made, as a newer upload that is completed then does."""

    def __init__(self, vault, upload):
        self._vault, self._upload = vault, upload

    def points(self, n):
        if n > BASE_POINTS:
            self._vault.erase_upload(self._upload)
        return super().points(n)


def test_an_upload_erased_while_its_batch_is_made_is_not_sent_without_its_mask(room):
    upload = room.upload("sales", [{"email": f"e{i}"} for i in range(50)])
    service = replace(room.service, entropy=_ErasingEntropy(room.service.vault, upload.id))
    tasks = room.service.store.read(lambda tx: tx.relay.of_upload(upload.id))
    first = next(t for t in tasks if t.key_type == "email" and t.position == 0)
    assert first.party != upload.owner
    with pytest.raises(UploadConflict, match="replaced"):  # before anything is sent
        next(relay.stream(service, party(first.party), first.id, 0))


def test_answers_to_elements_that_were_never_asked_for_are_refused_and_not_kept(room):
    upload = room.upload("sales", [{"email": f"e{i}"} for i in range(50)])
    tasks = room.service.store.read(lambda tx: tx.relay.of_upload(upload.id))
    first = next(t for t in tasks if t.key_type == "email" and t.position == 0)
    made_up = b"".join(room.service.entropy.points(first.size))
    with pytest.raises(UploadConflict, match="not asked for"):
        relay.take(room.service, party(first.party), task=first.id, index=0, elements=made_up)
    assert not room.service.vault.has_blob(upload.id, "answer-email-0-0-000000")
    room.blind_all()
    assert room.seal("sales").upload == upload.id


def test_a_pass_that_ends_while_its_upload_is_replaced_is_told_so(room, monkeypatch):
    upload = room.upload("sales", [{"email": f"e{i}"} for i in range(50)])
    tasks = room.service.store.read(lambda tx: tx.relay.of_upload(upload.id))
    first = next(t for t in tasks if t.key_type == "email" and t.position == 0)
    ((_, sent),) = relay.stream(room.service, party(first.party), first.id, 0)
    answers = room.evaluated(first.party, sent)
    checked = Pass.checked

    def erased_then_checked(self, elements):
        self.service.vault.erase_upload(upload.id)
        return checked(self, elements)

    monkeypatch.setattr(Pass, "checked", erased_then_checked)
    with pytest.raises(UploadConflict, match="replaced"):
        relay.take(room.service, party(first.party), task=first.id, index=0, elements=answers)

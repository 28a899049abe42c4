"""An officer erases what an entry only commits to: gone everywhere, and the log verifies."""

from __future__ import annotations

import pytest

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.audit.errors import AuditError, ExportInvalid
from cleanroom.audit.export import verify_export
from cleanroom.audit.note import verifier_of
from cleanroom.audit.payload import Erasable, Payload
from cleanroom.audit.tree import root
from cleanroom.model.errors import FieldInvalid, NotPermitted, QuestionRefused
from cleanroom.model.question import MatchRate
from cleanroom.storage.fsck import fsck
from cleanroom.usecases import entries
from cleanroom.usecases.inspect import note_refused_caller
from cleanroom.usecases.payloads import WHAT, erase_payloads
from cleanroom.usecases.publish import publish
from support.audit_logs import changed
from support.exports import MemoryFiles, exported, exported_to
from support.policies import edited
from support.rooms import AUDITOR, OFFICER, Room, party

SECRET = "expected spiffe words that nobody else says"
POLICY = edited(("2026-03-01", "2026-01-01"))


@pytest.fixture
def room(tmp_path):
    made = Room.open(tmp_path, POLICY)
    note_refused_caller(made.service, SECRET)
    yield made
    made.service.store.close()


def size_of(service):
    return service.store.read(lambda tx: tx.log.size())


def shown(service, index):
    return entries.one(service.store, index)[0].entry.fields


def note_and_keys(service):
    note = publish(service.store, service.signers, service.remembered)
    return {"note": note, "keys": tuple(verifier_of(s) for s in service.signers)}


def test_why_a_question_was_refused_lies_beside_the_log(room):
    with pytest.raises(QuestionRefused) as caught:
        room.ask("acme-brand", MatchRate(datasets=("exposures", "nowhere")))
    index = size_of(room.service) - 1
    entry = decode_entry(room.service.store.read(lambda tx: tx.log.entry(index)))
    assert entry.kind is EntryKind.QUESTION_REFUSED
    assert (set(entry.fields) & {"why", "why_commitment"}) == {"why_commitment"}
    assert shown(room.service, index)["why"] == str(caught.value)
    found = entries.newest(room.service.store, Choice(reason="nowhere"), 5)
    assert [one.index for one in found] == [index]


def test_an_erased_payload_is_gone_and_the_tree_is_the_same(room, tmp_path):
    service = room.service
    index = size_of(service) - 1
    before = service.store.read(lambda tx: root(index + 1, tx.log.node))
    assert shown(service, index)["why"] == SECRET
    files, _ = exported_to(service.store, tmp_path / "out", **note_and_keys(service))
    assert in_files(tmp_path / "out", SECRET)

    assert erase_payloads(service, OFFICER, index) == 1
    assert "why" not in shown(service, index)
    assert service.store.read(lambda tx: root(index + 1, tx.log.node)) == before
    told = decode_entry(service.store.read(lambda tx: tx.log.entry(index + 1)))
    assert (told.kind, told.actor) == (EntryKind.ADMINISTRATIVE, OFFICER.short)
    assert told.fields == {"what": WHAT, "entry": index, "payloads": 1}

    given = note_and_keys(service)
    exported_to(service.store, tmp_path / "out", **given)
    assert not in_files(tmp_path / "out", SECRET)
    assert verify_export(files, given["keys"]).summary.checkpoint.size == index + 2
    assert not any(not problem.is_note for problem in fsck(service.store, service.vault))

    assert erase_payloads(service, OFFICER, index) == 0
    assert size_of(service) == index + 2


def test_an_erased_payload_is_in_no_file_of_the_data_folder(room, tmp_path):
    service = room.service
    index = size_of(service) - 1
    salt = service.store.read(lambda tx: tx.log.payloads(index, index + 1))[0].kept.salt
    assert in_files(tmp_path, SECRET)
    erase_payloads(service, OFFICER, index)
    assert not in_files(tmp_path, SECRET)
    assert not in_files(tmp_path, salt)


def in_files(folder, needle):
    data = needle if isinstance(needle, bytes) else needle.encode()
    return any(data in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_only_officers_who_serve_all_erase(room):
    index = size_of(room.service) - 1
    for actor in (AUDITOR, party("acme-brand")):
        with pytest.raises(NotPermitted):
            erase_payloads(room.service, actor, index)
    for outside in (-1, index + 1):
        with pytest.raises(FieldInvalid):
            erase_payloads(room.service, OFFICER, outside)
    assert shown(room.service, index)["why"] == SECRET


def test_an_entry_without_a_payload_has_nothing_to_erase(room):
    assert erase_payloads(room.service, OFFICER, 0) == 0


def test_a_payload_that_was_exchanged_is_found(room):
    service = room.service
    index = size_of(service) - 1
    kept = Erasable(name="why", salt=bytes(16), content="other words")

    def exchange(tx):
        tx.log.erase_payloads(index)
        from cleanroom.storage.tables import log_payloads

        row = {"entry": index, "name": kept.name, "salt": kept.salt, "content": kept.content}
        tx.log._connection.execute(log_payloads.insert().values(**row))

    service.store.transact(exchange)
    with pytest.raises(AuditError, match=f"entry {index} does not commit to this why"):
        entries.one(service.store, index)
    problems = [str(one) for one in fsck(service.store, service.vault)]
    assert any(f"entry {index} does not commit to this why" in one for one in problems)


def test_every_changed_byte_of_an_exported_payload_is_refused(room):
    given = note_and_keys(room.service)
    files = exported(room.service.store, MemoryFiles(), **given)
    verify_export(files, given["keys"])
    path = "payload/000"
    assert path in files
    for position in range(len(files[path])):
        other = MemoryFiles(files)
        other[path] = changed(files[path], position)
        with pytest.raises(ExportInvalid, match=path):
            verify_export(other, given["keys"])


def test_a_payload_of_an_entry_elsewhere_is_refused(room):
    given = note_and_keys(room.service)
    files = exported(room.service.store, MemoryFiles(), **given)
    other = MemoryFiles(files)
    other["payload/001"] = other.pop("payload/000")
    with pytest.raises(ExportInvalid, match="is not in this part"):
        verify_export(other, given["keys"])


def test_stores_keep_and_erase_payloads_by_entry(store):
    kept = [Erasable(name=n, salt=bytes([i]) * 16, content=n) for i, n in enumerate(("b", "a"))]

    def fill(tx):
        tx.log.append(b"zero")
        tx.log.append(b"one", kept)
        tx.log.append(b"two", kept[:1])

    store.transact(fill)
    one = (Payload(entry=1, kept=kept[1]), Payload(entry=1, kept=kept[0]))
    two = (Payload(entry=2, kept=kept[0]),)
    assert store.read(lambda tx: tx.log.payloads(0, 9)) == one + two
    assert store.read(lambda tx: tx.log.payloads(1, 2)) == one
    assert store.transact(lambda tx: tx.log.erase_payloads(1)) == 2
    assert store.transact(lambda tx: tx.log.erase_payloads(1)) == 0
    assert store.read(lambda tx: tx.log.payloads(0, 9)) == two


def test_a_payload_is_kept_with_its_entry_or_not_at_all(store):
    def half(tx):
        tx.log.append(b"zero", [Erasable(name="a", salt=bytes(16), content="x")])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.transact(half)
    assert store.read(lambda tx: (tx.log.size(), tx.log.payloads(0, 9))) == (0, ())

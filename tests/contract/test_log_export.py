"""Exports: complete, continued, and refused after any change, with a sentence that says which."""

from __future__ import annotations

import os
import random

import pytest

from cleanroom.audit.checkpoint import Checkpoint, sign_checkpoint
from cleanroom.audit.errors import AuditError, ExportInvalid, LogInconsistent
from cleanroom.audit.export import export_checkpoint, verify_export
from cleanroom.audit.export_files import nodes_of
from cleanroom.audit.note import verifier_of
from cleanroom.audit.relation import Relation, relation
from cleanroom.audit.tiles import decode_bundle, encode_bundle, parse_path, tiles_of
from cleanroom.audit.tree import leaf_hash
from cleanroom.storage.export_folder import ExportFolder, writing
from cleanroom.storage.sqlite import SqlStore
from support.audit_logs import LOG_KEY, ORIGIN, STRANGER, changed, checkpoint_of, some_log
from support.exports import (
    MemoryFiles,
    another_log,
    exported,
    exported_to,
    fill,
    note_of,
)
from support.memory_store import MemoryStore

SIZE = 262  # a full bundle and a partial one, tiles on two levels
LOG = some_log(SIZE)
WHOLE = exported(fill(MemoryStore(), LOG), MemoryFiles())


def refusal(files, **options):
    with pytest.raises(AuditError) as caught:
        verify_export(files, [LOG_KEY], **options)
    return str(caught.value)


def with_entries(change):
    """Return the export in which one bundle's entries were changed, and nothing else."""
    files = MemoryFiles(WHOLE)
    path = "tile/entries/001.p/6"
    files[path] = encode_bundle(change(decode_bundle(files[path], 6, path)))
    return files


def test_an_export_verifies_and_holds_every_entry(store):
    files = exported(fill(store, LOG), MemoryFiles())
    heard = []
    found = verify_export(files, [LOG_KEY], tell=lambda *told: heard.append(told))
    assert found.summary.checkpoint == checkpoint_of(LOG)
    assert (found.files, heard[-1]) == (len(files), (SIZE, SIZE))
    entries = [e for p in ("000", "001.p/6") for e in _bundle(files, f"tile/entries/{p}")]
    assert entries == LOG


def _bundle(files, path):
    return decode_bundle(files[path], parse_path(path).width, path)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_an_export_of_any_size_verifies(size):
    files = exported(fill(MemoryStore(), some_log(size)), MemoryFiles())
    assert verify_export(files, [LOG_KEY]).summary.checkpoint.size == size
    wanted = {tile.path for tile in tiles_of(size)}
    assert {path for path in files if path.startswith(("tile/0", "tile/1"))} == wanted


# changes


def changes(count, seed=1):
    """Return (path, position, difference) of single-byte changes, every kind of file among them."""
    dice = random.Random(seed)
    paths = sorted(WHOLE)
    places = [(path, at) for path in paths for at in range(len(WHOLE[path]))]
    chosen = [(path, at) for path in paths for at in (0, len(WHOLE[path]) - 1)]
    chosen += [(p, at) for p in ("checkpoint", "log.vkey") for at in range(len(WHOLE[p]))]
    chosen += dice.sample(places, min(len(places), max(0, count - len(chosen))))
    return [(path, at, dice.randrange(1, 256)) for path, at in chosen]


def undetected(chosen):
    missed = []
    for path, at, difference in chosen:
        files = MemoryFiles(WHOLE)
        files[path] = changed(files[path], at, difference)
        try:
            verify_export(files, [LOG_KEY])
        except AuditError:
            continue
        missed.append((path, at, difference))
    return missed


def test_a_change_of_any_byte_of_a_few_hundred_is_detected():
    chosen = changes(500)
    assert {path for path, _, _ in chosen} == set(WHOLE)
    assert undetected(chosen) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_change_of_any_byte_of_ten_thousand_is_detected():
    chosen = changes(10_000)
    assert len(chosen) >= 10_000
    assert undetected(chosen) == []


@pytest.mark.parametrize("path", sorted(WHOLE))
def test_a_missing_or_cut_file_is_named(path):
    files = MemoryFiles(WHOLE)
    data = files.pop(path)
    if path != "log.vkey":  # a convenience: nothing rests on it
        assert path in refusal(files)
    files[path] = data[:-1]
    assert path in refusal(files)


def test_a_changed_entry_is_named():
    files = with_entries(lambda entries: [*entries[:3], some_log(999)[-1], *entries[4:]])
    assert "entry 259 is not the one whose hash stands here" in refusal(files)


def test_a_swapped_pair_is_named():
    def swap(entries):
        return [entries[0], entries[4], *entries[2:4], entries[1], entries[5]]

    files = with_entries(swap)
    assert "entry 257 and 261 stand in each other's place: they were swapped" not in refusal(files)
    assert "entry 257 and 260 stand in each other's place: they were swapped" in refusal(files)


def test_a_swapped_pair_with_its_tiles_made_anew_has_another_root():
    log = [*LOG[:257], LOG[260], *LOG[258:260], LOG[257], LOG[261]]
    files = exported(fill(MemoryStore(), log), MemoryFiles())
    files["checkpoint"] = WHOLE["checkpoint"]
    assert "check of the root" in refusal(files)


def test_a_truncated_log_is_said_to_be_truncated():
    files = exported(fill(MemoryStore(), LOG[:256]), MemoryFiles())
    files["checkpoint"] = WHOLE["checkpoint"]
    assert "tile/entries/001.p/6: it is missing" in refusal(files)
    assert "the log was truncated" in refusal(files)


def test_an_older_checkpoint_put_back_is_said_so():
    files = MemoryFiles(WHOLE)
    files["checkpoint"] = note_of(fill(MemoryStore(), LOG), 256).encode()
    assert "an older checkpoint was put back" in refusal(files)


def test_a_whole_older_export_is_refused_by_a_kept_checkpoint():
    files = exported(fill(MemoryStore(), LOG[:256]), MemoryFiles())
    said = refusal(files, against=WHOLE["checkpoint"])
    assert "it shrank from 262 entries to 256" in said
    assert "an older checkpoint was put back" in said


@pytest.mark.parametrize(("size", "at"), [(SIZE, 7), (300, 7), (300, 261)])
def test_a_fork_is_refused_by_a_kept_checkpoint(size, at):
    files = exported(fill(MemoryStore(), another_log(size, at)), MemoryFiles())
    verify_export(files, [LOG_KEY])  # by itself nothing is wrong with it
    assert "the log was forked" in refusal(files, against=WHOLE["checkpoint"])


def test_growth_is_accepted_by_a_kept_checkpoint():
    files = exported(fill(MemoryStore(), some_log(600)), MemoryFiles())
    for size in (0, 1, 256, SIZE, 600):
        kept = note_of(fill(MemoryStore(), some_log(size)))
        assert verify_export(files, [LOG_KEY], against=kept).summary.checkpoint.size == 600


def test_a_key_beside_the_export_is_not_trusted():
    stranger = verifier_of(STRANGER)
    files = exported(
        fill(MemoryStore(), LOG),
        MemoryFiles(),
        note=sign_checkpoint(checkpoint_of(LOG), STRANGER),
        keys=(stranger,),
    )
    verify_export(files, [stranger])
    assert "no known key signed it" in refusal(files)
    files["checkpoint"] = WHOLE["checkpoint"]
    assert "log.vkey: it names other keys" in refusal(files)


@pytest.mark.parametrize("path", ["README", "tile/0/002.p/x", "tile/entries/x000/000"])
def test_a_file_that_no_log_has_is_refused(path):
    files = MemoryFiles(WHOLE)
    files[path] = b""
    assert f"{path}: no file of a log has this name" in refusal(files)


def test_an_older_partial_tile_that_is_no_beginning_is_refused():
    files = exported(fill(MemoryStore(), LOG[:100]), MemoryFiles())
    store = fill(MemoryStore(), LOG)
    exported(store, files)
    verify_export(files, [LOG_KEY])
    for path in ("tile/0/000.p/100", "tile/entries/000.p/100"):
        other = exported(fill(MemoryStore(), another_log(100, 99)), MemoryFiles())
        assert "is not the beginning" in refusal(MemoryFiles(files | {path: other[path]}))


# written step by step


def test_an_export_is_continued_with_what_is_new(tmp_path):
    store = fill(MemoryStore(), LOG[:100])
    _, first = exported_to(store, tmp_path / "out")
    assert first == 2  # a partial tile, a partial bundle
    assert exported_to(store, tmp_path / "out")[1] == 0
    fill(store, LOG[100:])
    files, second = exported_to(store, tmp_path / "out")
    assert second == 5  # bundle, tile, partial bundle, partial tile, the tile above
    assert verify_export(files, [LOG_KEY]).summary.checkpoint.size == SIZE
    assert "tile/0/000.p/100" in set(files.paths())


@pytest.mark.parametrize("after", range(9))
def test_an_export_stopped_anywhere_serves_the_old_log_and_is_finished_later(tmp_path, after):
    store = fill(MemoryStore(), LOG[:100])
    exported_to(store, tmp_path)
    kept = (tmp_path / "checkpoint").read_bytes()
    fill(store, LOG[100:])
    note = note_of(store)
    stop = Stopping(after)
    try:
        with writing(tmp_path, lambda: "u") as target:
            stop.target = target
            from cleanroom.usecases.export import export

            export(
                store,
                note,
                (LOG_KEY,),
                files=ExportFolder(tmp_path),
                target=stop,
                tell=lambda *_: None,
            )
    except KeyboardInterrupt:
        served = (tmp_path / "checkpoint").read_bytes()
        assert served == (kept if after < 8 else note.encode())
        size = export_checkpoint(ExportFolder(tmp_path), [LOG_KEY]).size
        nodes = nodes_of(ExportFolder(tmp_path), size)
        assert all(nodes(0, at) == leaf_hash(LOG[at]) for at in range(size))
    files, _ = exported_to(store, tmp_path)
    assert verify_export(files, [LOG_KEY]).summary.checkpoint.size == SIZE


class Stopping:
    """A target that ends the process's work after some steps."""

    def __init__(self, after):
        self.left = after

    def _step(self):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1

    def create(self, path, data):
        self._step()
        return self.target.create(path, data)

    def flush(self):
        self._step()
        self.target.flush()

    def replace(self, path, data):
        self._step()
        self.target.replace(path, data)


def test_a_file_half_written_is_never_under_its_name(tmp_path, monkeypatch):
    store = fill(MemoryStore(), LOG)

    def full_disk(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        exported_to(store, tmp_path)
    assert list(ExportFolder(tmp_path).paths()) == []
    monkeypatch.undo()
    assert verify_export(exported_to(store, tmp_path)[0], [LOG_KEY]).summary.checkpoint.size == SIZE


def test_what_a_crash_left_unfinished_is_no_part_and_is_swept(tmp_path):
    store = fill(MemoryStore(), LOG)
    files, _ = exported_to(store, tmp_path)
    left = tmp_path / "tile/0/.unfinished-abc"
    left.write_bytes(b"half")
    verify_export(files, [LOG_KEY])
    exported_to(store, tmp_path)
    assert not left.exists()


def test_another_logs_folder_is_left_as_it_is(tmp_path):
    exported_to(fill(MemoryStore(), LOG), tmp_path)
    kept = (tmp_path / "checkpoint").read_bytes()
    with pytest.raises(LogInconsistent, match="the log was forked"):
        exported_to(fill(MemoryStore(), another_log(300, 7)), tmp_path)
    with pytest.raises(LogInconsistent, match="it shrank"):
        exported_to(fill(MemoryStore(), LOG[:9]), tmp_path)
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(ExportInvalid, match="another log was exported here"):
        exported_to(fill(MemoryStore(), another_log(300, 7)), tmp_path)
    (tmp_path / "checkpoint").write_bytes(kept)
    assert verify_export(ExportFolder(tmp_path), [LOG_KEY]).summary.checkpoint.size == SIZE


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ExportInvalid, match=r"thesis\.txt: no export has such a file"):
        exported_to(fill(MemoryStore(), LOG), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_exports_into_one_folder_do_not_meet(tmp_path):
    with writing(tmp_path, lambda: "a"), pytest.raises(ExportInvalid, match="another process"):
        exported_to(fill(MemoryStore(), LOG), tmp_path)


def test_a_damaged_database_is_not_exported(tmp_path):
    store = SqlStore(tmp_path / "room.db")
    note = note_of(fill(store, LOG))
    from sqlalchemy import text

    with store._writer.begin() as raw:
        raw.execute(text("UPDATE log_entries SET entry = x'7b7d' WHERE idx = 3"))
    files = MemoryFiles()
    with pytest.raises(LogInconsistent, match="do not make the tree that was signed"):
        exported(store, files, note=note)
    assert "checkpoint" not in files
    store.close()


# two checkpoints


def test_two_checkpoints_agree_extend_or_fork():
    here = fill(MemoryStore(), some_log(600))
    nodes = nodes_of(exported(here, MemoryFiles()), 600)
    old, new = (checkpoint_of(some_log(size)) for size in (256, 600))
    fork = checkpoint_of(another_log(256, 7))
    for read_node in (nodes, lambda *at: here.read(lambda tx: tx.log.node(*at))):
        assert relation(old, new, read_node) is Relation.EXTENDS
        assert relation(new, old, read_node) is Relation.EXTENDS
        assert relation(fork, new, read_node) is Relation.FORK
        assert relation(new, new, read_node) is Relation.AGREE
        assert relation(old, fork, read_node) is Relation.FORK
    assert relation(old, new, None) is Relation.UNPROVEN
    assert relation(checkpoint_of([]), new, None) is Relation.EXTENDS


def test_a_tree_that_proves_nothing_is_no_proof_of_a_fork():
    old, new = (checkpoint_of(some_log(size)) for size in (256, 600))
    other = exported(fill(MemoryStore(), another_log(600, 7)), MemoryFiles())
    assert relation(old, new, nodes_of(other, 600)) is Relation.UNPROVEN
    short = exported(fill(MemoryStore(), some_log(300)), MemoryFiles())
    with pytest.raises(ExportInvalid):
        relation(old, new, nodes_of(short, 600))


def test_checkpoints_of_two_logs_are_not_compared():
    other = Checkpoint(origin=f"{ORIGIN}2", size=1, root=bytes(32))
    with pytest.raises(LogInconsistent, match="two logs"):
        relation(checkpoint_of(LOG), other, None)

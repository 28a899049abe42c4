"""Verification of whole logs and of their growth."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.audit.compact import CompactRange
from cleanroom.audit.entry import EntryKind, encode_entry
from cleanroom.audit.errors import LogInconsistent
from cleanroom.audit.log import verify_extension, verify_log
from cleanroom.audit.tree import EMPTY_ROOT, consistency_proof, leaf_hash
from support.audit_logs import MemoryTree, changed, checkpoint_of, some_entry, some_log

LOG = some_log(9)
CHECKPOINT = checkpoint_of(LOG)


def refused(entries, checkpoint=CHECKPOINT):
    with pytest.raises(LogInconsistent) as caught:
        verify_log(entries, checkpoint)
    return caught.value


def growth(old, new):
    """Return two checkpoints of one log and the proof between them."""
    tree = MemoryTree(some_log(new))
    proof = consistency_proof(old, new, tree.read_node)
    return checkpoint_of(some_log(old)), checkpoint_of(some_log(new)), proof


def test_a_log_verifies_and_is_summed_up():
    log = [*LOG, encode_entry(some_entry(50, kind=EntryKind.QUESTION_REFUSED))]
    summary = verify_log(iter(log), checkpoint_of(log))
    assert summary.checkpoint.size == 10
    assert summary.kinds == {EntryKind.QUESTION_RESERVED: 9, EntryKind.QUESTION_REFUSED: 1}
    assert (summary.first_time_s, summary.last_time_s) == (1_760_000_000, 1_760_000_050)


def test_an_empty_log_verifies():
    summary = verify_log([], checkpoint_of([]))
    assert summary.checkpoint.root == EMPTY_ROOT
    assert (summary.kinds, summary.first_time_s, summary.last_time_s) == ({}, None, None)


def test_a_truncated_log_is_refused():
    error = refused(LOG[:-1])
    assert error.check == "length"
    assert "it ends after 8 entries, the checkpoint states 9" in str(error)
    assert refused([]).check == "length"


def test_extra_entries_are_refused_without_reading_on():
    def longer():
        yield from LOG
        yield LOG[0]
        pytest.fail("it read on")

    error = refused(longer())
    assert error.check == "length"
    assert "entries follow the 9 it states" in str(error)


@pytest.mark.parametrize(
    "entries",
    [
        [LOG[1], LOG[0], *LOG[2:]],
        [LOG[0], LOG[0], *LOG[2:]],
        [*LOG[:-1], encode_entry(some_entry(8, actor="someone-else"))],
    ],
    ids=["swapped", "repeated", "replaced"],
)
def test_other_entries_have_another_root(entries):
    error = refused(entries)
    assert error.check == "root"
    assert "another root" in str(error)


def test_another_root_is_refused():
    assert refused(LOG, replace(CHECKPOINT, root=bytes(32))).check == "root"


def test_bytes_that_are_no_entry_are_refused_though_the_tree_would_fit():
    log = [*LOG[:4], b"not an entry", *LOG[5:]]
    error = refused(log, checkpoint_of(log))
    assert error.check == "entry"
    assert "at index 4" in str(error)


def test_every_changed_byte_of_a_log_is_refused():
    for number, entry in enumerate(LOG[:4]):
        for position in range(len(entry)):
            log = [*LOG[:number], changed(entry, position, 1 + position % 255), *LOG[number + 1 :]]
            assert refused(log).check in {"entry", "root"}


def test_a_long_log_is_folded_in_little_memory():
    compact = CompactRange()
    tracemalloc.start()
    for number in range(5_000):
        compact.append(leaf_hash(number.to_bytes(8, "big")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000  # 5,000 hashes alone would take 160,000


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_log_that_grew_is_accepted(data):
    new = data.draw(st.integers(0, 40))
    old = data.draw(st.integers(0, new))
    before, after, proof = growth(old, new)
    assert verify_extension(before, after, proof) is None


def test_a_fork_is_refused():
    fork = [*LOG[:5], encode_entry(some_entry(5, actor="forger")), *LOG[6:]]
    tree = MemoryTree(fork)
    for old in range(6, 10):
        proof = consistency_proof(old, 9, tree.read_node)
        with pytest.raises(LogInconsistent, match="check of the consistency"):
            verify_extension(checkpoint_of(LOG[:old]), checkpoint_of(fork), proof)
    # The common past is common: what a fork changes later does not touch it.
    proof = consistency_proof(5, 9, tree.read_node)
    verify_extension(checkpoint_of(LOG[:5]), checkpoint_of(fork), proof)


def test_a_log_that_shrank_is_refused():
    before, after, _ = growth(5, 9)
    with pytest.raises(LogInconsistent, match="shrank from 9 entries to 5"):
        verify_extension(after, before, [])


def test_a_checkpoint_of_another_log_is_refused():
    before, after, proof = growth(5, 9)
    with pytest.raises(LogInconsistent, match="check of the origin"):
        verify_extension(replace(before, origin="another.example/log"), after, proof)


def test_a_proof_with_a_missing_changed_or_needless_hash_is_refused():
    before, after, proof = growth(5, 9)
    for bad in (proof[:-1], [], [*proof, proof[0]], [changed(proof[0], 1), *proof[1:]]):
        with pytest.raises(LogInconsistent, match="check of the consistency"):
            verify_extension(before, after, bad)
    for old, new in ((0, 9), (0, 0), (9, 9)):
        before, after, _ = growth(old, new)
        with pytest.raises(LogInconsistent, match="check of the consistency"):
            verify_extension(before, after, [bytes(32)])

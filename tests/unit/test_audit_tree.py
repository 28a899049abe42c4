"""The Merkle tree against a naive reading of RFC 6962 and against pymerkle."""

from __future__ import annotations

import functools
import hashlib
import os
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.audit.compact import CompactRange
from cleanroom.audit.errors import ProofInvalid
from cleanroom.audit.tree import (
    EMPTY_ROOT,
    appended_nodes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from support.audit_logs import MemoryTree, changed

LARGEST = 300 if os.environ.get("CLEANROOM_SLOW") == "1" else 128
DATA = [b"entry %d" % number for number in range(LARGEST)]


# The definitions of RFC 6962, section 2.1, word for word: recursive, sharing no code with ours.


@functools.cache
def naive_root(start, end):
    if end == start:
        return hashlib.sha256().digest()
    if end - start == 1:
        return hashlib.sha256(b"\0" + DATA[start]).digest()
    k = naive_split(end - start)
    left, right = naive_root(start, start + k), naive_root(start + k, end)
    return hashlib.sha256(b"\1" + left + right).digest()


def naive_split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def naive_path(m, start, end):
    n = end - start
    if n == 1:
        return []
    k = naive_split(n)
    if m < k:
        return [*naive_path(m, start, start + k), naive_root(start + k, end)]
    return [*naive_path(m - k, start + k, end), naive_root(start, start + k)]


def naive_subproof(m, start, end, b):
    n = end - start
    if m == n:
        return [] if b else [naive_root(start, end)]
    k = naive_split(n)
    if m <= k:
        return [*naive_subproof(m, start, start + k, b), naive_root(start + k, end)]
    return [*naive_subproof(m - k, start + k, end, False), naive_root(start, start + k)]


@pytest.fixture(scope="module")
def tree():
    return MemoryTree(DATA)


def test_hashes_are_domain_separated_as_the_rfc_says():
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert (
        node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()
    )
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_every_root_equals_the_naive_definition(tree):
    compact = CompactRange()
    for size in range(LARGEST + 1):
        assert root(size, tree.read_node) == naive_root(0, size) == compact.root()
        if size < LARGEST:
            compact.append(leaf_hash(DATA[size]))
    assert compact.size == LARGEST


def test_every_root_equals_pymerkle(tree):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pymerkle = pytest.importorskip("pymerkle", reason="pymerkle is not installed")
        other = pymerkle.InmemoryTree(algorithm="sha256")
        for size, entry in enumerate(DATA, start=1):
            other.append_entry(entry)
            assert root(size, tree.read_node) == other.get_root()


def test_every_inclusion_proof_is_the_naive_one_and_verifies(tree):
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, tree.read_node)
            assert proof == naive_path(index, 0, size)
            verify_inclusion(
                leaf_hash=leaf_hash(DATA[index]),
                index=index,
                size=size,
                proof=proof,
                root=naive_root(0, size),
            )


def test_every_consistency_proof_is_the_naive_one_and_verifies(tree):
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, tree.read_node)
            assert proof == naive_subproof(old, 0, new, True)
            verify_consistency(
                old_size=old,
                old_root=naive_root(0, old),
                new_size=new,
                new_root=naive_root(0, new),
                proof=proof,
            )


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_inclusion_refuses_any_other_index_size_leaf_root_or_hash(tree, data):
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size + 1).filter(lambda n: n != index))
    proof = inclusion_proof(index, size, tree.read_node)
    good = {
        "leaf_hash": leaf_hash(DATA[index]),
        "index": index,
        "size": size,
        "proof": proof,
        "root": naive_root(0, size),
    }
    at = data.draw(st.integers(0, len(proof) - 1))
    bad_hash = [*proof[:at], changed(proof[at], data.draw(st.integers(0, 31))), *proof[at + 1 :]]
    changes: tuple[dict, ...] = (
        {"index": other},
        {"leaf_hash": changed(good["leaf_hash"], 3)},
        {"root": changed(good["root"], 3)},
        {"proof": bad_hash},
        {"proof": proof[:-1]},
        {"proof": [*proof, proof[-1]]},
        {"proof": [proof[0][:31], *proof[1:]]},
        {"size": 0},
    )
    for change in changes:
        with pytest.raises(ProofInvalid, match="inclusion proof"):
            verify_inclusion(**(good | change))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_consistency_refuses_a_rewritten_past(tree, data):
    new = data.draw(st.integers(2, LARGEST))
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(old, new, tree.read_node)
    good = {
        "old_size": old,
        "old_root": naive_root(0, old),
        "new_size": new,
        "new_root": naive_root(0, new),
        "proof": proof,
    }
    at = data.draw(st.integers(0, len(proof) - 1))
    bad_hash = [*proof[:at], changed(proof[at], data.draw(st.integers(0, 31))), *proof[at + 1 :]]
    for change in (
        {"old_root": changed(good["old_root"], 0)},
        {"new_root": changed(good["new_root"], 31)},
        {"proof": bad_hash},
        {"proof": []},
        {"proof": proof[:-1]},
        {"proof": [*proof, proof[-1]]},
        {"old_size": new + 1},
        {"old_size": 0},
    ):
        with pytest.raises(ProofInvalid, match="consistency proof"):
            verify_consistency(**(good | change))


def test_a_proof_that_does_not_exist_is_refused_not_invented(tree):
    with pytest.raises(ProofInvalid, match="no leaf 5"):
        inclusion_proof(5, 5, tree.read_node)
    with pytest.raises(ProofInvalid, match="no leaf -1"):
        inclusion_proof(-1, 5, tree.read_node)
    with pytest.raises(ProofInvalid, match="size 4 cannot extend size 5"):
        consistency_proof(5, 4, tree.read_node)
    assert consistency_proof(0, 5, tree.read_node) == []
    assert consistency_proof(5, 5, tree.read_node) == []


def test_an_append_to_a_large_log_reads_and_writes_logarithmically_many_nodes():
    reads = []

    def read_node(level, index):
        reads.append((level, index))
        return bytes(32)

    created = appended_nodes(2**40 - 1, b"n" * 32, read_node)
    assert len(created) == 41
    assert len(reads) == 40
    assert created[0] == (0, 2**40 - 1, b"n" * 32)
    assert created[-1][:2] == (40, 0)


@pytest.mark.parametrize("size", [2**40 - 1, 2**40, 2**40 + 1])
def test_proofs_of_a_large_log_read_logarithmically_many_nodes(size):
    reads = []

    def read_node(level, index):
        assert (index + 1) << level <= size, "only complete subtrees are stored"
        reads.append((level, index))
        return bytes(32)

    inclusion_proof(size // 3, size, read_node)
    consistency_proof(size // 3, size, read_node)
    root(size, read_node)
    assert len(reads) <= 6 * 41

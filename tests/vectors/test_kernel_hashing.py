"""Hashing to the curve by every path of the native kernel, against RFC 9380 and Python's path."""

from __future__ import annotations

import secrets
import struct
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_client.blinding.curve25519 import hash_to_curve_x_many
from cleanroom_client.blinding.kernel import Kernel
from support.kernels import (
    PATHS,
    native,
    needs_kernel,
    packed_offsets,
    point,
    public_vectors,
    split,
)

SUITE = "rfc9380/curve25519_XMD:SHA-512_ELL2_NU_.json"
# Lengths at which a message, its suffix or its padding reaches into one SHA-512 block more.
TAGS = [1, 30, 43, 44, 45, 46, 74, 75, 76, 77, 107, 173, 174, 202, 203, 204, 220, 221, 254, 255]

pytestmark = needs_kernel
paths = st.sampled_from(PATHS or [""])
tags = st.binary(min_size=1, max_size=255)


def _hash(path, messages, dst, lead=b""):
    offsets = packed_offsets(messages, len(lead))
    return split(Kernel(path).hash_to_curve_many(lead + b"".join(messages), offsets, dst))


@native
def test_rfc9380_vectors_are_reproduced(path):
    suite = public_vectors(SUITE)
    messages = [case["msg"].encode() for case in suite["vectors"]]
    expected = [point(int(case["Q"]["x"], 16)) for case in suite["vectors"]]
    assert max(map(len, messages)) == 512 + len("a512_")
    assert _hash(path, messages, suite["dst"].encode()) == expected
    for message, one in zip(messages, expected, strict=True):
        assert _hash(path, [message], suite["dst"].encode()) == [one]


@native
@pytest.mark.parametrize("tag_bytes", TAGS)
def test_identities_are_hashed_as_by_pythons_path(path, tag_bytes):
    dst = secrets.token_bytes(tag_bytes)
    items = [secrets.token_bytes(32) for _ in range(530)] + [bytes(32), b"\xff" * 32]
    want = hash_to_curve_x_many(items, dst)
    for n in (0, 1, 7, 8, 9, 31, 32, 33, 512, 513, len(items)):
        packed = b"".join(items[:n])
        assert split(Kernel(path).hash_to_curve(packed, dst)) == want[:n]
        assert _hash(path, items[:n], dst) == want[:n]


@native
@pytest.mark.parametrize("tag_bytes", [1, 66, 255])
def test_messages_of_every_length_are_hashed_as_by_pythons_path(path, tag_bytes):
    dst = secrets.token_bytes(tag_bytes)
    messages = [secrets.token_bytes(n) for n in (*range(400), 5000, 0, 0, 129)]
    assert _hash(path, messages, dst) == hash_to_curve_x_many(messages, dst)
    assert _hash(path, messages[::-1], dst) == hash_to_curve_x_many(messages[::-1], dst)


@given(paths, st.lists(st.binary(max_size=300), max_size=40), tags, st.binary(max_size=70))
@settings(max_examples=150, deadline=None)
def test_any_messages_at_any_alignment_are_hashed_as_by_pythons_path(path, messages, dst, lead):
    assert _hash(path, messages, dst, lead) == hash_to_curve_x_many(messages, dst)


@given(paths, st.binary(max_size=32 * 70), st.integers(0, 40), tags)
@settings(max_examples=150, deadline=None)
def test_part_of_an_item_is_refused_and_whole_items_are_hashed(path, data, at, dst):
    kernel, view = Kernel(path), memoryview(data)[at:]
    whole = view[: len(view) // 32 * 32]
    assert split(kernel.hash_to_curve(whole, dst)) == hash_to_curve_x_many(split(bytes(whole)), dst)
    if len(view) % 32:
        for call in (
            lambda: kernel.hash_to_curve(view, dst),
            lambda: kernel.multiply(view, bytes(32)),
            lambda: kernel.find_bad(view),
        ):
            with pytest.raises(ValueError, match="have 32 bytes each"):
                call()


_edges = st.sampled_from([0, 1, 31, 32, 33, 2**31, 2**32, 2**62, 2**63 - 1, -1, -(2**63)])


@given(paths, st.binary(max_size=64), st.lists(_edges | st.integers(0, 64), max_size=9))
@settings(max_examples=300, deadline=None)
def test_offsets_are_refused_unless_they_rise_within_the_data(path, data, offsets):
    packed = struct.pack(f"={len(offsets)}q", *offsets)
    in_order = all(0 <= a <= b <= len(data) for a, b in pairwise(offsets))
    if offsets and in_order and 0 <= offsets[0] <= len(data):
        got = split(Kernel(path).hash_to_curve_many(data, packed, b"tag"))
        pieces = [data[a:b] for a, b in pairwise(offsets)]
        assert got == hash_to_curve_x_many(pieces, b"tag")
    else:
        with pytest.raises(ValueError, match="offset"):
            Kernel(path).hash_to_curve_many(data, packed, b"tag")


@native
@pytest.mark.parametrize(
    ("offsets", "fault"),
    [
        (b"", "at least"),
        (bytes(7), "8 bytes each"),
        (bytes(17), "8 bytes each"),
        (array("q", [0, 5, 4]), "offset 2 "),
        (array("q", [0, 65]), "offset 1 "),
        (array("q", [-1, 5]), "offset 0 "),
        (array("q", [65]), "offset 0 "),
        (array("q", [0, 2**63 - 1]), "offset 1 "),
        (array("q", [0, 2**62, 3]), "offset 1 "),
    ],
)
def test_a_refused_offset_is_named_by_its_position(path, offsets, fault):
    with pytest.raises(ValueError, match=fault):
        Kernel(path).hash_to_curve_many(bytes(64), offsets, b"tag")


@native
@pytest.mark.parametrize("dst", [b"", bytes(256), bytes(4096)])
def test_a_tag_is_refused_as_pythons_path_refuses_it(path, dst):
    kernel = Kernel(path)
    for call in (
        lambda: kernel.hash_to_curve(bytes(32), dst),
        lambda: kernel.hash_to_curve(b"", dst),
        lambda: kernel.hash_to_curve_many(b"", bytes(8), dst),
        lambda: hash_to_curve_x_many([b""], dst),
    ):
        with pytest.raises(ValueError, match="domain separation tag has 1 to 255 bytes"):
            call()


@native
def test_a_buffer_with_gaps_or_none_at_all_is_refused_and_any_contiguous_one_is_read(path):
    kernel, items = Kernel(path), secrets.token_bytes(64)
    gaps, offsets = memoryview(items * 2)[::2], array("q", [0, 32, 64])
    for call in (
        lambda: kernel.hash_to_curve(gaps, b"t"),
        lambda: kernel.multiply(gaps, bytes(32)),
        lambda: kernel.find_bad(gaps),
        lambda: kernel.hash_to_curve_many(gaps, offsets, b"t"),
        lambda: kernel.hash_to_curve_many(items, memoryview(array("q", [0] * 6))[::2], b"t"),
    ):
        with pytest.raises(BufferError, match="contiguous"):
            call()
    with pytest.raises(TypeError, match="bytes-like"):
        kernel.hash_to_curve("x" * 32, b"t")
    want = kernel.hash_to_curve(items, b"t")
    for buffer in (bytearray(items), memoryview(items), array("B", items), array("I", items)):
        assert kernel.hash_to_curve(buffer, b"t") == want
        assert kernel.hash_to_curve_many(buffer, offsets, b"t") == want
    unaligned = memoryview(b"x" + offsets.tobytes())[1:]
    assert kernel.hash_to_curve_many(items, unaligned, b"t") == want


@native
def test_a_path_that_is_not_here_is_refused_for_every_call(path):
    with pytest.raises(ValueError, match=f"no path '{path}9'"):
        Kernel(f"{path}9").hash_to_curve_many(b"", bytes(8), b"t")

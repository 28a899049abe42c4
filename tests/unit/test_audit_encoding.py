"""Canonical JSON read fast is the same as read by the book."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from cleanroom.audit.encoding import (
    MAX_DEPTH,
    MAX_EXACT_INTEGER,
    decode_canonical,
    encode_canonical,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["\x00", "\x1f", "\x7f", '"', "\\", "/", "\u2028", "\U0001f600", "\ufffe", "é", "\b\t\n\f\r"]
)
WHOLE = st.integers(-MAX_EXACT_INTEGER, MAX_EXACT_INTEGER)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def by_the_book(data):
    """Return whether bytes are the RFC 8785 form of a value without fractions, by the library."""
    try:
        value = json.loads(data.decode())
        return not _has_fraction(value) and rfc8785.dumps(value) == data
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        return False


def _has_fraction(value):
    if isinstance(value, dict):
        return any(map(_has_fraction, value.values()))
    if isinstance(value, list):
        return any(map(_has_fraction, value))
    return isinstance(value, float)


def is_read(data):
    try:
        decode_canonical(data)
    except ValueError:
        return False
    return True


@given(VALUES)
@example({"\ue000": 1, "\U0001f600": 2})  # where code units and code points sort differently
@example({"a": MAX_EXACT_INTEGER, "b": -MAX_EXACT_INTEGER})
def test_what_is_written_is_read_back(value):
    data = encode_canonical(value)
    assert data == rfc8785.dumps(value)
    assert decode_canonical(data) == value


@given(VALUES, st.booleans(), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
@example({"a": 1, "A": 2}, False, False, (",", ":"))
@example({"k": "\x7f\x1f"}, True, True, (",", ":"))
def test_another_spelling_is_read_only_where_it_is_the_canonical_one(value, plain, order, between):
    text = json.dumps(value, ensure_ascii=plain, sort_keys=order, separators=between)
    assert is_read(text.encode()) == by_the_book(text.encode())


@given(VALUES, st.integers(0, 300), st.integers(0, 127))
def test_a_changed_byte_is_read_only_where_it_is_canonical(value, position, byte):
    data = bytearray(encode_canonical(value))
    data[position % len(data)] = byte
    assert is_read(bytes(data)) == by_the_book(bytes(data))


@pytest.mark.parametrize("text", ["9007199254740992", "-9007199254740992", "1" * 18, "-0", "01"])
def test_an_integer_that_is_not_exact_or_not_canonical_is_refused(text):
    assert not is_read(text.encode())


def test_depth_is_limited_on_either_way():
    for inner in ("1", '"é"'):
        deep = "[" * MAX_DEPTH + inner + "]" * MAX_DEPTH
        assert is_read(deep.encode())
        assert not is_read(f"[{deep}]".encode())

"""Entries and commitments: canonical bytes, exact inverses, and what is refused."""

from __future__ import annotations

import hashlib

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.audit.commitment import commit, verify_commitment
from cleanroom.audit.entry import MAX_ENTRY_BYTES, Entry, EntryKind, decode_entry, encode_entry
from cleanroom.audit.errors import CommitmentInvalid, EntryInvalid
from support.audit_logs import changed, some_entry

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(EntryKind),
    time_s=st.integers(0, 2**53 - 1),
    actor=TEXT.filter(bool),
    collaboration=st.none() | TEXT.filter(bool),
    fields=st.dictionaries(TEXT, JSON, max_size=5),
    salt=st.binary(min_size=16, max_size=16),
)


def raw(**changes):
    """Return canonical bytes of an entry's object with some members changed."""
    members: dict = {
        "!v": "cleanroom-log/v1",
        "actor": "acme",
        "collaboration": "c",
        "fields": {},
        "kind": "policy_proposed",
        "salt": "00" * 16,
        "time_s": 1,
    } | changes
    return rfc8785.dumps(members)


@given(ENTRIES)
@settings(max_examples=200, deadline=None)
def test_decode_is_the_inverse_of_encode(entry):
    data = encode_entry(entry)
    assert decode_entry(data) == entry
    assert encode_entry(decode_entry(data)) == data


@given(ENTRIES)
@settings(max_examples=50, deadline=None)
def test_bytes_open_with_the_version(entry):
    assert encode_entry(entry).startswith(b'{"!v":"cleanroom-log/v1","actor":')


def test_bytes_are_these():
    entry = Entry(
        kind=EntryKind.CONSENT_WITHDRAWN,
        time_s=1_760_000_000,
        actor="shop",
        collaboration=None,
        fields={"b": 2**53, "a": [True, None, -1]},
        salt=bytes(range(16)),
    )
    assert encode_entry(entry) == (
        b'{"!v":"cleanroom-log/v1","actor":"shop","collaboration":null,'
        b'"fields":{"a":[true,null,-1],"b":"9007199254740992"},"kind":"consent_withdrawn",'
        b'"salt":"000102030405060708090a0b0c0d0e0f","time_s":1760000000}'
    )


def test_integers_beyond_what_readers_keep_become_decimal_text():
    entry = some_entry(1, fields={"kept": 2**53 - 1, "text": 2**53, "low": -(2**60)})
    assert entry.fields == {"kept": 2**53 - 1, "text": str(2**53), "low": str(-(2**60))}


def test_an_entry_does_not_change_when_the_caller_changes_the_fields_later():
    fields = {"list": [1]}
    entry = some_entry(1, fields=fields)
    fields["list"].append(2)
    assert entry.fields == {"list": [1]}


def test_the_longest_entry_is_written_and_one_byte_more_is_refused():
    spare = MAX_ENTRY_BYTES - len(encode_entry(some_entry(1, fields={"x": ""})))
    data = encode_entry(some_entry(1, fields={"x": "y" * spare}))
    assert len(data) == 65_535
    assert decode_entry(data).fields == {"x": "y" * spare}
    with pytest.raises(EntryInvalid, match="65536 bytes long"):
        encode_entry(some_entry(1, fields={"x": "y" * (spare + 1)}))
    with pytest.raises(EntryInvalid, match="65536 bytes long"):
        decode_entry(data + b" ")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"fields": {"x": 1.5}}, "float"),
        ({"fields": {"x": float("nan")}}, "float"),
        ({"fields": {"x": b"bytes"}}, "bytes"),
        ({"fields": {1: "x"}}, "keys must be text"),
        ({"fields": {"x": "\ud800"}}, "surrogates"),
        ({"fields": ["x"]}, "not an object"),
        ({"kind": "policy_proposed"}, "kind"),
        ({"time_s": -1}, "time_s"),
        ({"time_s": 1.0}, "time_s"),
        ({"time_s": True}, "time_s"),
        ({"time_s": 2**53}, "time_s"),
        ({"actor": ""}, "actor"),
        ({"actor": "\udc00"}, "actor"),
        ({"collaboration": ""}, "collaboration"),
        ({"salt": bytes(15)}, "salt"),
    ],
)
def test_an_entry_refuses_what_cannot_be_written(change, why):
    with pytest.raises(EntryInvalid, match=why):
        some_entry(1, **change)


def test_the_deepest_entry_is_written_and_one_level_more_is_refused():
    nested: list = []
    for _ in range(30):
        nested = [nested]
    deepest = some_entry(1, fields={"x": nested})  # entry 0, fields 1, lists 2 to 32
    assert decode_entry(encode_entry(deepest)) == deepest
    with pytest.raises(EntryInvalid, match="nested deeper"):
        some_entry(1, fields={"x": [nested]})


def test_raw_is_accepted_unchanged():
    assert decode_entry(raw()).kind is EntryKind.POLICY_PROPOSED


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"[]", "exactly the keys"),
        (b"null", "exactly the keys"),
        (b"\xff", "utf-8"),
        (b"\xef\xbb\xbf" + raw(), "BOM"),
        (raw() + b"\n", "canonical"),
        (raw() + b"x", "Extra data"),
        (raw().replace(b":", b": ", 1), "canonical"),
        (raw().replace(b'"acme"', b'"\\u0061cme"'), "canonical"),
        (raw().replace(b'"actor":"acme"', b'"actor":"a","actor":"acme"'), "canonical"),
        (raw().replace(b'"time_s":1', b'"time_s":-0'), "canonical"),
        (raw().replace(b'"time_s":1', b'"time_s":1.0'), "not an integer"),
        (raw().replace(b'"time_s":1', b'"time_s":1e0'), "not an integer"),
        (raw().replace(b'"time_s":1', b'"time_s":NaN'), "not an integer"),
        (raw().replace(b'"time_s":1', b'"time_s":9007199254740992'), "canonical"),
        (raw().replace(b'"time_s":1', b'"time_s":' + b"9" * 5000), "digits"),
        (raw().replace(b"{}", b'{"x":"\\ud800"}'), "surrogates"),
        (raw().replace(b"{}", b'{"x":' + b"[" * 30000 + b"]" * 30000 + b"}"), "nested deeper"),
        (raw(extra=1), "exactly the keys"),
        (rfc8785.dumps({"!v": "cleanroom-log/v1"}), "exactly the keys"),
        (raw(**{"!v": "cleanroom-log/v2"}), "version"),
        (raw(kind="policy_forgotten"), "kind is not known"),
        (raw(kind=1), "kind is not text"),
        (raw(kind=None), "kind is not text"),
        (raw(time_s="1"), "time_s"),
        (raw(time_s=True), "time_s"),
        (raw(time_s=-1), "time_s"),
        (raw(actor=""), "actor"),
        (raw(actor=None), "actor"),
        (raw(collaboration=1), "collaboration"),
        (raw(collaboration=""), "collaboration"),
        (raw(fields=[]), "fields"),
        (raw(salt="0" * 31), "salt"),
        (raw(salt="AB" * 16), "lowercase"),
        (raw(salt="00 " * 16), "lowercase"),
        (raw(salt="00" * 15), "salt"),
        (raw(salt="zz" * 16), "hexadecimal"),
    ],
)
def test_decode_refuses_bytes_that_encode_would_not_write(data, why):
    with pytest.raises(EntryInvalid, match=why):
        decode_entry(data)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_only_the_promised_exception_leaves_decode(data):
    with pytest.raises(EntryInvalid):
        decode_entry(data)


@given(ENTRIES, st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_byte_never_decodes_to_the_same_entry(entry, data):
    original = encode_entry(entry)
    position = data.draw(st.integers(0, len(original) - 1))
    tampered = changed(original, position, data.draw(st.integers(1, 255)))
    try:
        decoded = decode_entry(tampered)
    except EntryInvalid:
        return
    assert decoded != entry
    assert encode_entry(decoded) == tampered


def test_a_commitment_is_the_documented_hash():
    salt = bytes(range(16))
    expected = hashlib.sha256(b"cleanroom-commit/v1\0" + salt + b"payload").digest()
    assert commit(salt, b"payload") == expected
    verify_commitment(commitment=expected, salt=salt, payload=b"payload")


@pytest.mark.parametrize(
    ("salt", "payload"), [(bytes(16), b"other"), (b"\x01" * 16, b"payload"), (bytes(16), b"")]
)
def test_a_commitment_opens_to_nothing_else(salt, payload):
    with pytest.raises(CommitmentInvalid, match="other content or with another salt"):
        verify_commitment(commitment=commit(bytes(16), b"payload"), salt=salt, payload=payload)


def test_a_commitment_needs_the_whole_salt():
    with pytest.raises(CommitmentInvalid, match="16 bytes"):
        commit(bytes(15), b"\0payload")


def test_the_salt_does_not_show_in_a_representation():
    assert "salt" not in repr(some_entry(1))

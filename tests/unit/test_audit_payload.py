"""Payloads beside the log: what opens a commitment, what is refused, and the file of an export."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.audit.entry import EntryKind
from cleanroom.audit.errors import CommitmentInvalid
from cleanroom.audit.payload import (
    Erasable,
    Payload,
    decode_payloads,
    encode_payloads,
    opened,
    verify_payload,
)
from support.audit_logs import changed, some_entry

KEPT = Erasable(name="why", salt=bytes(range(16)), content="too few people in métro")
PAYLOAD = Payload(entry=7, kept=KEPT)
ENTRY = some_entry(
    7,
    kind=EntryKind.QUESTION_REFUSED,
    fields={KEPT.field_name: KEPT.commitment, "reason": "QUESTION_REFUSED"},
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PAYLOADS = st.builds(
    Payload,
    entry=st.integers(0, 10**6),
    kept=st.builds(
        Erasable,
        name=st.sampled_from(["why", "question"]),
        salt=st.binary(min_size=16, max_size=16),
        content=TEXTS,
    ),
)


def test_an_entry_reads_with_its_payload_in_the_place_of_the_commitment():
    assert opened(ENTRY, [PAYLOAD]).fields == {
        "why": "too few people in métro",
        "reason": "QUESTION_REFUSED",
    }
    assert opened(ENTRY, []) == ENTRY


@pytest.mark.parametrize(
    "other",
    [
        Erasable(name="why", salt=KEPT.salt, content="too few people in metro"),
        Erasable(name="why", salt=bytes(16), content=KEPT.content),
        Erasable(name="what", salt=KEPT.salt, content=KEPT.content),
    ],
)
def test_a_payload_that_was_not_committed_to_is_refused(other):
    with pytest.raises(CommitmentInvalid, match="entry 7 does not commit to this"):
        verify_payload(ENTRY, Payload(entry=7, kept=other))


def test_equal_texts_do_not_show():
    other = Erasable(name="why", salt=bytes(16), content=KEPT.content)
    assert other.commitment != KEPT.commitment


@given(st.lists(PAYLOADS, max_size=6, unique_by=lambda p: (p.entry, p.kept.name)))
def test_a_file_of_payloads_is_read_back_in_order(payloads):
    found = decode_payloads(encode_payloads(payloads))
    assert sorted(found, key=repr) == sorted(payloads, key=repr)
    assert encode_payloads(found) == encode_payloads(payloads)


def test_a_changed_byte_of_a_file_is_refused_or_opens_nothing():
    data = encode_payloads([PAYLOAD])
    for position in range(len(data)):
        for difference in (1, 32, 128):
            try:
                found = decode_payloads(changed(data, position, difference))
            except CommitmentInvalid:
                continue
            [moved] = found
            with pytest.raises(CommitmentInvalid):
                verify_payload(some_entry(moved.entry) if moved.entry != 7 else ENTRY, moved)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"!v":"cleanroom-payloads/v1","payloads":{}}',
        b'{"!v":"cleanroom-payloads/v2","payloads":[]}',
        b'{"!v":"cleanroom-payloads/v1","payloads":[1]}',
        b'{"!v":"cleanroom-payloads/v1","payloads":[{"entry":1}]}',
        encode_payloads([PAYLOAD]).replace(b'"why"', b"7"),
        encode_payloads([PAYLOAD]).replace(b'"entry":7', b'"entry":true'),
        encode_payloads([PAYLOAD]).replace(b"0001", b"zz01"),
        encode_payloads([PAYLOAD]).replace(b"0a0b", b"0A0B"),
        encode_payloads([PAYLOAD]).replace(b"0a0b", b""),
        encode_payloads([PAYLOAD, PAYLOAD]),
    ],
)
def test_a_file_that_is_none_is_refused(data):
    with pytest.raises(CommitmentInvalid):
        decode_payloads(data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "é"},
        {"salt": b"short"},
        {"content": "x" * 65_536},
    ],
)
def test_what_cannot_be_a_payload_is_refused(wrong):
    with pytest.raises(CommitmentInvalid):
        Erasable(**({"name": "why", "salt": bytes(16), "content": ""} | wrong))

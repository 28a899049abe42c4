"""Signed steps: one form of bytes, a place that no other step can take, and a chain."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.audit.errors import StepInvalid
from cleanroom.audit.step import (
    NO_STEP,
    Statement,
    Step,
    StepKind,
    party_of,
    verify_chain,
)

JANE = "spiffe://room.test/officer/acme/jane"
FIRST = Statement(
    kind=StepKind.PROPOSE,
    collaboration="spring",
    policy_digest="ab" * 32,
    position=1,
    previous=NO_STEP,
    signer=JANE,
    time_s=1_780_315_200,
)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
LABELS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
SIGNERS = st.one_of(
    st.builds("spiffe://room.test/party/{}".format, LABELS),
    st.builds("spiffe://room.test/officer/{}/{}".format, LABELS, LABELS),
    st.builds("spiffe://room.test/operator/{}".format, LABELS),
)
STATEMENTS = st.builds(
    Statement,
    kind=st.sampled_from(StepKind),
    collaboration=LABELS,
    policy_digest=HEX,
    position=st.integers(2, 2**53 - 1),
    previous=HEX.filter(lambda text: text != NO_STEP),
    signer=SIGNERS,
    time_s=st.integers(0, 2**53 - 1),
)


@given(STATEMENTS)
def test_a_statement_is_read_back_as_it_was_written(statement):
    assert Statement.parse(statement.encode()) == statement


@given(STATEMENTS, st.data())
def test_one_changed_byte_makes_another_statement_or_none(statement, data):
    raw = bytearray(statement.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with suppress(StepInvalid):
        assert Statement.parse(bytes(raw)) != statement


@given(st.binary(max_size=200))
def test_whatever_comes_only_the_promised_error_leaves_the_parser(junk):
    for data in (junk, b"cleanroom/v1 policy step\0" + junk):
        with pytest.raises(StepInvalid):
            Statement.parse(data)


def test_the_bytes_are_those_that_the_document_describes():
    """Built here from docs/policy-steps.md alone."""
    fields = [
        b"propose",
        b"spring",
        bytes.fromhex("ab" * 32),
        struct.pack(">Q", 1),
        bytes(32),
        JANE.encode(),
        b"acme",
        struct.pack(">Q", 1_780_315_200),
    ]
    statement = b"cleanroom/v1 policy step\0"
    for field in fields:
        statement += struct.pack(">I", len(field)) + field
    assert FIRST.encode() == statement
    digest = b"cleanroom/v1 policy step digest\0"
    for part in (statement, b"signature", b"certificates"):
        digest += struct.pack(">I", len(part)) + part
    step = Step(statement=statement, signature=b"signature", certificates=b"certificates")
    assert step.digest == hashlib.sha256(digest).hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"previous": "cd" * 32},
        {"position": 0},
        {"position": 2},
        {"position": 2**53, "previous": "cd" * 32},
        {"time_s": -1},
        {"policy_digest": "AB" * 32},
        {"collaboration": "Spring"},
        {"signer": "jane"},
        {"signer": "spiffe://room.test/party/acme/jane"},
    ],
)
def test_a_statement_that_cannot_be_is_refused(wrong):
    with pytest.raises(StepInvalid):
        replace(FIRST, **wrong)


def test_parties_and_their_officers_act_for_a_party_and_nobody_else_does():
    assert party_of("spiffe://room.test/party/acme") == "acme"
    assert party_of(JANE) == "acme"
    for other in ("officer/jane", "operator/operator", "auditor/ann"):
        assert party_of(f"spiffe://room.test/{other}") == ""


def _chain(length=4):
    steps, previous = [], NO_STEP
    for position in range(1, length + 1):
        kind = StepKind.PROPOSE if position == 1 else StepKind.ACCEPT
        statement = replace(FIRST, kind=kind, position=position, previous=previous)
        steps.append(Step(statement=statement.encode(), signature=b"s", certificates=b"c"))
        previous = steps[-1].digest
    return steps


def test_steps_that_follow_each_other_are_a_history():
    assert [s.position for s in verify_chain(_chain())] == [1, 2, 3, 4]


def _left_out(steps):
    return [*steps[:1], *steps[2:]]


def _exchanged(steps):
    return [steps[0], steps[2], steps[1], steps[3]]


def _repeated(steps):
    return [*steps, steps[-1]]


def _signed_by_another(steps):
    return [steps[0], replace(steps[1], signature=b"t"), *steps[2:]]


def _unsigned(steps):
    return [*steps[:3], replace(steps[3], signature=b"", certificates=b"")]


def _of_another_collaboration(steps):
    other = replace(Statement.parse(steps[3].statement), collaboration="autumn")
    return [*steps[:3], replace(steps[3], statement=other.encode())]


@pytest.mark.parametrize(
    "change",
    [_left_out, _exchanged, _repeated, _signed_by_another, _unsigned, _of_another_collaboration],
)
def test_a_history_that_was_changed_is_refused(change):
    with pytest.raises(StepInvalid):
        verify_chain(change(_chain()))


def test_a_proposal_may_be_nobodys_word():
    steps = _chain(1)
    assert verify_chain([replace(steps[0], signature=b"", certificates=b"")])[0].position == 1

"""Cosignatures of witnesses: published keys and times, round trips, quorums, strictness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.audit.checkpoint import encode_checkpoint, open_checkpoint, sign_checkpoint
from cleanroom.audit.cosignature import (
    WitnessKey,
    cosign,
    cosignatures,
    require_quorum,
    with_lines,
    witness_key_of,
)
from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import NoteVerifier, split_note
from support.audit_logs import LOG_KEY, SIGNER, changed, checkpoint_of, some_log
from support.witnesses import NOW_S, witness_signer

# Source: transparency-dev/formats, note/note_cosigv1_test.go, TestCoSigV1NewVerifier and
# TestCoSigV1Timestamp.
PUBLISHED_KEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
PUBLISHED_SIGNATURE = (
    "ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJ"
    "XORmnFBOBA=="
)
PUBLISHED_TIME_S = 1_727_964_367

CHECKPOINT = checkpoint_of(some_log(9))
TEXT = encode_checkpoint(CHECKPOINT)
SIGNERS = [witness_signer(number) for number in (1, 2, 3)]
KEYS = [witness_key_of(signer) for signer in SIGNERS]


def cosigned(*signers, time_s=NOW_S):
    lines = [cosign(TEXT, signer, time_s) for signer in signers]
    return with_lines(sign_checkpoint(CHECKPOINT, SIGNER), lines)


def test_a_published_key_is_read_and_written():
    key = WitnessKey.parse(PUBLISHED_KEY)
    assert (key.name, key.key_id.hex(), key.text) == ("remora.n621.de", "da77ade7", PUBLISHED_KEY)


def test_the_time_in_a_published_signature_is_where_we_read_it():
    line = f"\N{EM DASH} w {PUBLISHED_SIGNATURE}\n"
    [found] = split_note(f"text\n\n{line}")[1]
    assert int.from_bytes(found.signature[:8], "big") == PUBLISHED_TIME_S
    assert found.text == line


def test_a_logs_key_is_no_witnesss_and_the_other_way_round():
    with pytest.raises(NoteInvalid, match="0x04"):
        WitnessKey.parse(LOG_KEY.text)
    with pytest.raises(NoteInvalid, match="0x01"):
        NoteVerifier.parse(PUBLISHED_KEY)


def test_a_cosigned_checkpoint_opens_with_the_logs_key_as_before():
    assert open_checkpoint(cosigned(*SIGNERS), LOG_KEY) == CHECKPOINT


@given(st.integers(0, 2**53 - 1))
def test_a_cosignature_tells_who_and_when(time_s):
    [found] = cosignatures(cosigned(SIGNERS[0], time_s=time_s), KEYS)
    assert (found.witness, found.time_s) == (KEYS[0].name, time_s)
    assert found.line == cosign(TEXT, SIGNERS[0], time_s)


def test_any_changed_byte_of_a_cosignature_costs_it():
    note = cosigned(SIGNERS[0])
    start = len(sign_checkpoint(CHECKPOINT, SIGNER).encode())
    for position in range(start, len(note.encode())):
        with pytest.raises(NoteInvalid):
            require_quorum(changed(note.encode(), position), KEYS[:1], 1)


def test_a_cosignature_of_another_tree_is_refused():
    other = encode_checkpoint(checkpoint_of(some_log(10)))
    note = with_lines(sign_checkpoint(CHECKPOINT, SIGNER), [cosign(other, SIGNERS[0], NOW_S)])
    with pytest.raises(NoteInvalid, match="does not verify"):
        cosignatures(note, KEYS)
    assert cosignatures(note, KEYS[1:]) == ()


def test_a_logs_signature_is_no_cosignature_by_the_same_key():
    # The message of a cosignature opens with its own line, so neither passes for the other.
    key = WitnessKey(name=SIGNER.name, public_key=SIGNER.public_key)
    assert cosignatures(sign_checkpoint(CHECKPOINT, SIGNER), [key]) == ()
    with pytest.raises(NoteInvalid, match="no known key"):
        open_checkpoint(f"{TEXT}\n" + cosign(TEXT, SIGNER, NOW_S), LOG_KEY)


def test_two_cosignatures_of_one_witness_are_refused():
    note = cosigned(SIGNERS[0]) + cosign(TEXT, SIGNERS[0], NOW_S + 1)
    with pytest.raises(NoteInvalid, match="twice"):
        cosignatures(note, KEYS)


def test_a_quorum_is_the_readers_choice():
    note = cosigned(*SIGNERS[:2])
    require_quorum(note, KEYS, 2)
    require_quorum(note, KEYS[:2], 2)
    with pytest.raises(NoteInvalid, match=r"2 of 3 wanted .* missing: witness\.example/w3"):
        require_quorum(note, KEYS, 3)
    with pytest.raises(NoteInvalid, match="0 of 1"):
        require_quorum(note, KEYS[2:], 1)


def test_a_time_that_cannot_be_is_refused():
    for time_s in (-1, 2**53):
        with pytest.raises(NoteInvalid, match="unix seconds"):
            cosign(TEXT, SIGNERS[0], time_s)


def test_lines_are_added_once():
    note = cosigned(SIGNERS[0])
    assert with_lines(note, [cosign(TEXT, SIGNERS[0], NOW_S)] * 2) == note

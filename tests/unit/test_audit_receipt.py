"""Receipts and the proof texts in them: verified step by step, and no byte of them is loose."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.audit.entry import EntryKind
from cleanroom.audit.errors import ProofInvalid, ReceiptInvalid
from cleanroom.audit.note import verifier_of
from cleanroom.audit.receipt import build_receipt, verify_receipt
from cleanroom.audit.tlog_proof import TlogProof, decode_tlog_proof, encode_tlog_proof
from support.audit_logs import (
    LOG_KEY,
    MEASUREMENT,
    ORIGIN,
    STRANGER,
    changed,
    released_entry,
    some_receipt,
)

RECEIPT = some_receipt()
HASH = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ="


def with_member(**changes):
    return rfc8785.dumps(json.loads(RECEIPT) | changes)


def with_proof(old, new):
    proof = json.loads(RECEIPT)["proof"]
    assert old in proof
    return with_member(proof=proof.replace(old, new, 1))


def refused(data, step, key=LOG_KEY):
    with pytest.raises(ReceiptInvalid) as caught:
        verify_receipt(data, key)
    assert caught.value.step == step, str(caught.value)
    return str(caught.value)


def test_a_receipt_verifies_and_gives_back_what_it_holds():
    verified = verify_receipt(RECEIPT, LOG_KEY)
    assert verified.measurement == MEASUREMENT
    assert verified.entry == released_entry()
    assert verified.index == 5
    assert (verified.checkpoint.origin, verified.checkpoint.size) == (ORIGIN, 11)


def test_a_receipt_opens_with_its_version():
    assert RECEIPT.startswith(b'{"!v":"cleanroom-receipt/v1","entry":"')


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_receipt_for_any_place_in_a_log_verifies(data):
    size = data.draw(st.integers(1, 20))
    index = data.draw(st.integers(0, size - 1))
    assert verify_receipt(some_receipt(index=index, size=size), LOG_KEY).index == index


@pytest.mark.parametrize(("index", "size"), [(0, 1), (2, 3), (5, 11)])
@pytest.mark.parametrize("difference", [1, 2, 0x20])
def test_every_changed_byte_of_a_receipt_is_refused(index, size, difference):
    data = some_receipt(index=index, size=size)
    for position in range(len(data)):
        with pytest.raises(ReceiptInvalid):
            verify_receipt(changed(data, position, difference), LOG_KEY)


def test_every_cut_or_lengthened_receipt_is_refused():
    for length in range(0, len(RECEIPT), 7):
        refused(RECEIPT[:length], 1)
    refused(RECEIPT + b"\n", 1)


@given(st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_only_the_promised_exception_leaves_verify(data):
    refused(data, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        with_member(more=1),
        with_member(**{"!v": "cleanroom-receipt/v2"}),
        with_member(measurement=1),
        with_member(entry=None),
        with_member(entry="e30"),
        with_member(proof="c2sp.org/tlog-proof@v1"),
        with_proof("index 5\n", "index 05\n"),
        with_proof("index 5\n", "extra AAAA\nindex 5\n"),
        RECEIPT.replace(b'","measurement"', b'" ,"measurement"'),
    ],
)
def test_step_1_refuses_another_form(data):
    assert "step 1 (form)" in refused(data, 1)


def test_step_2_refuses_a_checkpoint_that_the_logs_key_did_not_sign():
    assert "no known key" in refused(some_receipt(signer=STRANGER), 2)
    assert "no known key" in refused(RECEIPT, 2, key=verifier_of(STRANGER))
    assert "does not verify" in refused(with_proof(f"{ORIGIN}\n11\n", f"{ORIGIN}\n12\n"), 2)


def test_step_3_refuses_an_entry_that_is_not_in_the_tree():
    other = json.loads(some_receipt(entry=released_entry(actor="someone-else")))["entry"]
    assert "another root" in refused(with_member(entry=other), 3)
    assert "another root" in refused(with_proof("index 5\n", "index 4\n"), 3)
    assert "no leaf 11" in refused(with_proof("index 5\n", "index 11\n"), 3)


@pytest.mark.parametrize("kind", [kind for kind in EntryKind if kind != "question_released"])
def test_step_4_refuses_an_entry_that_releases_nothing(kind):
    assert kind in refused(some_receipt(entry=released_entry(kind=kind)), 4)


def test_step_5_refuses_another_measurement():
    assert "other content" in refused(with_member(measurement='{"cells":[]}'), 5)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"measurement_commitment": None},
        {"measurement_commitment": "zz"},
        {"measurement_commitment": ""},
        {"measurement_commitment": str(released_entry().fields["measurement_commitment"]).upper()},
    ],
)
def test_step_5_refuses_an_entry_without_a_proper_commitment(fields):
    refused(some_receipt(entry=released_entry(fields=fields)), 5)


@pytest.mark.parametrize(
    "change",
    [
        {"measurement": b"\xff"},
        {"index": -1},
        {"proof": [bytes(31)]},
        {"proof": [bytes(32)] * 64},
        {"checkpoint_note": ""},
        {"checkpoint_note": "\ud800"},
    ],
)
def test_parts_that_cannot_be_written_are_refused(change):
    good: dict = {
        "measurement": MEASUREMENT,
        "entry": b"{}",
        "index": 0,
        "proof": [],
        "checkpoint_note": "note\n",
    }
    assert build_receipt(**good)
    with pytest.raises(ReceiptInvalid, match="step 1"):
        build_receipt(**(good | change))


# Source: the specification c2sp.org/tlog-proof, first two hashes of its example, without `extra`.
SPEC_PROOF = (
    "c2sp.org/tlog-proof@v1\nindex 73894\n"
    f"{HASH}\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\n"
    "example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n— x AAAAAAA=\n"
)


def test_a_proof_text_of_the_specification_reads_and_is_written_again():
    proof = decode_tlog_proof(SPEC_PROOF)
    assert proof.index == 73_894
    assert len(proof.hashes) == 2
    assert proof.checkpoint_note.startswith("example.com/fancylog\n109482\n")
    assert encode_tlog_proof(proof) == SPEC_PROOF


@given(
    st.integers(0, 2**63 - 2),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
@settings(max_examples=100, deadline=None)
def test_a_proof_text_reads_as_it_was_written(index, hashes, note):
    proof = TlogProof(index=index, hashes=tuple(hashes), checkpoint_note=note)
    assert decode_tlog_proof(encode_tlog_proof(proof)) == proof


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\nnote\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex +1\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\nnote\n",
        "c2sp.org/tlog-proof@v1\r\nindex 0\n\nnote\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{HASH}\nnote\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{HASH}x\n\nnote\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n {HASH}\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nnote\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + f"{HASH}\n" * 64 + "\nnote\n",
    ],
)
def test_a_malformed_proof_text_is_refused(text):
    with pytest.raises(ProofInvalid, match="tlog proof"):
        decode_tlog_proof(text)

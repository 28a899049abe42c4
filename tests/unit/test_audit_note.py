"""Signed notes and checkpoints: notes made by Go, round trips, and strictness by name."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.audit.checkpoint import (
    Checkpoint,
    decode_checkpoint,
    encode_checkpoint,
    open_checkpoint,
    sign_checkpoint,
)
from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import Ed25519Signer, NoteVerifier, open_note, sign_note, verifier_of
from cleanroom.audit.tree import EMPTY_ROOT
from support.audit_logs import LOG_KEY, ORIGIN, SIGNER, STRANGER, changed

# Source: the package documentation of golang.org/x/mod/sumdb/note, made by Go's implementation.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)
# Source: transparency-dev/formats, log/checkpoint_test.go, TestSumDBNoteParsing: a tree head that
# the Go checksum database signed.
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = (
    "go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n"
    "— sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWE"
    "PWL+o3GeoWwOoAw=\n"
)
WITNESS = Ed25519Signer(
    name="witness.example", key=Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
)
LINES = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n"), max_size=60
)
NAMES = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: "+" not in name and not any(char.isspace() for char in name)
)


def signature_line(note):
    return note.rpartition("\n\n")[2]


def test_a_note_signed_by_go_opens():
    verifier = NoteVerifier.parse(GO_KEY)
    assert verifier.name == "PeterNeumann"
    assert verifier.key_id.hex() == "c74f20a3"
    assert verifier.text == GO_KEY
    assert open_note(GO_NOTE, [verifier]) == GO_TEXT
    assert open_note(GO_NOTE.encode(), [verifier]) == GO_TEXT


def test_a_tree_head_signed_by_go_opens_and_parses():
    text = open_note(SUMDB_NOTE, [NoteVerifier.parse(SUMDB_KEY)])
    checkpoint = decode_checkpoint(text)
    assert checkpoint.size == 6_476_701
    assert encode_checkpoint(checkpoint) == text


@given(LINES, NAMES, st.binary(min_size=32, max_size=32))
@settings(max_examples=100, deadline=None)
def test_open_is_the_inverse_of_sign(lines, name, seed):
    signer = Ed25519Signer(name=name, key=Ed25519PrivateKey.from_private_bytes(seed))
    verifier = verifier_of(signer)
    assert NoteVerifier.parse(verifier.text) == verifier
    assert open_note(sign_note(lines + "\n", signer), [verifier]) == lines + "\n"


@pytest.mark.parametrize(("note", "key"), [(GO_NOTE, GO_KEY), (SUMDB_NOTE, SUMDB_KEY)])
@pytest.mark.parametrize("difference", [1, 0x20, 0x80])
def test_every_changed_byte_of_a_note_is_refused(note, key, difference):
    data, verifier = note.encode(), NoteVerifier.parse(key)
    for position in range(len(data)):
        with pytest.raises(NoteInvalid):
            open_note(changed(data, position, difference), [verifier])


def test_every_shortened_note_is_refused():
    data = GO_NOTE.encode()
    for length in range(len(data)):
        with pytest.raises(NoteInvalid):
            open_note(data[:length], [NoteVerifier.parse(GO_KEY)])


def test_unknown_signers_are_ignored_and_one_known_is_enough():
    note = sign_note("text\n", SIGNER) + signature_line(sign_note("text\n", WITNESS))
    assert open_note(note, [LOG_KEY]) == "text\n"
    assert open_note(note, [verifier_of(WITNESS)]) == "text\n"
    assert open_note(note, [LOG_KEY, verifier_of(WITNESS)]) == "text\n"


def test_a_note_without_a_known_signer_is_refused():
    with pytest.raises(NoteInvalid, match="no known key signed it"):
        open_note(sign_note("text\n", WITNESS), [LOG_KEY])
    with pytest.raises(NoteInvalid, match="no known key signed it"):
        open_note(sign_note("text\n", SIGNER), [])


def test_a_key_of_the_same_name_is_another_key():
    with pytest.raises(NoteInvalid, match="no known key signed it"):
        open_note(sign_note("text\n", STRANGER), [LOG_KEY])


def test_a_bad_signature_of_a_known_key_refuses_the_note_though_another_is_good():
    good = sign_note("text\n", SIGNER)
    bad = signature_line(sign_note("another text\n", WITNESS))
    assert open_note(good + bad, [LOG_KEY]) == "text\n"
    with pytest.raises(NoteInvalid, match=r"witness\.example does not verify"):
        open_note(good + bad, [LOG_KEY, verifier_of(WITNESS)])


def test_a_known_key_signs_once():
    note = sign_note("text\n", SIGNER)
    with pytest.raises(NoteInvalid, match="twice"):
        open_note(note + signature_line(note), [LOG_KEY])


def test_a_note_carries_sixteen_signatures_and_not_a_hundred_and_one():
    line = signature_line(sign_note("text\n", WITNESS))
    assert open_note(sign_note("text\n", SIGNER) + line * 15, [LOG_KEY]) == "text\n"
    with pytest.raises(NoteInvalid, match="more than 100 signatures"):
        open_note(sign_note("text\n", SIGNER) + line * 100, [LOG_KEY])


def test_the_text_may_hold_blank_lines_and_what_looks_like_a_signature():
    text = "one\n\n— nobody AAAAAAA=\n\ntwo\n"
    assert open_note(sign_note(text, SIGNER), [LOG_KEY]) == text


GOOD = sign_note("text\n", SIGNER)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        GOOD + "\n",
        GOOD + "junk",
        GOOD + "junk\n",
        GOOD[:-1],
        GOOD[:-1] + " \n",
        GOOD[:-1] + "\r\n",
        GOOD.replace("—", "-"),
        GOOD.replace("— ", "—"),
        GOOD.replace("— ", "—  "),
        GOOD.replace("text", "te\txt"),
        GOOD + "— name+plus AAAAAAA=\n",
        GOOD + "— white\u2003space AAAAAAA=\n",
        GOOD + "—  AAAAAAA=\n",
        GOOD + "— short AAAAAA==\n",
        GOOD + "— unpadded AAAAAAA\n",
        GOOD + "— unusedbits AAAAAAB=\n",
        GOOD + "— urlsafe __________==\n",
        GOOD + "— nothing\n",
        GOOD + "— surrogate\ud800 AAAAAAA=\n",
        "x" * 1_000_000 + "\n\n" + signature_line(GOOD),
    ],
)
def test_a_malformed_note_is_refused(note):
    with pytest.raises(NoteInvalid):
        open_note(note, [LOG_KEY])


def test_a_note_that_is_not_utf8_is_refused():
    with pytest.raises(NoteInvalid, match="UTF-8"):
        open_note(b"\xff" + GOOD.encode(), [LOG_KEY])


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "nul\0\n", "cr\r\n", "\ud800\n"])
def test_a_text_that_cannot_be_a_note_is_not_signed(text):
    with pytest.raises(NoteInvalid):
        sign_note(text, SIGNER)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\0b", "\ud800"])
def test_a_name_that_cannot_stand_in_a_line_is_refused(name):
    with pytest.raises(NoteInvalid):
        Ed25519Signer(name=name, key=SIGNER.key)
    with pytest.raises(NoteInvalid):
        NoteVerifier(name=name, public_key=bytes(32))


def other_type(type_byte):
    return base64.b64encode(type_byte + LOG_KEY.public_key).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        GO_KEY + " ",
        GO_KEY + "\n",
        GO_KEY[:-1],
        GO_KEY.replace("c74f20a3", "C74F20A3"),
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY.replace("Peter", "Petra"),
        GO_KEY.replace("PeterNeumann", "Peter Neumann"),
        f"{ORIGIN}+{LOG_KEY.key_id.hex()}+{other_type(b'')}",
        f"{ORIGIN}+{LOG_KEY.key_id.hex()}+{other_type(bytes([4]))}",
        f"{ORIGIN}+{LOG_KEY.key_id.hex()}+{other_type(bytes([1, 1]))}",
    ],
)
def test_a_malformed_verifier_key_is_refused(text):
    with pytest.raises(NoteInvalid):
        NoteVerifier.parse(text)


def test_a_signer_does_not_show_its_key():
    assert repr(SIGNER) == f"Ed25519Signer(name='{ORIGIN}')"


CHECKPOINT = Checkpoint(origin=ORIGIN, size=42, root=bytes(range(32)))
ROOT = base64.b64encode(CHECKPOINT.root).decode()


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
@settings(max_examples=100, deadline=None)
def test_a_checkpoint_reads_as_it_was_written(origin, size, root):
    checkpoint = Checkpoint(origin=origin, size=size, root=root)
    assert decode_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


def test_a_checkpoint_is_these_bytes_and_opens_with_the_logs_key():
    note = sign_checkpoint(CHECKPOINT, SIGNER)
    assert note.startswith(
        "cleanroom.example/log\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— "
    )
    assert open_checkpoint(note, LOG_KEY) == CHECKPOINT


def test_every_changed_byte_of_a_checkpoint_is_refused():
    data = sign_checkpoint(CHECKPOINT, SIGNER).encode()
    for position in range(len(data)):
        with pytest.raises(NoteInvalid):
            open_checkpoint(changed(data, position), LOG_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n42\n",
        f"{ORIGIN}\n42\n{ROOT}",
        f"\n42\n{ROOT}\n",
        f"{ORIGIN}\n42\n{ROOT}\nextension\n",
        f"{ORIGIN}\n42\n{ROOT}\n\n",
        f"{ORIGIN}\n+42\n{ROOT}\n",
        f"{ORIGIN}\n-1\n{ROOT}\n",
        f"{ORIGIN}\n042\n{ROOT}\n",
        f"{ORIGIN}\n 42\n{ROOT}\n",
        f"{ORIGIN}\n4_2\n{ROOT}\n",
        f"{ORIGIN}\n\u0664\u0662\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"{ORIGIN}\n9223372036854775808\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
        f"{ORIGIN}\n0\n{ROOT}\n",
        f"{ORIGIN}\n42\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n42\n{ROOT[:-2]}9=\n",
        f"{ORIGIN}\n42\n{ROOT[:-4]}\n",
        f"{ORIGIN}\n42\n{ROOT}{ROOT}\n",
        f"{ORIGIN}\n42\né{ROOT[1:]}\n",
        f"{ORIGIN}\r\n42\r\n{ROOT}\r\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(NoteInvalid):
        decode_checkpoint(text)


def test_an_empty_log_has_the_empty_root():
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert decode_checkpoint(encode_checkpoint(empty)) == empty
    with pytest.raises(NoteInvalid, match="empty root"):
        Checkpoint(origin=ORIGIN, size=0, root=bytes(32))


def test_a_key_does_not_speak_for_another_log():
    other = Checkpoint(origin="another.example/log", size=42, root=bytes(32))
    with pytest.raises(NoteInvalid, match="origin"):
        sign_checkpoint(other, SIGNER)
    with pytest.raises(NoteInvalid, match="origin"):
        open_checkpoint(sign_note(encode_checkpoint(other), SIGNER), LOG_KEY)

"""Normalisation and identities on the mess that real lists hold."""

import hashlib
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_client.identifiers import (
    KeyColumn,
    KeyType,
    Reason,
    RejectReport,
    Unparseable,
    identities,
    identity,
)
from cleanroom_client.identifiers.normalise import normalise


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (" Ann.Lee@Example.COM ", "ann.lee@example.com"),
        ("\u00a0ann@example.com\u00a0", "ann@example.com"),
        ("\ufeffann@example.com\u200b\r\n", "ann@example.com"),
        ("A.N.N+shop+x@GMAIL.com", "ann@gmail.com"),
        ("a.n.n+shop@googlemail.com", "a.n.n+shop@googlemail.com"),
        ("ÄNN@example.com", "Änn@example.com"),
    ],
)
def test_emails_get_one_spelling(raw, clean):
    assert normalise(KeyType.EMAIL, raw, None) == clean


@pytest.mark.parametrize(
    "raw", ["ann", "ann@", "@example.com", "a@b@c.d", "...@gmail.com", "a n@b.c", "a@b\x00.c"]
)
def test_text_without_the_shape_of_an_email_is_refused(raw):
    with pytest.raises(Unparseable) as caught:
        normalise(KeyType.EMAIL, raw, None)
    assert caught.value.reason is Reason.NOT_AN_EMAIL


@pytest.mark.parametrize(
    "raw",
    [
        "8 (912) 345-67-89",
        "89123456789",
        "9123456789",
        "79123456789",
        "+7 912 345 67 89",
        "+7\u00a0912\u00a0345-67-89",
        "８９１２３４５６７８９",
        "  +79123456789;",
    ],
)
def test_spellings_of_one_russian_phone_give_one_number(raw):
    assert normalise(KeyType.PHONE, raw, "RU") == "+79123456789"


@pytest.mark.parametrize(
    ("raw", "region", "reason"),
    [
        ("tel:+79123456789", "RU", Reason.NOT_A_PHONE),
        ("1-800-FLOWERS", "US", Reason.NOT_A_PHONE),
        ("555-5555", "US", Reason.NOT_A_PHONE),
        ("912 345 67 89, 912 345 67 80", "RU", Reason.NOT_A_PHONE),
        ("+", "RU", Reason.NOT_A_PHONE),
        ("8 912 345 67 89", None, Reason.NO_REGION),
    ],
)
def test_text_that_is_no_complete_phone_is_refused(raw, region, reason):
    with pytest.raises(Unparseable) as caught:
        normalise(KeyType.PHONE, raw, region)
    assert caught.value.reason is reason


def test_device_ids_are_lower_case_and_zeros_are_nobody():
    raw = " 38400000-8CF0-11BD-B23E-10B96E40000D"
    assert normalise(KeyType.DEVICE_ID, raw, None) == "38400000-8cf0-11bd-b23e-10b96e40000d"
    for bad, reason in (
        ("00000000-0000-0000-0000-000000000000", Reason.ZERO_DEVICE_ID),
        ("384000008cf011bdb23e10b96e40000d", Reason.NOT_A_DEVICE_ID),
    ):
        with pytest.raises(Unparseable) as caught:
            normalise(KeyType.DEVICE_ID, bad, None)
        assert caught.value.reason is reason


@pytest.mark.parametrize("kind", [KeyType.LOYALTY_ID, KeyType.COOKIE, KeyType.EXTERNAL_ID])
def test_issued_identifiers_keep_their_case_but_not_their_spelling_of_accents(kind):
    assert normalise(kind, " Cafe\u0301-7 ", None) == "Caf\u00e9-7"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", Reason.EMPTY),
        (" \t\u00a0", Reason.EMPTY),
        ("x" * 1025, Reason.TOO_LONG),
        ("\ud800", Reason.NOT_TEXT),
    ],
)
@pytest.mark.parametrize("kind", list(KeyColumn))
def test_blank_endless_and_broken_text_is_refused_for_every_kind(kind, raw, reason):
    with pytest.raises(Unparseable) as caught:
        identity(kind, raw, None)
    assert caught.value.reason is reason
    assert str(caught.value) == f"not usable as a match key: {reason}"


def test_identity_is_sha256_of_the_normalised_text_and_equals_its_hashed_form():
    digest = hashlib.sha256(b"ann@example.com").digest()
    assert identity(KeyType.EMAIL, "ANN@example.com ", None) == digest
    assert identity(KeyColumn.EMAIL_SHA256, f" {digest.hex().upper()} ", None) == digest


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("ann@example.com", Reason.NOT_A_HASH),
        ("ab" * 31, Reason.NOT_A_HASH),
        ("ab" * 33, Reason.NOT_A_HASH),
        ("A" * 42 + "B=", Reason.NOT_A_HASH),  # decodes, but is not how 32 bytes are written
        (hashlib.sha256(b"").hexdigest(), Reason.HASH_OF_NOTHING),
    ],
)
def test_hashed_columns_refuse_what_is_no_hash_of_a_key(raw, reason):
    with pytest.raises(Unparseable) as caught:
        identity(KeyColumn.EMAIL_SHA256, raw, None)
    assert caught.value.reason is reason


def test_a_column_gives_identities_in_place_and_counts_rejects_by_reason():
    column = pa.chunked_array([["a@b.c", None, " "], ["nonsense", "A@B.C", "nonsense"]])
    found, rejects = identities(KeyType.EMAIL, column, None)
    digest = hashlib.sha256(b"a@b.c").digest()
    assert found.to_pylist() == [digest, None, None, None, digest, None]
    assert dict(rejects.by_reason) == {Reason.EMPTY: 2, Reason.NOT_AN_EMAIL: 2}
    assert (rejects.empty, rejects.unparseable) == (2, 2)
    assert "nonsense" not in repr(rejects)


def test_reject_reports_add_up_and_refuse_counts_of_nothing():
    one = RejectReport(by_reason={Reason.EMPTY: 2})
    assert dict((one + one).by_reason) == {Reason.EMPTY: 4}
    with pytest.raises(ValueError, match="at least one value"):
        RejectReport(by_reason={Reason.EMPTY: 0})


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(KeyType), text=st.text(max_size=40), region=st.sampled_from(["RU", None])
)
def test_any_text_is_refused_or_normalised_to_a_fixed_point(kind, text, region):
    try:
        once = normalise(kind, text, region)
    except Unparseable:
        return
    assert normalise(kind, once, region) == once


@settings(max_examples=150, deadline=None)
@given(text=st.text(" \t\n\x1c\x85\xa0\u2003\u3000\u200b\ufeffa\x00", max_size=12))
def test_exactly_white_space_and_invisible_characters_fall_from_the_ends(text):
    bare = re.sub("^[\\s\u200b\ufeff]+|[\\s\u200b\ufeff]+$", "", text)
    if bare:
        assert normalise(KeyType.COOKIE, text, None) == bare
    else:
        with pytest.raises(Unparseable, match="empty"):
            normalise(KeyType.COOKIE, text, None)


@settings(max_examples=100, deadline=None)
@given(local=st.from_regex(r"[a-z0-9]([a-z0-9.]{0,10}[a-z0-9])?", fullmatch=True))
def test_gmail_spellings_of_one_mailbox_are_one_identity(local):
    plain = identity(KeyType.EMAIL, f"{local.replace('.', '')}@gmail.com", None)
    assert identity(KeyType.EMAIL, f" {local.upper()}+any@Gmail.com", None) == plain

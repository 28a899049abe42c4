"""Normalisation against the vectors of the UID2 client and documentation."""

import base64
import json
from pathlib import Path

import pyarrow as pa
import pytest

from cleanroom_client.identifiers import KeyColumn, KeyType, Unparseable, identities, identity
from cleanroom_client.identifiers.normalise import normalise
from support.columns import on_every_path

_FILE = Path(__file__).parents[2] / "../shared/data/vectors/uid2/normalization.json"


@pytest.fixture(name="vectors", scope="module")
def _vectors():
    if not _FILE.exists():
        pytest.skip("the UID2 vectors are not beside this repository")
    return json.loads(_FILE.read_text())


def test_valid_emails_get_the_published_form_and_hash(vectors):
    for raw, normalised, *hashes in vectors["email_valid"] + vectors["email_docs"]:
        assert normalise(KeyType.EMAIL, raw, None) == normalised
        digest = identity(KeyType.EMAIL, raw, None)
        assert base64.b64encode(digest).decode() == hashes[-1]
        assert all(identity(KeyColumn.EMAIL_SHA256, text, None) == digest for text in hashes)


@on_every_path
def test_columns_of_emails_get_the_published_hashes(vectors, digest_path):
    rows = vectors["email_valid"] + vectors["email_docs"]
    found, rejects = identities(KeyType.EMAIL, pa.array([row[0] for row in rows]), None)
    published = [base64.b64decode(row[-1]) for row in rows]
    assert found.to_pylist() == published
    hashes = pa.array([row[-1] for row in rows])
    assert identities(KeyColumn.EMAIL_SHA256, hashes, None)[0].equals(found)
    bad, more = identities(KeyType.EMAIL, pa.array(vectors["email_invalid"]), None)
    assert bad.null_count == len(bad) > 0 == len(rejects.by_reason)
    assert sum(more.by_reason.values()) == len(bad)


@on_every_path
def test_columns_of_phones_get_the_published_hashes(vectors, digest_path):
    phones, hexes, base64s = map(pa.array, zip(*vectors["phone_hash"], strict=True))
    found, _ = identities(KeyType.PHONE, phones, None)
    assert [digest.hex() for digest in found.to_pylist()] == hexes.to_pylist()
    for hashes in (hexes, base64s):
        assert identities(KeyColumn.PHONE_SHA256, hashes, None)[0].equals(found)


def test_invalid_emails_are_refused(vectors):
    for raw in vectors["email_invalid"]:
        with pytest.raises(Unparseable):
            normalise(KeyType.EMAIL, raw, None)


def test_canonical_phones_stay_as_they_are(vectors):
    for raw in vectors["phone_normalized"]:
        assert normalise(KeyType.PHONE, raw, None) == raw


def test_phones_that_are_not_canonical_never_pass_unchanged(vectors):
    for raw in filter(None, vectors["phone_not_normalized"]):
        try:
            result = normalise(KeyType.PHONE, raw, "US")
        except Unparseable:
            continue
        # A number shorter than UID2 foresees may be complete in its country's plan.
        assert result != raw or len(raw) < 11


def test_documented_phones_are_brought_to_e164(vectors):
    # The page prints the digits 4 and 3 of its Singapore example in two orders.
    corrected = {("65 1243 5678", "SG"): "+6512435678"}
    for raw, region, printed in vectors["phone_docs_examples"]:
        e164 = corrected.get((raw, region), printed)
        assert normalise(KeyType.PHONE, raw, region) == e164


def test_phone_hashes_equal_the_published(vectors):
    for phone, in_hex, in_base64 in vectors["phone_hash"]:
        digest = bytes.fromhex(in_hex)
        assert identity(KeyType.PHONE, phone, None) == digest
        assert identity(KeyColumn.PHONE_SHA256, in_hex.upper(), None) == digest
        assert identity(KeyColumn.PHONE_SHA256, in_base64, None) == digest

"""Phones against libphonenumber's example numbers of every region, in each published format."""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from cleanroom_client.identifiers import KeyType, Reason, Unparseable, identities
from cleanroom_client.identifiers.normalise import normalise
from support.columns import on_every_path

_FILE = Path(__file__).parents[2] / "../shared/data/vectors/libphonenumber/example_numbers.json"


@pytest.fixture(name="rows", scope="module")
def _rows():
    if not _FILE.exists():
        pytest.skip("libphonenumber's example numbers are not beside this repository")
    return json.loads(_FILE.read_text())["rows"]


@pytest.mark.parametrize("form", ["national", "international", "e164"])
def test_each_form_of_an_example_number_gives_its_e164(rows, form):
    wrong = [r for r in rows if normalise(KeyType.PHONE, r[form], r["region"]) != r["e164"]]
    assert [(r["region"], r[form]) for r in wrong] == []
    assert len(rows) == 673


@on_every_path
def test_columns_of_each_form_give_the_same_identities(rows, digest_path):
    wanted = [hashlib.sha256(row["e164"].encode()).digest() for row in rows]
    for form in ("international", "e164"):
        found, rejects = identities(KeyType.PHONE, pa.array([row[form] for row in rows]), None)
        assert found.to_pylist() == wanted
        assert not rejects.by_reason
    for region in sorted({row["region"] for row in rows})[::20]:
        here = [i for i, row in enumerate(rows) if row["region"] == region]
        national = pa.array([rows[i]["national"] for i in here])
        found, _ = identities(KeyType.PHONE, national, region)
        assert found.to_pylist() == [wanted[i] for i in here]


def test_international_forms_need_no_region(rows):
    assert all(normalise(KeyType.PHONE, r["international"], None) == r["e164"] for r in rows)


def test_links_are_not_numbers(rows):
    for row in rows[:50]:
        with pytest.raises(Unparseable) as caught:
            normalise(KeyType.PHONE, row["rfc3966"], row["region"])
        assert caught.value.reason is Reason.NOT_A_PHONE

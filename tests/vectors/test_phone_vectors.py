"""Phones against libphonenumber's example numbers of every region, in each published format."""

import json
from pathlib import Path

import pytest

from cleanroom_client.identifiers import KeyType, Reason, Unparseable, normalise

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


def test_international_forms_need_no_region(rows):
    assert all(normalise(KeyType.PHONE, r["international"], None) == r["e164"] for r in rows)


def test_links_are_not_numbers(rows):
    for row in rows[:50]:
        with pytest.raises(Unparseable) as caught:
            normalise(KeyType.PHONE, row["rfc3966"], row["region"])
        assert caught.value.reason is Reason.NOT_A_PHONE

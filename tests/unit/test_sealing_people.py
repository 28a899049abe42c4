"""Sealing: which rows become one person, and what is kept of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.engine.sealing import seal
from cleanroom.model.consent import MARKS, Basis
from support.messy import SEALABLE, case
from support.panels import exposures_schema, reference, sales_schema, sealed, token, wire_rows
from support.reference import people_of

EXPOSURES, SALES = exposures_schema(), sales_schema()


def _persons(records, schema=EXPOSURES):
    return sealed(schema, records).persons.to_pylist()


def test_rows_without_anything_in_common_are_different_people():
    assert len(_persons([{"email": "a"}, {"phone": "a"}, {"ref": "a"}, {}, {}])) == 5


@pytest.mark.parametrize("shared", ["ref", "email", "phone"])
def test_rows_that_share_a_reference_or_a_token_are_one_person(shared):
    rows = [{shared: "x", "loyalty_id": "1"}, {shared: "x", "loyalty_id": "2"}]
    assert len(_persons(rows)) == 1


def test_rows_merge_through_other_rows():
    chain = [
        {"email": "a"},
        {"ref": "r", "loyalty_id": "9"},
        {"phone": "1", "ref": "r"},
        {"email": "a", "phone": "1"},
        {"loyalty_id": "8"},
    ]
    assert len(_persons(chain)) == 2


def test_a_person_keeps_the_least_token_of_each_type_whatever_the_rows():
    emails = ["a", "b", "c", "d"]
    least = min(map(token, emails))[:16]
    for order in (emails, emails[::-1]):
        (person,) = _persons([{"ref": "r", "email": e} for e in order])
        assert person["tok_email"] == least
        assert person["tok_phone"] is None


def test_people_merge_on_whole_tokens_and_keep_their_first_half():
    (person,) = _persons([{"email": "a"}])
    assert person["tok_email"] == token("a")[:16]


def test_a_row_without_a_sealable_purpose_neither_enters_nor_links():
    rows = [
        {"email": "a", "purposes": 1},
        {"email": "a", "phone": "1", "purposes": 4},
        {"phone": "1", "purposes": 3},
        {"email": "z", "purposes": 0},
    ]
    tables = sealed(EXPOSURES, rows, sealable=(1,))
    assert tables.persons.num_rows == tables.events.num_rows == 2
    assert set(tables.persons["purposes"].to_pylist()) == {1, 3}


def test_a_row_must_hold_all_purposes_of_one_family():
    rows = [{"purposes": p} for p in (1, 2, 3, 4)]
    assert sealed(EXPOSURES, rows, sealable=(3, 4)).persons.num_rows == 2
    assert sealed(EXPOSURES, rows, sealable=()).persons.num_rows == 0


def test_a_family_without_purposes_cannot_let_everybody_in():
    with pytest.raises(ValueError, match="never empty"):
        sealed(EXPOSURES, [{"purposes": 0}], sealable=(0,))


def test_a_row_enters_on_an_accepted_basis_and_on_no_other():
    contract, interest = MARKS[Basis.CONTRACT], MARKS[Basis.LEGITIMATE_INTEREST]
    rows = [{"purposes": 1 | mark} for mark in (0, contract, interest)]
    assert sealed(EXPOSURES, rows, sealable=(1,)).persons.num_rows == 1
    assert sealed(EXPOSURES, rows, sealable=(1, 1 | interest)).persons.num_rows == 2
    assert sealed(EXPOSURES, rows, sealable=(1 | contract,)).persons.num_rows == 1


def test_a_person_rests_on_the_bases_of_all_rows_and_has_the_purposes_of_each():
    contract, interest = MARKS[Basis.CONTRACT], MARKS[Basis.LEGITIMATE_INTEREST]
    rows = [
        {"ref": "r", "purposes": 7},
        {"ref": "r", "purposes": 3 | contract},
        {"ref": "s", "purposes": 3 | interest},
        {"ref": "t", "purposes": 1},
    ]
    tables = sealed(EXPOSURES, rows, sealable=(1, 1 | contract, 1 | interest))
    held = set(tables.persons["purposes"].to_pylist())
    assert held == {3 | contract, 3 | interest, 1}


def test_consent_is_the_narrowest_of_the_rows_that_entered():
    rows = [
        {"ref": "r", "purposes": 7, "consent_at": 10, "consent_until": 90},
        {"ref": "r", "purposes": 3, "consent_at": 30, "consent_until": 50},
        {"ref": "r", "purposes": 2, "consent_at": 99, "consent_until": 1},
    ]
    (person,) = _persons(rows)
    assert (person["purposes"], person["consent_at"], person["consent_until"]) == (3, 30, 50)


@pytest.mark.parametrize(
    ("arms", "kept"), [((1, 1), 1), ((0, 0), 0), ((0, 1), -1), ((1, -1), -1), ((-1, -1), -1)]
)
def test_an_arm_holds_only_where_all_rows_agree(arms, kept):
    (person,) = _persons([{"ref": "r", "arm": arm} for arm in arms])
    assert person["arm"] == kept


def test_the_smallest_code_wins_where_rows_differ():
    (person,) = _persons([{"ref": "r", "city": c, "segment": 1} for c in (2, 1, 2)])
    assert (person["dim_city"], person["dim_segment"]) == (1, 1)


def test_each_row_that_entered_is_one_event_of_its_person():
    rows = [
        {"email": "a", "amount": 5, "category": 1, "at": 7},
        {"email": "b", "amount": 6},
        {"email": "a", "amount": 5, "category": 1, "at": 7},
    ]
    tables = sealed(SALES, rows)
    person = dict(
        zip(
            tables.persons["tok_email"].to_pylist(),
            tables.persons["person"].to_pylist(),
            strict=True,
        )
    )
    event = {"person": person[token("a")[:16]], "measure_visits": 1, "measure_amount": 5}
    event |= {"filter_category": 1, "occurred_at": 7}
    assert tables.events.to_pylist().count(event) == 2
    assert tables.events.num_rows == 3


def test_references_lead_to_the_person():
    tables = sealed(
        EXPOSURES, [{"ref": "r", "email": "a"}, {"ref": "s", "email": "a"}, {"ref": "t"}]
    )
    owner = {row["ref"]: row["person"] for row in tables.references.to_pylist()}
    assert owner[reference("r")] == owner[reference("s")] != owner[reference("t")]
    assert len(owner) == 3


@pytest.mark.parametrize("seed", range(12))
def test_the_people_are_those_of_the_reference(seed):
    records = case(seed).uploads["exposures"]
    sealed_people = Counter(
        (p["tok_email"], p["tok_phone"], p["dim_city"], p["arm"], p["purposes"], p["consent_until"])
        for p in sealed(EXPOSURES, records, SEALABLE).persons.to_pylist()
    )
    expected = Counter(
        (
            *(p["tokens"][k] and p["tokens"][k][:16] for k in ("email", "phone")),
            p["dims"]["city"],
            p["arm"],
            p["purposes"],
            p["consent_until"],
        )
        for p in people_of(EXPOSURES, records, SEALABLE)
    )
    assert sealed_people == expected


@given(seed=st.integers(0, 2**32 - 1))
def test_a_token_and_a_reference_belong_to_one_person(seed):
    records = case(seed).uploads["exposures"]
    tables = sealed(EXPOSURES, records, SEALABLE)
    assert tables.persons["person"].to_pylist() == list(range(tables.persons.num_rows))
    for key in EXPOSURES.keys:
        tokens = tables.persons[f"tok_{key}"].drop_null().to_pylist()
        assert len(set(tokens)) == len(tokens)
    refs = tables.references["ref"].to_pylist()
    assert len(set(refs)) == len(refs)


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 120))
def test_the_order_and_the_cutting_of_an_upload_change_nothing(seed, cut):
    records = case(seed).uploads["sales"]
    rows = wire_rows(SALES, records)
    shuffled = rows.take(np.random.default_rng(seed).permutation(rows.num_rows))
    once = seal([rows], SALES, {}, SEALABLE)
    again = seal([shuffled.slice(0, cut), shuffled.slice(cut)], SALES, {}, SEALABLE)
    assert again.tables == once.tables
    assert again.digest == once.digest


def test_an_upload_without_rows_seals_to_empty_tables():
    nothing = seal([], SALES, {}, (1,))
    assert nothing.digest == seal([wire_rows(SALES, [])], SALES, {}, (1,)).digest
    assert nothing.tables.persons.num_rows == nothing.tables.events.num_rows == 0

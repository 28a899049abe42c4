"""Sealing: which rows are refused, and how elements become tokens."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest

from cleanroom.engine.layout import events_schema, persons_schema, wire_schema
from cleanroom.engine.sealing import TokensCollide, seal
from cleanroom.engine.tokens import TokenMissing
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid
from cleanroom.ports.tables import TokenMap
from support.panels import exposures_schema, sales_schema, token, wire_rows

EXPOSURES, SALES = exposures_schema(), sales_schema()
ROWS = wire_rows(EXPOSURES, [{"email": "a"}, {"email": "b", "phone": "1"}])


def _replaced(rows, column, values, kind):
    index = rows.column_names.index(column)
    return rows.set_column(index, pa.field(column, kind), pa.array(values, kind))


def _tokens(*values):
    return pa.array(values, pa.binary(32))


@pytest.mark.parametrize(
    ("column", "values", "kind", "expected"),
    [
        ("dim_city", [0, 3], pa.int16(), "codes from 0 to 2"),
        ("dim_city", [-1, 0], pa.int16(), "codes from 0 to 2"),
        ("dim_city", [None, 0], pa.int16(), "int16, none missing"),
        ("dim_city", [0, 0], pa.int32(), "int16, none missing"),
        ("arm", [0, 2], pa.int8(), "codes from -1 to 1"),
        ("arm", [0, None], pa.int8(), "int8, none missing"),
        ("count_impressions", [1, None], pa.int64(), "int64, none missing"),
        ("purposes", [1, None], pa.int64(), "int64, none missing"),
        ("tok_email", [b"x" * 16] * 2, pa.binary(16), "fixed_size_binary[32]"),
        ("ref", [b"x" * 32] * 2, pa.binary(32), "fixed_size_binary[16]"),
    ],
)
def test_a_column_that_is_not_as_declared_is_refused_by_name(column, values, kind, expected):
    with pytest.raises(FieldInvalid) as refused:
        seal([ROWS, _replaced(ROWS, column, values, kind)], EXPOSURES, {}, (1,))
    assert (refused.value.field, refused.value.expected) == (column, expected)


def test_a_range_is_checked_in_rows_that_do_not_enter_too():
    rows = wire_rows(SALES, [{"category": 3, "purposes": 0}])
    with pytest.raises(FieldInvalid, match="filter_category: expected codes from 0 to 2"):
        seal([rows], SALES, {}, (1,))


@pytest.mark.parametrize("column", ["dim_city", "arm", "consent_until", "count_impressions"])
def test_a_column_that_is_missing_is_refused_by_name(column):
    with pytest.raises(FieldInvalid, match=f"{column}: expected a column of int"):
        seal([ROWS.drop_columns([column])], EXPOSURES, {}, (1,))


def test_a_column_that_is_not_declared_is_refused():
    with pytest.raises(FieldInvalid, match="dim_street: expected only columns"):
        seal([ROWS.append_column("dim_street", pa.array([0, 0]))], EXPOSURES, {}, (1,))


def test_a_column_that_comes_twice_is_refused():
    with pytest.raises(FieldInvalid, match="arm: expected the column once"):
        seal([ROWS.append_column("arm", ROWS["arm"])], EXPOSURES, {}, (1,))


def test_an_arm_in_a_dataset_without_arms_is_refused():
    rows = _replaced(wire_rows(SALES, [{}]), "arm", [1], pa.int8())
    with pytest.raises(FieldInvalid, match="arm: expected"):
        seal([rows], SALES, {}, (1,))


def test_what_is_optional_may_be_left_out_or_null():
    bare = dataclasses.replace(SALES, timed=False)
    rows = wire_rows(bare, [{"amount": 3}])
    left_out = rows.drop_columns(["ref", "tok_email", "tok_phone", "arm", "occurred_at"])
    null = _replaced(_replaced(rows, "arm", [None], pa.int8()), "occurred_at", [None], pa.int64())
    digests = {seal([r], bare, {}, (1,)).digest for r in (rows, left_out, null)}
    assert len(digests) == 1


def test_elements_are_replaced_by_their_final_tokens():
    final = seal([ROWS], EXPOSURES, {KeyType.EMAIL: None}, (1,))
    blinded = _replaced(ROWS, "tok_email", [token("blind a"), token("blind b")], pa.binary(32))
    token_map = TokenMap(
        elements=_tokens(token("padding"), token("blind b"), token("blind a")),
        tokens=_tokens(token("noise"), token("b"), token("a")),
    )
    assert seal([blinded], EXPOSURES, {KeyType.EMAIL: token_map}, (1,)) == final


@pytest.mark.parametrize("prefix", [b"", b"the same first bytes"], ids=["uniform", "chosen"])
@pytest.mark.parametrize("swapped", [False, True], ids=["ascending", "not quite"])
def test_elements_that_come_as_they_are_looked_for_have_their_tokens(prefix, swapped):
    texts = sorted((f"p{i}" for i in range(40)), key=lambda t: _blinded(t, prefix))
    records = [{"email": t} for t in texts]
    final = seal([wire_rows(EXPOSURES, records)], EXPOSURES, {}, (1,))
    uploaded = [_blinded(t, prefix) for t in texts]
    rows = _replaced(wire_rows(EXPOSURES, records), "tok_email", uploaded, pa.binary(32))
    asked = [*texts[:20], *reversed(texts[20:22]), *texts[22:]] if swapped else texts
    parts = (
        TokenMap(
            elements=_tokens(*(_blinded(t, prefix) for t in asked[at : at + 16])),
            tokens=_tokens(*(token(t) for t in asked[at : at + 16])),
        )
        for at in range(0, 40, 16)
    )
    assert seal([rows], EXPOSURES, {KeyType.EMAIL: parts}, (1,)) == final


def test_an_element_without_a_final_token_is_refused():
    token_map = TokenMap(elements=_tokens(token("a")), tokens=_tokens(token("final")))
    with pytest.raises(TokenMissing, match=r"^tok_email: "):
        seal([ROWS], EXPOSURES, {KeyType.EMAIL: token_map}, (1,))


def _blinded(text, prefix):
    return prefix + token("blind " + text)[len(prefix) :]


@pytest.mark.parametrize("prefix", [b"", b"the same first bytes"], ids=["uniform", "chosen"])
def test_a_token_map_may_come_in_parts_in_any_order_each_read_once(prefix):
    texts = [f"p{i}" for i in range(60)]
    records = [{"email": t} for t in (*texts, *texts[:20])]
    final = seal([wire_rows(EXPOSURES, records)], EXPOSURES, {}, (1,))
    uploaded = [_blinded(r["email"], prefix) for r in records]
    rows = _replaced(wire_rows(EXPOSURES, records), "tok_email", uploaded, pa.binary(32))
    asked = [*texts, *(f"padding {i}" for i in range(7))]
    parts = (
        TokenMap(
            elements=_tokens(*(_blinded(t, prefix) for t in asked[i::3])),
            tokens=_tokens(*(token(t) for t in asked[i::3])),
        )
        for i in range(3)
    )
    assert seal([rows], EXPOSURES, {KeyType.EMAIL: parts}, (1,)) == final
    assert next(parts, None) is None


@pytest.mark.parametrize("prefix", [b"", b"the same first bytes"], ids=["uniform", "chosen"])
def test_an_element_that_no_part_holds_is_refused(prefix):
    uploaded = [_blinded(t, prefix) for t in "ab"]
    rows = _replaced(ROWS, "tok_email", uploaded, pa.binary(32))
    parts = [TokenMap(elements=_tokens(_blinded("b", prefix)), tokens=_tokens(token("b")))] * 2
    with pytest.raises(TokenMissing, match=r"^tok_email: "):
        seal([rows], EXPOSURES, {KeyType.EMAIL: parts}, (1,))


def test_elements_that_have_one_token_are_one_person():
    rows = _replaced(ROWS, "tok_email", [token("x"), token("y")], pa.binary(32))
    one = TokenMap(elements=_tokens(token("x"), token("y")), tokens=_tokens(*[token("a")] * 2))
    tables = seal([rows], EXPOSURES, {KeyType.EMAIL: one}, (1,)).tables
    assert tables.persons["tok_email"].to_pylist() == [token("a")[:16]]


def test_a_token_map_is_refused_unless_each_element_has_one_token():
    with pytest.raises(ValueError, match="one token for each element"):
        TokenMap(elements=_tokens(token("a")), tokens=_tokens())
    with pytest.raises(TypeError, match="without nulls"):
        TokenMap(elements=_tokens(None), tokens=_tokens(token("a")))


def test_people_whose_stored_tokens_are_equal_are_refused():
    half = b"same first half!"
    pair = [half + b"1" * 16, half + b"2" * 16]
    rows = _replaced(ROWS, "tok_email", pair, pa.binary(32))
    with pytest.raises(TokensCollide, match=r"^tok_email: "):
        seal([rows], EXPOSURES, {}, (1,))


def test_equal_halves_within_one_person_do_no_harm():
    half = b"same first half!"
    pair = [half + b"1" * 16, half + b"2" * 16]
    rows = wire_rows(EXPOSURES, [{"ref": "r"}, {"ref": "r"}])
    rows = _replaced(rows, "tok_email", pair, pa.binary(32))
    persons = seal([rows], EXPOSURES, {}, (1,)).tables.persons
    assert persons["tok_email"].to_pylist() == [half]


@pytest.mark.parametrize("schema", [EXPOSURES, SALES], ids=["exposures", "sales"])
def test_sealed_tables_have_the_layout_that_the_schema_gives(schema):
    tables = seal([wire_rows(schema, [{"email": "a"}])], schema, {}, (1,)).tables
    assert tables.persons.schema == persons_schema(schema)
    assert tables.events.schema == events_schema(schema)


def test_a_measure_in_rows_is_not_uploaded():
    assert "measure_visits" not in wire_schema(SALES).names
    assert "measure_visits" in events_schema(SALES).names

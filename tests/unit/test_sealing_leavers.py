"""People found in a sealed version, taken out of it, and kept out of the next one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.engine.held import Stored, find, references_of, without
from cleanroom.engine.leaving import staying_rows, unmarked
from cleanroom.engine.sealing import seal
from cleanroom.model.dataset import KeyType
from cleanroom.model.withdrawal import Marks
from support.messy import case
from support.panels import exposures_schema, reference, sealed, token, wire_rows

SCHEMA = exposures_schema((KeyType.EMAIL, KeyType.PHONE))
SEALABLE = (1, 2)
KEY = bytes(range(32))


def marks(*values, at_s=100):
    empty = Marks(key=KEY, times={})
    return Marks(key=KEY, times={empty.of(value): at_s for value in values})


def halves(*values):
    return b"".join(value[:16] for value in values)


def kept(records, given_marks):
    rows = wire_rows(SCHEMA, records)
    staying = staying_rows(lambda: [rows.slice(0, 2), rows.slice(2)], SCHEMA, (1,), given_marks)
    return seal(staying, SCHEMA, {}, (1,)).tables


def test_a_person_is_found_by_any_token_and_any_reference():
    records = [
        {"ref": "r", "email": "a", "phone": "p"},
        {"ref": "s", "email": "b", "phone": "p"},
        {"email": "c"},
    ]
    tables = sealed(SCHEMA, records)
    wanted = [token("a"), token("b"), token("p"), reference("r"), reference("s"), token("c")]
    *one, other = find(tables, halves(*wanted))
    assert set(one) == {one[0]}
    assert {one[0], other} == {0, 1}
    assert find(tables, halves(token("x"), token("a"))) == (-1, one[0])
    assert find(tables, b"") == ()


def test_everything_that_leads_to_people_is_told():
    records = [{"ref": "r", "email": "a"}, {"ref": "r", "email": "b"}, {"email": "c", "phone": "p"}]
    tables = sealed(SCHEMA, records)
    (mine,) = set(find(tables, halves(reference("r"))))
    told = references_of(tables, [mine])
    found = {told[at : at + 16] for at in range(0, len(told), 16)}
    assert found == {token("a")[:16], token("b")[:16], reference("r")}
    assert references_of(tables, []) == b""


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_taking_people_out_is_sealing_the_others_alone(seed, share):
    records = [r for r in case(seed).uploads["exposures"] if _is_named(r)]
    tables = seal([wire_rows(SCHEMA, records)], SCHEMA, {}, SEALABLE).tables
    dice = random.Random(seed)
    leaving = [p for p in range(tables.persons.num_rows) if dice.random() < share]
    left, number = without(tables, leaving)
    stay = [r for r in records if _person(tables, r) not in leaving]
    anew = seal([wire_rows(SCHEMA, stay)], SCHEMA, {}, SEALABLE)
    assert left.tables == anew.tables
    assert left.digest == anew.digest
    assert sorted(n for n in number.tolist() if n >= 0) == list(range(left.tables.persons.num_rows))
    assert [number[p] for p in leaving] == [-1] * len(leaving)


def _is_named(record):
    return any(record.get(name) is not None for name in ("ref", "email", "phone"))


def _person(tables, record):
    """Whose row it is: somebody's, or of one that did not enter nobody's."""
    texts = [token(record[k]) for k in ("email", "phone") if record.get(k) is not None]
    if record.get("ref") is not None:
        texts.append(reference(record["ref"]))
    return find(tables, halves(*texts))[0]


def test_a_row_leaves_with_the_rows_it_shares_a_name_with():
    records = [
        {"ref": "r", "email": "a"},
        {"ref": "r", "email": "b"},
        {"email": "b", "phone": "p"},
        {"email": "c"},
    ]
    tables = kept(records, marks(token("a")))
    assert tables.persons["tok_email"].to_pylist() == [token("c")[:16]]


def test_what_held_a_person_together_may_leave_and_two_stay():
    records = [
        {"ref": "r", "email": "a", "phone": "p", "consent_at": 100},
        {"email": "a", "consent_at": 101},
        {"phone": "p", "consent_at": 101},
    ]
    assert kept(records, marks()).persons.num_rows == 1
    tables = kept(records, marks(reference("r")))
    assert (tables.persons.num_rows, tables.events.num_rows) == (2, 2)


@pytest.mark.parametrize(("consent_at", "stays"), [(99, 0), (100, 0), (101, 1)])
def test_only_a_consent_after_the_withdrawal_counts(consent_at, stays):
    records = [{"email": "a", "consent_at": consent_at}]
    assert kept(records, marks(token("a"))).persons.num_rows == stays
    rows = wire_rows(SCHEMA, records)
    assert unmarked(rows, marks(token("a"))).num_rows == stays


def test_marks_of_nobody_change_nothing():
    rows = wire_rows(SCHEMA, [{"email": "a"}, {"ref": "r"}])
    tables = seal(staying_rows(lambda: [rows], SCHEMA, (1,), marks(token("z"))), SCHEMA, {}, (1,))
    assert tables.digest == seal([rows], SCHEMA, {}, (1,)).digest
    assert unmarked(rows, marks(token("z"))) == rows


@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_relayed_holds_all_that_is_sealed(seed):
    """A row that sealing keeps was never left out of the relay, or its token would be missing."""
    records = case(seed).uploads["exposures"]
    rows = wire_rows(SCHEMA, records)
    names = [token(r["email"]) for r in records if r.get("email") is not None][:3]
    chosen = marks(*names, at_s=5)
    relayed = unmarked(rows, chosen)
    staying = seal(staying_rows(lambda: [rows], SCHEMA, SEALABLE, chosen), SCHEMA, {}, SEALABLE)
    for key in SCHEMA.keys:
        column = f"tok_{key}"
        had = {value[:16] for value in relayed[column].drop_null().to_pylist()}
        assert set(staying.tables.persons[column].drop_null().to_pylist()) <= had


def test_stored_halves_are_asked_of_many_tokens():
    stored = Stored(halves(token("a"), token("b")))
    wanted = b"".join(map(token, "axbx"))
    assert stored.has(wanted, 32).tolist() == [True, False, True, False]
    assert Stored(b"").has(wanted, 32).tolist() == [False] * 4
    near = token("a")[:8] + bytes(24)
    assert stored.has(near, 32).tolist() == [False]


def test_a_mark_needs_the_key_and_hides_it():
    value = token("a")
    mine, other = Marks(key=KEY, times={}), Marks(key=bytes(32), times={})
    assert mine.of(value) != other.of(value)
    assert value[:16] not in (mine.of(value), other.of(value))
    assert KEY.hex() not in repr(mine)
    assert repr(KEY)[2:-1] not in repr(mine)
    with pytest.raises(ValueError, match="32 bytes"):
        Marks(key=b"short", times={})

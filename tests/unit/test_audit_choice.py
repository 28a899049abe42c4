"""Which entries a choice takes, and how they are told to people, spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import json

import pytest

from cleanroom.audit.choice import Choice, Decision, datasets_of, debits_of, parties_of
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import COLUMNS, Found, as_row, csv_lines, defused, json_lines
from cleanroom.audit.words import facts, rho_text, sentence
from support.audit_logs import some_entry

RESERVED = some_entry(
    3,
    actor="party/acme-brand",
    fields={
        "question_digest": "a" * 64,
        "family": "sales_lift",
        "versions": [["sales", "v-1"], ["exposures", "v-2"]],
        "debits": [{"ledger": "ledgers/megamart/loyalty", "nano_rho": 4, "remaining": 10**10}],
    },
)
RELEASED = some_entry(
    4,
    kind=EntryKind.QUESTION_RELEASED,
    actor="party/acme-brand",
    fields={"question_digest": "a" * 64, "reserved_entry": 3},
)
REFUSED = some_entry(
    5,
    kind=EntryKind.QUESTION_REFUSED,
    actor="party/acme-brand",
    collaboration="autumn",
    fields={"family": "ropo", "datasets": ["sales"], "reason": "BUDGET_EXHAUSTED", "why": "No."},
)
DENIED = some_entry(
    6,
    kind=EntryKind.AUTHENTICATION_FAILED,
    actor="unknown",
    collaboration=None,
    fields={"why": "the certificate is denied"},
)
FOUND = (
    Found(index=3, entry=RESERVED),
    Found(index=4, entry=RELEASED, reserved=RESERVED),
    Found(index=5, entry=REFUSED),
    Found(index=6, entry=DENIED),
)


def chosen(**sides):
    choice = Choice(**sides)
    return [f.index for f in FOUND if choice.takes(f.entry, f.reserved)]


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({}, [3, 4, 5, 6]),
        ({"party": "acme-brand"}, [3, 4, 5]),
        ({"party": "megamart"}, [3, 4]),
        ({"party": "party/acme-brand"}, []),
        ({"dataset": "sales"}, [3, 4, 5]),
        ({"dataset": "exposures"}, [3, 4]),
        ({"collaboration": "autumn"}, [5]),
        ({"kind": EntryKind.QUESTION_RELEASED}, [4]),
        ({"decision": Decision.RELEASED}, [4]),
        ({"decision": Decision.REFUSED, "dataset": "exposures"}, []),
        ({"reason": "budget_exhausted"}, [5]),
        ({"reason": "BUDGET"}, []),
        ({"reason": "IS DENIED"}, [6]),
        ({"since_s": RELEASED.time_s}, [4, 5, 6]),
        ({"until_s": RELEASED.time_s}, [3]),
        ({"since_s": RELEASED.time_s, "until_s": REFUSED.time_s}, [4]),
    ],
)
def test_a_choice_takes_what_fits_every_side_of_it(sides, expected):
    assert chosen(**sides) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"debits": "ledgers/a/b"},
        {"debits": ["x", 1, None, {"ledger": 7}, {"ledger": "ledgers/a"}]},
        {"versions": [[], [1, 2], "sales"], "dataset": 4, "datasets": "sales", "party": 1},
    ],
)
def test_fields_of_any_shape_name_nobody_and_nothing(fields):
    entry = some_entry(1, actor="party/acme", fields=fields)
    assert parties_of(entry) == {"acme"}
    assert datasets_of(entry) == ()
    assert list(debits_of(entry)) == []
    assert sentence(entry)
    assert as_row(Found(index=1, entry=entry))


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_has_a_sentence_and_facts_that_leave_nothing_out(kind):
    fields = {"question_digest": "b" * 64, "odd": {"deep": ["x", 1]}, "why": "because"}
    entry = some_entry(1, kind=kind, fields=fields)
    told = dict(facts(entry))
    assert sentence(entry)
    assert told["kind"] == kind.value
    assert told["question"] == "b" * 64
    assert told["odd"] == '{"deep": ["x", 1]}'
    assert told["why"] == "because"
    assert told["salt"] == entry.salt.hex()


def test_a_reservation_is_told_with_what_it_cost_whom():
    assert sentence(RESERVED) == (
        "asked sales_lift of exposures, sales for 0.000000004 rho of megamart/loyalty"
    )
    debit = dict(facts(RESERVED))["debit"]
    assert debit == "ledgers/megamart/loyalty pays rho 0.000000004, 10 remain"


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0"), (1, "0.000000001"), (2_500_000_000, "2.5"), (str(10**20), "1" + "0" * 11)],
)
def test_a_loss_is_told_exactly(nano, text):
    assert rho_text(nano) == text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_would_be_a_formula_is_defused(cell):
    assert defused(cell) == f"'{cell}"
    assert defused(f"a{cell}") == f"a{cell}"
    hostile = some_entry(1, kind=EntryKind.ADMINISTRATIVE, actor=cell, fields={"why": cell})
    lines = "\n".join(csv_lines([Found(index=1, entry=hostile)]))
    header, row = csv.reader(io.StringIO(lines, newline=""))
    assert tuple(header) == COLUMNS
    assert row[COLUMNS.index("actor")] == f"'{cell}"
    assert row[COLUMNS.index("reason")] == f"'{cell}"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_one_array_whatever_its_length(count):
    read = json.loads("\n".join(json_lines(FOUND[:count])))
    assert [one["index"] for one in read] == [f.index for f in FOUND[:count]]
    assert all(one["datasets"] == ["exposures", "sales"] for one in read[:2])

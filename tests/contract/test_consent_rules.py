"""Consent as it works in a whole service: bases, base purpose, age, epochs, on both sides."""

from __future__ import annotations

import json
import re

import pytest

from cleanroom.cli.record_markdown import record_markdown
from cleanroom.model.consent import DAY_S, MARKS, PURPOSES, Basis
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import MatchRate, Population, SalesLift
from cleanroom.usecases import ingest
from cleanroom.usecases.records import record
from support.policies import edited
from support.rooms import Room, ipc

EDITS = (
    ("2026-03-01", "2026-01-01"),
    ("epsilon: 4", "epsilon: 1000"),
    ("per_question: 0.5", "per_question: 100"),
    ("people: 50", "people: 10"),
)
RETENTION = "retention: {"
RATE = MatchRate(datasets=("exposures", "sales"))
MEASUREMENT, RESEARCH = PURPOSES["measurement"], PURPOSES["research"]
CONTRACT, INTEREST = MARKS[Basis.CONTRACT], MARKS[Basis.LEGITIMATE_INTEREST]
PEOPLE = 120
WEEK = "{epoch_days: 7}"


def opened(folder, block, *edits):
    consent = ((RETENTION, f"consent: {block}\n{RETENTION}"),) if block else ()
    room = Room.open(folder, edited(*EDITS, *consent, *edits), in_memory=True)
    room.service.clock.now = room.service.clock.now // (7 * DAY_S) * 7 * DAY_S + 3 * DAY_S
    return room


def people(**of):
    """Everybody in both lists; `of` gives a column's value for a person's number."""
    return [
        {"email": f"e{i}", "city": 0, "amount": 100, **{k: value(i) for k, value in of.items()}}
        for i in range(PEOPLE)
    ]


def records(side, **of):
    keep = ("email", "city", "purposes", "consent_at", "consent_until") if side == "exposures" else (
        "email", "amount", "purposes", "consent_at", "consent_until"
    )  # fmt: skip
    return [{k: v for k, v in row.items() if k in keep} for row in people(**of)]


def statistics(room, question=RATE):
    answer = json.loads(room.verified(room.ask("acme-brand", question)).measurement)
    return dict(answer["cells"][0]["statistics"])


def about(value, wanted):
    return abs(value - wanted) <= 3


def test_a_basis_that_is_not_accepted_never_enters_a_version(tmp_path):
    room = opened(tmp_path, "{bases: [consent, contract]}")
    marks = (0, CONTRACT, INTEREST)
    marked = records("exposures", purposes=lambda i: MEASUREMENT | marks[i % 3])
    versions = room.fill(exposures=marked, sales=records("sales"))
    assert versions["exposures"].persons == 2 * PEOPLE // 3
    figures = statistics(room)
    assert about(figures["matched"], 2 * PEOPLE // 3)


def test_elements_of_a_basis_that_is_not_accepted_are_not_relayed(tmp_path):
    room = opened(tmp_path, "{bases: [consent, contract]}")
    marks = (0, CONTRACT, INTEREST)
    rows = room.rows("sales", records("sales", purposes=lambda i: MEASUREMENT | marks[i % 3]))
    sealable = room.policy.sealable_purposes()
    found = room.service.sealer.elements(ipc(rows), [KeyType.EMAIL], sealable)
    kept = rows["tok_email"].to_pylist()
    assert found[KeyType.EMAIL] == b"".join(kept[i] for i in range(PEOPLE) if i % 3 != 2)


def test_without_a_word_on_bases_only_consent_counts(tmp_path):
    room = opened(tmp_path, "")
    marked = records("exposures", purposes=lambda i: MEASUREMENT | (CONTRACT if i % 2 else 0))
    assert room.fill(exposures=marked, sales=records("sales"))["exposures"].persons == PEOPLE // 2


def test_a_row_without_the_base_purpose_never_enters_a_version(tmp_path):
    room = opened(tmp_path, "{base: research}")
    both = MEASUREMENT | RESEARCH
    agreed = records("exposures", purposes=lambda i: both if i % 3 else MEASUREMENT)
    also = records("sales", purposes=lambda i: both)
    versions = room.fill(exposures=agreed, sales=also)
    assert versions["exposures"].persons == 2 * PEOPLE // 3
    assert about(statistics(room)["matched"], 2 * PEOPLE // 3)


def test_purposes_that_are_not_listed_and_two_bases_at_once_are_refused(tmp_path):
    room = opened(tmp_path, "")
    for bits in (1 << 6, MEASUREMENT | 1 << 40, MEASUREMENT | CONTRACT | INTEREST, -1):
        upload = room.begin("sales")
        rows = room.rows("sales", records("sales", purposes=lambda _, b=bits: b))
        with pytest.raises(FieldInvalid, match="purposes: expected bits of listed purposes"):
            room.put(upload.id, "sales", 0, ipc(rows))
        assert ingest.get_upload(room.service, room.owner("sales"), upload.id)[0].rows == 0


def test_a_question_needs_the_purposes_of_both_sides_of_people_of_both(tmp_path):
    """The exposures' owner demands research for lifts, the sales' owner measurement."""
    arm = "arm: {column: arm, test: test, control: control}\n"
    room = opened(
        tmp_path,
        "",
        (
            arm,
            f"{arm}    consent: {{sales_lift: [research]}}\n",
        ),
    )
    both = MEASUREMENT | RESEARCH
    left = records("exposures", purposes=lambda i: both if i % 2 else MEASUREMENT)
    right = records("sales", purposes=lambda i: both if i % 3 else MEASUREMENT)
    for i, row in enumerate(left):
        row["arm"] = i // 6 % 2
    room.fill(exposures=left, sales=right)
    assert about(statistics(room)["matched"], PEOPLE)
    lift = SalesLift(
        exposures="exposures", sales="sales", outcome="amount", population=Population.MATCHED
    )
    found = statistics(room, lift)
    expected = sum(1 for i in range(PEOPLE) if i % 2 and i % 3)
    assert about(found["n:test"] + found["n:control"], expected)


def test_consent_counts_no_longer_than_the_policys_age(tmp_path):
    room = opened(tmp_path, "{max_age_days: 30}")
    today = room.service.clock.now // DAY_S * DAY_S
    # Of an age at the end of today: 30 days still count, a second more does not.
    oldest = today + DAY_S - 30 * DAY_S
    given = records("exposures", consent_at=lambda i: oldest if i % 2 else oldest - 1)
    room.fill(exposures=given, sales=records("sales", consent_at=lambda _: today))
    assert about(statistics(room)["matched"], PEOPLE // 2)
    room.service.clock.now += DAY_S
    assert statistics(room)["matched"] is None  # nobody is left: the cell is withheld


def test_consent_that_ends_or_begins_within_an_epoch_waits_for_the_next(tmp_path):
    room = opened(tmp_path, WEEK)
    start = room.service.clock.now - 3 * DAY_S
    ends = [start + 7 * DAY_S, start + 7 * DAY_S - 1, start + 14 * DAY_S, start + 14 * DAY_S]
    begins = [start, start, start + DAY_S - 1, start + DAY_S]
    room.fill(
        exposures=records(
            "exposures",
            consent_until=lambda i: ends[i % 4],
            consent_at=lambda i: begins[i % 4],
        ),
        sales=records("sales", consent_at=lambda _: 0),
    )
    assert about(statistics(room)["matched"], PEOPLE // 2)
    room.service.clock.now = start + 7 * DAY_S
    assert about(statistics(room)["matched"], PEOPLE // 2)


def test_all_questions_of_an_epoch_are_one(tmp_path):
    """Whoever's consent ends in the week is out of all of it: no day tells of it."""
    room = opened(tmp_path, WEEK)
    start = room.service.clock.now - 3 * DAY_S
    ending = records("exposures", consent_until=lambda i: start + (i % 9) * DAY_S)
    room.fill(exposures=ending, sales=records("sales"))
    answers = set()
    for day in range(7):
        for second in (0, DAY_S - 1):
            room.service.clock.now = start + day * DAY_S + second
            answers.add(room.verified(room.ask("acme-brand", RATE)).measurement)
    assert len(answers) == 1
    spent = room.spent()
    room.service.clock.now = start + 7 * DAY_S
    assert room.verified(room.ask("acme-brand", RATE)).measurement not in answers
    assert room.spent() != spent


def test_a_question_reserved_before_a_crash_is_computed_for_its_own_epoch(tmp_path):
    room = opened(tmp_path, WEEK)
    start = room.service.clock.now - 3 * DAY_S
    room.fill(
        exposures=records("exposures", consent_until=lambda _: start + 7 * DAY_S),
        sales=records("sales"),
    )
    room.service.clock.now = start + 7 * DAY_S - 1
    before = json.loads(room.verified(room.ask("acme-brand", RATE, "request-0001")).measurement)
    assert before["epoch_s"] == start
    room.service.clock.now = start + 8 * DAY_S
    after = json.loads(room.verified(room.ask("acme-brand", RATE, "request-0001")).measurement)
    assert after == before


def test_the_record_of_processing_tells_no_count_of_people(tmp_path):
    room = opened(tmp_path, "")
    versions = room.fill(exposures=records("exposures"), sales=records("sales"))
    statistics(room)
    size = room.service.store.read(lambda tx: tx.log.size())
    made = record(
        room.service.store, collaboration="", origin="log", entries=size, root="r", made_at_s=0
    )
    text = record_markdown(made)
    assert all(version.id in text for version in versions.values())
    assert re.search(rf"\b{PEOPLE}\b", text) is None
    assert "| party/acme-brand | match rates | 1 " in text

"""Every number of a report is counted again, from the entries it names and by another way."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from cleanroom.analysis.days import Step, start_of, step_for, steps_between
from cleanroom.analysis.log_report import RULES, log_report
from cleanroom.audit.rows import Found
from cleanroom.cli.report_parts import ranges
from support.counted_log import small_log
from support.hostile_log import hostile_entries


def day(entry):
    return datetime.fromtimestamp(entry.time_s, UTC).strftime("%Y-%m-%d")


PUT = ("question_reserved", "question_repeated", "question_refused")


def counted(entry, reserved):
    """What one entry adds to each tally, said again without the code under test."""
    kind, fields = str(entry.kind), entry.fields
    where = (entry.collaboration, fields.get("dataset"))
    family = fields.get("family") or (reserved and reserved.fields["family"])
    columns = ("upload_started", "version_sealed", "version_erased", "consent_withdrawn")
    yield "kinds", (kind,), 0, 1
    if kind.startswith("question_"):
        yield "decisions", (kind.removeprefix("question_"),), 0, 1
    if kind in PUT:
        yield "questions", (day(entry), entry.actor, family), 0, 1
    if kind == "question_refused":
        yield "refusals", (fields["reason"], entry.actor), 0, 1
    for debit in fields.get("debits", ()):
        yield "spent", tuple(debit["ledger"].split("/")[1:]), 0, int(debit["nano_rho"])
    if kind in columns:
        yield "versions", where, columns.index(kind), 1
    if kind == "consent_withdrawn":
        yield "withdrawn", where, 0, fields["references"]
    if kind == "authentication_failed":
        yield "denied", (fields["why"],), 0, 1
    if kind == "relay_misbehaved":
        yield "misbehaved", (fields["party"], fields["why"]), 0, 1


@pytest.mark.parametrize("name", [rule.id for rule in RULES])
def test_each_number_is_the_sum_over_the_entries_it_names_and_over_all_of_them(name):
    log = small_log()
    tally = log_report(iter(log)).tally(name)
    sums, entries = defaultdict(int), defaultdict(list)
    for found in log:
        for tally_id, labels, column, amount in counted(found.entry, found.reserved):
            if tally_id == name:
                sums[labels, column] += amount
                entries[labels, column].append(found.index)
    told = {
        (row.labels, column): number
        for row in tally.rows
        for column, number in enumerate(row.numbers)
        if number is not None
    }
    assert sums
    assert {place: number.value for place, number in told.items()} == dict(sums)
    assert {place: list(number.entries) for place, number in told.items()} == dict(entries)
    assert all(len(row.numbers) == len(tally.columns) for row in tally.rows)
    assert all(len(row.labels) == len(tally.labels) for row in tally.rows)


def test_a_question_is_told_with_what_ended_it():
    log = small_log()
    report = log_report(log)
    put = [f.index for f in log if str(f.entry.kind) in PUT]
    ended = {
        f.entry.fields["reserved_entry"]: f.index
        for f in log
        if f.entry.kind.value in ("question_released", "question_failed")
    }
    assert [asked.put.index for asked in report.questions] == put
    assert {a.put.index: a.ended.index for a in report.questions if a.ended} == ended
    assert (report.entries, report.first_time_s) == (len(log), log[0].entry.time_s)


def test_fields_of_any_shape_are_counted_without_an_error():
    found = [Found(index=i, entry=e) for i, e in enumerate(hostile_entries())]
    report = log_report(found)
    assert report.tally("kinds").total == len(found)
    assert report.tally("decisions").total == sum("question" in f.entry.kind for f in found)


def test_an_empty_log_has_every_tally_and_no_number():
    report = log_report([])
    assert [t.rows for t in report.tallies] == [()] * len(RULES)
    assert (report.entries, report.first_time_s) == (0, None)


def test_indices_are_told_as_runs():
    assert ranges([]) == []
    assert ranges([3]) == ["3"]
    assert ranges([0, 1, 2, 5, 7, 8]) == ["0-2", "5", "7-8"]


@pytest.mark.parametrize(
    ("last", "step", "bars"),
    [
        ("2026-03-01", Step.DAY, 1),
        ("2026-04-01", Step.DAY, 32),
        ("2026-12-31", Step.WEEK, 45),
        ("2028-02-29", Step.MONTH, 24),
    ],
)
def test_time_is_cut_into_steps_that_cover_it_without_a_gap(last, step, bars):
    assert step_for("2026-03-01", last) is step
    starts = list(steps_between("2026-03-01", last, step))
    assert len(starts) == bars
    assert starts[0] <= "2026-03-01"
    assert start_of(last, step) == starts[-1] <= last
    assert starts == sorted(set(starts))

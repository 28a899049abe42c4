"""The files and the tables of the matching benchmark; no process is started."""

from __future__ import annotations

import csv

import pytest

from benchmarks.psi.costs import CommandFailed, Cost
from benchmarks.psi.files import email, make_files
from benchmarks.psi.ours import _checked
from benchmarks.psi.results import Result, fastest, report
from cleanroom_client.identifiers import KeyType
from cleanroom_client.identifiers.normalise import normalise


def _emails(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [row["email"] for row in csv.DictReader(file)]


def _cost(wall_s):
    return Cost(wall_s=wall_s, cpu_s=2 * wall_s, peak_bytes=3_000_000, busy_s=2 * wall_s)


@pytest.mark.parametrize("people", [1, 2, 25_001])
def test_half_of_the_people_are_in_both_files(tmp_path, people):
    files = make_files(tmp_path, people)
    left, right = _emails(files.left), _emails(files.right)
    assert len(set(left)) == len(set(right)) == files.people == people
    assert len(set(left) & set(right)) == files.shared == people // 2


def test_addresses_are_in_normal_form_for_systems_that_do_not_normalise():
    for number in (0, 1, 99_999, 1_500_000):
        assert normalise(KeyType.EMAIL, email(number), None) == email(number)


def test_a_cost_after_another_adds_up_but_for_memory():
    assert _cost(1) + _cost(2) == _cost(3)


def test_what_others_took_is_a_share_of_the_machine(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    cost = Cost(wall_s=10, cpu_s=5, peak_bytes=1, busy_s=15)
    assert cost.others == 0.5


def test_the_fastest_run_counts_and_a_missing_one_never_does():
    missing = Result(name="x", missing="not installed")
    runs = [Result(name="x", cost=_cost(wall_s)) for wall_s in (3, 1, 2)]
    assert fastest([missing, *runs]) is runs[1]
    assert fastest([missing, missing]) is missing


def test_the_table_has_ratios_over_ours_and_says_what_did_not_run():
    ours = Result(name="ours", cost=_cost(2), stages={"upload": _cost(2)})
    theirs = Result(name="theirs", version="1.0", cost=_cost(5), found="7", leaks="all of it")
    text = report(1000, [ours, theirs, Result(name="gone", missing="not installed: why")], 1)
    assert "| theirs (1.0) | 5.00 s | 10.00 s | 3 MB | 2.50 | 2.50 | 0% | 7 | all of it |" in text
    assert "| gone | not installed: why |" in text
    assert "| upload | 2.00 s | 4.00 s | 3 MB | 0% |" in text


def test_a_table_without_ours_has_no_ratios():
    assert "| 5.00 s | 10.00 s | 3 MB |  |  |" in report(9, [Result(name="x", cost=_cost(5))], 1)


def test_a_match_that_noise_cannot_explain_is_refused(tmp_path):
    files = make_files(tmp_path, 1000)
    figure = {"name": "matched", "value": 509.0, "noise_sd": 1.0}
    with pytest.raises(CommandFailed, match="not the one planted"):
        _checked({"cells": [{"figures": [figure]}]}, files)
    assert _checked({"cells": [{"figures": [figure | {"value": 508.0}]}]}, files) == "508 ± 1.0"

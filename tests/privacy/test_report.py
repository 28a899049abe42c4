"""The report says what was checked, what was caught, and how often a true claim would fail."""

from __future__ import annotations

import json

import pytest

from privacy.checks import Check, CheckFailed, hold, hold_twice
from privacy.report import Recorder, planting, put_together, report_of, write_part


def check(value, **facts):
    return Check(**{"part": "D1", "name": "a", "statistic": value, "bound": 1.0} | facts)


def test_a_check_raises_when_its_line_is_crossed():
    assert check(1.0).holds
    assert not check(1.1).holds
    assert not check(float("nan")).holds


def test_a_check_that_misses_once_is_measured_again(monkeypatch):
    from privacy import checks

    monkeypatch.setattr(checks, "_watchers", [recorder := Recorder()])
    values = iter([2.0, 0.5, 2.0, 2.0])
    hold_twice(lambda: check(next(values), false_alarm=1e-5))
    with pytest.raises(CheckFailed):
        hold_twice(lambda: check(next(values), false_alarm=1e-5))
    assert [c["holds"] for c in recorder.found] == [True, False]
    assert recorder.found[0]["false_alarm"] == pytest.approx(1e-10)


def test_a_report_adds_up_its_false_alarms_and_sets_planted_bugs_apart(monkeypatch):
    from privacy import checks

    monkeypatch.setattr(checks, "_watchers", [recorder := Recorder()])
    hold(check(0.0, false_alarm=1e-9, draws=10))
    hold(check(0.5, part="D2", false_alarm=2e-9))
    with planting("scale"), pytest.raises(CheckFailed):
        hold(check(2.0, part="D2", name="noise"))
    found = report_of(recorder.found)
    assert found["passes"]
    assert found["false_alarm"] == pytest.approx(3e-9)
    assert found["planted_bugs"] == {"scale": ["noise"]}
    assert found["parts"]["D1"]["draws"] == 10
    assert found["parts"]["D2"]["checks"] == 1


def test_a_report_does_not_pass_with_a_planted_bug_that_nothing_caught(monkeypatch):
    from privacy import checks

    monkeypatch.setattr(checks, "_watchers", [recorder := Recorder()])
    with planting("scale"):
        hold(check(0.5))
    assert not report_of(recorder.found)["passes"]


def test_the_parts_of_several_processes_become_one_report(tmp_path):
    path = tmp_path / "build" / "report.json"
    one = {"part": "D1", "name": "a", "statistic": 0.0, "bound": 1.0, "draws": 5,
           "false_alarm": 0.0, "holds": True, "planted": None}  # fmt: skip
    write_part(path, "gw0", [one])
    write_part(path, "gw1", [one | {"part": "D4"}])
    put_together(path)
    assert list(path.parent.iterdir()) == [path]
    assert set(json.loads(path.read_text())["parts"]) == {"D1", "D4"}

"""An officer's cases: those of the examples hold, a broken claim fails, a broken file is told."""

import json
import os
import random

import pytest

from cleanroom.model.errors import PolicyInvalidError
from cleanroom.policy.case_questions import READERS
from cleanroom.policy.parse import parse_policy
from cleanroom.policy.parse_cases import parse_cases
from cleanroom.usecases.policy_cases import try_case
from support.operator_cli import run
from support.policies import EXAMPLES, edited, policy

TESTS = EXAMPLES.parent / "tests"
FILES = sorted(TESTS.glob("*.test.yaml"))
CASE = """version: cleanroom-cases/v1
policy: demo.yaml
on: 2026-04-01
cases:
  - case: it holds
    asker: acme-brand
    ask: {match_rate: {datasets: [exposures, sales], by: [city]}}
    allowed: true
"""


def cases(*edits, text=CASE):
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def amiss(*edits, text=CASE, on="demo", policy_edits=()):
    (case,) = parse_cases(cases(*edits, text=text).encode(), "c.yaml").cases
    return try_case(policy(*policy_edits, name=on), case).amiss


def problems(*edits):
    with pytest.raises(PolicyInvalidError) as caught:
        parse_cases(cases(*edits).encode(), "c.yaml")
    return caught.value.problems


REFUSED = ("allowed: true", "refused: [parties.megamart.may_ask]")
LIFT = ("{match_rate: {datasets: [exposures, sales], by: [city]}}", "{sales_lift: {exposures: exposures, sales: sales, outcome: amount}}")  # fmt: skip


def test_each_situation_has_cases_and_every_one_is_on_an_example():
    assert len(FILES) == 6
    named = {parse_cases(f.read_bytes(), f.name).policy for f in FILES}
    assert all((TESTS / name).resolve().parent == EXAMPLES for name in named)
    assert len(named) == 6


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_the_cases_of_an_example_hold(file):
    found = parse_cases(file.read_bytes(), str(file))
    on = parse_policy((file.parent / found.policy).read_bytes())
    assert [(c.says, try_case(on, c).amiss) for c in found.cases] == [
        (c.says, ()) for c in found.cases
    ]
    # Both kinds of claims are made of each example.
    assert {c.expected.rules is None for c in found.cases} == {True, False}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_every_case_of_an_example_fails_when_its_claim_is_turned_round(file):
    text = file.read_text(encoding="utf-8")
    found = parse_cases(text.encode(), str(file))
    on = parse_policy((file.parent / found.policy).read_bytes())
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "allowed: true":
            turned = [*lines]
            turned[number] = line.replace("allowed: true", "refused: [parties]")
            turned = [t for t in turned if "costs_at_most" not in t and "people_at_least" not in t]
        elif line.strip().startswith("refused: "):
            turned = [*lines]
            turned[number] = line[: line.index("refused")] + "allowed: true"
        else:
            continue
        again = parse_cases("\n".join(turned).encode(), str(file)).cases
        assert sum(bool(try_case(on, c).amiss) for c in again) == 1


def test_a_refusal_must_be_by_the_rule_named():
    asker = ("asker: acme-brand", "asker: megamart")
    assert amiss(LIFT, asker, REFUSED) == ()
    assert amiss(LIFT, asker, ("allowed: true", "refused: [parties]")) == ()
    assert amiss(LIFT, asker, ("allowed: true", "refused: [parties.mega]")) == (
        "parties.mega does not refuse it; refused by parties.megamart.may_ask",
    )
    assert amiss(REFUSED) == ("allowed, and must be refused",)
    (told,) = amiss(LIFT, asker)
    assert told.startswith("refused: parties.megamart.may_ask does not include sales_lift (demo")


def test_what_it_costs_is_held_against_every_budget():
    assert amiss(("allowed: true", "allowed: true\n    costs_at_most: 1.1")) == ()
    dearer = amiss(("allowed: true", "allowed: true\n    costs_at_most: 1.09"))
    assert dearer == ("costs ledgers/acme-brand/spring-campaign more than epsilon 1.09",)
    # The broken down side pays more than the other, so that one fits a smaller promise.
    both = amiss(("allowed: true", "allowed: true\n    costs_at_most: 0.1"))
    assert len(both) == 2
    cheaper = ("allowed: true", "epsilon: 0.5\n    allowed: true\n    costs_at_most: 0.5")
    assert amiss(cheaper) == ()
    (told,) = amiss(("allowed: true", "epsilon: 1.2\n    allowed: true"))[:1]
    assert "one question may take rho" in told


def test_the_least_people_of_a_cell_are_held_against_the_minimum():
    assert amiss(("allowed: true", "allowed: true\n    people_at_least: 50")) == ()
    assert amiss(("allowed: true", "allowed: true\n    people_at_least: 51")) == (
        "cells of 50 people are told, and must be of at least 51",
    )


def test_a_case_is_asked_on_its_day_or_the_files_or_the_policys_first():
    spring = {"on": "spring-campaign"}
    late = ("    allowed: true", "    on: 2026-10-01\n    refused: [valid.until]")
    assert amiss(late, **spring) == ()
    assert amiss(("on: 2026-04-01\n", ""), **spring) == ()
    before = amiss(("on: 2026-04-01", "on: 2026-02-28"), **spring)
    assert before[0].startswith("refused: valid.from is 2026-03-01")


KINDS = {
    "match_rate": "{datasets: [exposures, sales]}",
    "segment_size": "{datasets: [exposures], by: [city]}",
    "sales_lift": "{exposures: exposures, sales: sales, outcome: amount, by: [city], filters: {category: [other]}, from: 2026-03-01, until: 2026-03-31, bound: 1000, design: randomized}",
    "overlap": "{hub: exposures, others: [sales, panel], by: [city]}",
    "contribution_bound": "{dataset: sales, measure: amount, up_to: 1000000}",
    "ropo": "{definition: share_of_sales, exposures: visits, sales: sales, days: 14, measure: amount}",
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_every_kind_of_question_can_be_asked(kind):
    old = "{match_rate: {datasets: [exposures, sales], by: [city]}}"
    (case,) = parse_cases(cases((old, f"{{{kind}: {KINDS[kind]}}}")).encode(), "c.yaml").cases
    assert case.question.family in ("match_rate", "segment_size", "sales_lift")


BROKEN = [
    ([("cases/v1", "cases/v2")], "1:10: version: found the text 'cleanroom-cases/v2': write cleanroom-cases/v1"),
    ([("allowed: true", "allowed: yes")], "8:14: cases[0].allowed: found the text 'yes' (a boolean in YAML 1.1 only): write true or false"),
    ([("allowed: true", "allowed: false")], "8:14: cases[0].allowed: found the boolean false: write true, or refused with the rules that must refuse"),
    ([("    allowed: true\n", "")], "5:5: cases[0]: write either allowed: true, or refused with rules"),
    ([("allowed: true", "allowed: true\n    refused: [parties]")], "5:5: cases[0]: write either allowed: true, or refused with rules"),
    ([("allowed: true", "refused: []")], "8:14: cases[0].refused: found an empty list: write at least one of the rules"),
    ([("allowed: true", "refused: [parties]\n    costs_at_most: 1")], "9:20: cases[0].costs_at_most: found the integer 1: write nothing: what is refused costs nothing"),
    ([("asker: acme-brand", "askar: acme-brand")], "6:5: cases[0]: found the unknown key 'askar': write case, asker, ask"),
    ([("match_rate", "match_rates")], "7:11: cases[0].ask: found the unknown key 'match_rates'"),
    ([("{match_rate: {datasets: [exposures, sales], by: [city]}}", "{}")], "7:10: cases[0].ask: found a mapping: write one kind of question: match_rate, segment_size"),
    ([("[exposures, sales]", "[exposures]")], "7:23: cases[0].ask.match_rate: found a question that cannot be: datasets: write two different datasets"),
    ([("by: [city]", "by: [City]")], "7:23: cases[0].ask.match_rate: found a question that cannot be: by: write a dimension such as 'city'"),
    ([("case: it holds", "case: ''")], "5:11: cases[0].case: found the text '' in quotes: write what must hold on one line"),
    ([("cases:\n", "cases: []\nx:\n")], "4:8: cases: found an empty list: write at least one of the cases"),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "problem"), BROKEN)
def test_a_broken_file_is_told_with_position_and_what_to_write(edits, problem):
    found = problems(*edits)
    assert any(line.startswith(f"c.yaml:{problem}") for line in found), found


def test_only_the_promised_error_leaves_the_parser():
    dice = random.Random(11)
    texts = [f.read_bytes() for f in FILES]
    for _ in range(5_000 if os.environ.get("CLEANROOM_SLOW") else 300):
        data = bytearray(dice.choice(texts))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at : at + dice.randint(0, 6)] = dice.choice(
                [b"", b"{", b"]", b": ", b"\t", b"&a ", b"''", b"[]", b"1e9", b"\xff", b"- ", b"\n"]
            )
        try:
            found = parse_cases(bytes(data), "c.yaml").cases
        except PolicyInvalidError:
            continue
        for case in found:
            try_case(policy(name="fmcg-retailer"), case)


# The command.


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "demo.yaml").write_text(edited(name="demo"), encoding="utf-8")
    (tmp_path / "a.test.yaml").write_text(CASE, encoding="utf-8")
    return tmp_path


def test_the_command_exits_0_when_all_hold(capsys, folder):
    code, out, err = run(capsys, "policy", "test", folder)
    assert (code, err) == (0, "")
    assert out.endswith("  holds  it holds\n1 case: all hold\n")


def test_the_command_exits_1_when_one_fails_and_says_where(capsys, folder):
    file = folder / "a.test.yaml"
    file.write_text(cases(("allowed: true", "allowed: true\n    people_at_least: 60")))
    code, out, _ = run(capsys, "policy", "test", file)
    assert code == 1
    assert f"  FAILS  it holds\n         {file}:5: cells of 50 people are told" in out
    assert out.endswith("1 case: 1 fails\n")
    code, out, _ = run(capsys, "policy", "test", file, "--json")
    told = json.loads(out)
    assert (code, told["failed"]) == (1, 1)
    (one,) = told["files"]
    assert one["policy"] == str(folder / "demo.yaml")
    assert [(c["case"], c["line"], c["holds"]) for c in one["cases"]] == [("it holds", 5, False)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.test.yaml", "cases: []\n", "add the key 'version'"),
        ("demo.yaml", "version: x\n", "demo.yaml:1:10: version: found the text 'x'"),
        ("a.test.yaml", CASE.replace("demo.yaml", "none.yaml"), "none.yaml: the policy cannot be read"),
    ],
)  # fmt: skip
def test_the_command_exits_2_when_a_file_is_broken(capsys, folder, name, text, said):
    (folder / name).write_text(text)
    code, out, err = run(capsys, "policy", "test", folder)
    assert (code, out) == (2, "")
    assert said in err


def test_a_folder_without_cases_and_an_absent_file_are_errors(capsys, tmp_path):
    code, _, err = run(capsys, "policy", "test", tmp_path)
    assert code == 2
    assert "no file of cases here: its name must end with .test.yaml" in err
    code, _, err = run(capsys, "policy", "test", tmp_path / "none.test.yaml")
    assert code == 2
    assert "the cases cannot be read" in err

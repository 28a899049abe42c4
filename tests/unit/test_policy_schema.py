"""The JSON Schema says what the parser says, but for rules that it names; files are fresh."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from cleanroom.cli.app import main
from cleanroom.policy.grammar import walk
from cleanroom.policy.keys import POLICY
from cleanroom.policy.parse import parse_policy
from cleanroom.policy.schema import BEYOND, policy_schema, schema_of, schema_text
from support.policies import EXAMPLES, NAMES, example, problems
from support.policy_values import load, mutants, places, written

ROOT = Path(__file__).parents[2]
SAMPLE = None if os.environ.get("CLEANROOM_SLOW") else 60  # of each example's mutants
CHECKER = jsonschema.Draft7Validator(
    policy_schema(), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
)

# How the parser tells each rule that is beyond the schema.
TOLD = {
    "script": r"write (each word in one script|printable characters|it in Unicode's composed form)",
    "period": r"found a day before valid.from|a date as in 2026-03-01, which exists",
    "arms": r"for both arms: write two different values",
    "columns": r"found the column '.*', which is (already|an outcome|the column of)",
    "breakdowns": r"breakdowns\.\w+(\[\d+\])?: found|declares no column for them",
    "consent age": r"consent\.max_age_days: found the integer",
    "families": r"families\.\w+: found the integer",
    "spelling": r"found the (integer|number) .*: write a (whole|decimal) number",
    "rows": r"write no min_per_person for a measure in rows",
    "per question": r"write at most epsilon, the whole budget",
    "owners": r"which is no party",
    "grants": r"is granted, but no dataset's consent names its purposes",
    "lift": r"sales_lift is granted, but it needs a dataset",
    "budgets": r"found another epsilon or delta for the pool",
    "rules": r"declare (privacy|minimum_aggregation) in at least one dataset",
    "size": r"found (more than|\d+ bytes)",
}


def told(problem):
    """Return the rule beyond the schema that the parser's problem is about."""
    return next((rule for rule, said in TOLD.items() if re.search(said, problem)), None)


def disagreement(value):
    """Return the rules that only the parser checked; fails where the two contradict."""
    text = written(value)
    found, valid = problems(text), CHECKER.is_valid(value)
    assert valid or found, f"the parser takes what the schema refuses: {text}"
    if not valid or not found:
        return set()
    rules = {told(problem) for problem in found}
    assert None not in rules, f"the schema takes {text}, the parser says {found}"
    return rules


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_takes_every_example(name):
    CHECKER.validate(load(example(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_example_is_refused_by_both_or_by_a_rule_beyond_the_schema(name):
    found = list(mutants(load(example(name))))
    assert len(found) > 1_900
    sample = found if SAMPLE is None else random.Random(name).sample(found, SAMPLE)
    refused = 0
    for value in sample:
        disagreement(value)
        refused += not CHECKER.is_valid(value)
    assert refused > len(sample) // 2


def base(**datasets):
    value = load(example())
    for name, blocks in datasets.items():
        value["datasets"][name] |= blocks
    return value


SALES = load(example())["datasets"]["sales"]
ROWS = {"unit": "rows", "max_per_person": 9, "min_per_person": -1}
LONG = {f"c{i}": [f"v{j}" for j in range(1_000)] for i in range(21)}
# What only the rule refuses: the blocks of a dataset that stand in place of the example's.
REACHING = {
    "script": {"exposures": {"dimensions": {"city": ["ufа", "other"]}}},
    "arms": {"exposures": {"arm": {"column": "arm", "test": "a", "control": "a"}}},
    "columns": {"exposures": {"dimensions": {"email": ["a", "other"]}}},
    "breakdowns": {"exposures": {"breakdowns": {"sales_lift": ["age"]}}},
    "families": {
        "sales": {
            "minimum_aggregation": SALES["minimum_aggregation"] | {"families": {"sales_lift": 49}}
        }
    },
    "rows": {"sales": {"measures": {"amount": {"max_per_person": 9}, "visits": ROWS}}},
    "per question": {"sales": {"privacy": SALES["privacy"] | {"per_question": 5}}},
    "owners": {"sales": {"owner": "maxima"}},
    "grants": {"sales": {"consent": {"match_rate": ["measurement"]}}},
    "lift": {"sales": {"measures": {}}},
    "budgets": {
        "exposures": {"owner": "megamart", "privacy": SALES["privacy"] | {"epsilon": 3}},
    },
    "size": {"exposures": {"dimensions": LONG}},
}


def reaching(rule):
    """Return a policy that the schema takes and only that rule of the parser refuses."""
    value = base(**REACHING.get(rule, {}))
    if rule == "period":
        value["valid"] = {"from": "2026-09-30", "until": "2026-03-01"}
    if rule == "consent age":
        value["consent"] = {"epoch_days": 7, "max_age_days": 6}
    if rule == "rules":
        del value["datasets"]["sales"]["privacy"]
    return value


@pytest.mark.parametrize("rule", [rule for rule in BEYOND if rule != "spelling"])
def test_each_rule_beyond_the_schema_is_one_that_only_the_parser_checks(rule):
    value = reaching(rule)
    CHECKER.validate(value)
    assert disagreement(value) == {rule}


@pytest.mark.parametrize("number", ["50.0", "0x32", "0o62", "+50", "050"])
def test_a_whole_number_is_written_plainly(number):
    text = example().replace("people: 50", f"people: {number}")
    assert load(text)["datasets"]["sales"]["minimum_aggregation"]["people"] == 50
    CHECKER.validate(load(text))
    (problem,) = problems(text)
    assert told(problem) == "spelling"


def test_the_rules_beyond_are_those_that_the_test_knows():
    assert set(TOLD) == set(BEYOND)


def test_a_look_alike_of_a_key_is_refused_by_both():
    text = example().replace("epsilon:", "epsilоn:")  # a Cyrillic о
    assert not CHECKER.is_valid(load(text))
    assert problems(text)


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(policy_schema())


def test_the_command_prints_the_schema(capsys):
    with pytest.raises(SystemExit) as left:
        main(["policy", "schema"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out) == policy_schema()


def test_what_is_made_of_the_grammar_is_fresh():
    command = [sys.executable, ROOT / "tools" / "generate_policy_files.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (ROOT / "policies" / "schema.json").read_text(encoding="utf-8") == schema_text()


KEYS = [(path, key) for path, key in walk(POLICY)]


@pytest.mark.parametrize(("path", "key"), KEYS, ids=[path for path, _ in KEYS])
def test_each_key_has_an_example_that_it_takes_and_says_what_it_means(path, key):
    assert all((key.says, key.example, key.absent))
    value = load(f"{key.name}: {key.example}")
    jsonschema.Draft7Validator(schema_of(key.spec)).validate(value[key.name])


def test_each_key_of_the_grammar_has_a_row_of_the_readme_and_each_row_a_key():
    text = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
    rows, section = set(), ""
    for line in text[text.index("<!-- keys") : text.index("<!-- keys: end")].splitlines():
        heading = re.fullmatch(r"### `(.+)`", line)
        section = f"{heading[1]}." if heading else "" if line.startswith("#") else section
        row = re.match(r"\| `([^`]+)` \| [^|]+ \| `[^`]+` \| [^|]+ \|$", line)
        if row:
            rows.add(section + row[1])
    assert rows == {path for path, _ in KEYS}


def test_every_key_of_the_grammar_is_used_by_an_example():
    used = set()
    for name in NAMES:
        parsed = parse_policy((EXAMPLES / f"{name}.yaml").read_bytes())
        used |= set(parsed.marks)
    for path, _ in KEYS:
        pattern = re.escape(path).replace("<family>", r"\w+")
        pattern = re.sub(r"<\w+>", r"[\\w-]+", pattern)
        assert any(re.fullmatch(pattern, mark) for mark in used), f"no example uses {path}"


@pytest.mark.parametrize("name", NAMES)
def test_each_example_names_the_schema_for_editors(name):
    first = example(name).splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schema.json"
    assert json.loads((EXAMPLES / "../schema.json").read_text(encoding="utf-8"))
    assert list(places(load(example(name))))

"""Reads a file of cases, or says everything that is wrong with it, with positions.

Must not know how a case is tried. The steps are those of a policy: bytes, nodes, values.
"""

from __future__ import annotations

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import MatchRate, Question
from cleanroom.policy.case_keys import CASES
from cleanroom.policy.case_questions import READERS
from cleanroom.policy.cases import Case, Cases, Expected
from cleanroom.policy.document import Mark
from cleanroom.policy.fields import Field
from cleanroom.policy.problems import START, Problems
from cleanroom.policy.yaml_reader import decode, read

_STAND_IN = MatchRate(datasets=("a", "b"))


def parse_cases(data: bytes, file: str) -> Cases:
    """Return the cases that `data` holds; raises PolicyInvalidError, and nothing else."""
    problems = Problems(file)
    node = read(decode(data, problems), problems)
    problems.raise_if_any()
    marks: dict[str, Mark] = {}
    root = Field(node=node, spec=CASES, path="", mark=START, problems=problems, marks=marks)
    keys = root.table()
    keys["version"].word()
    policy = keys["policy"].sentence()
    day = _day(keys["on"])
    found = tuple(_case(field, day) for field in keys["cases"].listed())
    problems.raise_if_any()
    return Cases(file=file, policy=policy, cases=found)


def _case(field: Field, day: int | None) -> Case:
    keys = field.table()
    says, on = keys["case"].sentence(), _day(keys["on"])
    return Case(
        says=says,
        asker=keys["asker"].label(),
        question=_question(keys["ask"]),
        on_s=day if on is None else on,
        epsilon=keys["epsilon"].exact() if keys["epsilon"].present else None,
        expected=_expected(field, keys),
        mark=field.mark,
    )


def _day(field: Field) -> int | None:
    return field.day() if field.present else None


def _question(field: Field) -> Question:
    kinds = {name: f for name, f in field.table().items() if f.present}
    if len(kinds) != 1:
        field.expect(f"one kind of question: {', '.join(READERS)}")
        return _STAND_IN
    ((kind, below),) = kinds.items()
    before = len(below.problems)
    try:
        return READERS[kind](below)
    except FieldInvalid as error:
        # What stands in for a problem noted already may make a second one, which says nothing.
        if len(below.problems) == before:
            below.bad(f"found a question that cannot be: {error.field}: write {error.expected}")
        return _STAND_IN


def _expected(field: Field, keys: dict[str, Field]) -> Expected:
    allowed, refused = keys["allowed"], keys["refused"]
    if allowed.present == refused.present:
        field.bad("write either allowed: true, or refused with rules, as in [parties.acme.may_ask]")
    if allowed.present and not allowed.boolean():
        allowed.expect("true, or refused with the rules that must refuse")
    rules = tuple(f.sentence() for f in refused.listed()) if refused.present else None
    for name in ("costs_at_most", "people_at_least"):
        if keys[name].present and rules is not None:
            keys[name].expect("nothing: what is refused costs nothing and has no cells")
    cost, people = keys["costs_at_most"], keys["people_at_least"]
    return Expected(
        rules=rules,
        costs_at_most=cost.exact() if cost.present else None,
        people_at_least=people.integer() if people.present else None,
    )

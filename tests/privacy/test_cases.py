"""The table of cases leaves out no type of question, no option and no value of an option."""

from __future__ import annotations

from dataclasses import MISSING, fields
from enum import EnumType
from typing import get_args, get_type_hints

import pytest

from cleanroom.model import question as model
from cleanroom.model.question import Family, Question
from privacy.cases import CASES
from privacy.neighbours import NEIGHBOURS

TYPES = get_args(Question) or (Question,)


def asked(kind):
    return [c.question for c in CASES if type(c.question) is kind]


def missing(kind, questions):
    """Return the options of a question type that no question uses, as `name` or `name=value`."""
    kinds = get_type_hints(kind, vars(model))
    found = []
    for field in fields(kind):
        values = [getattr(q, field.name) for q in questions]
        members = _members(kinds[field.name])
        found += [f"{field.name}={m}" for m in members if m not in values]
        default = field.default
        if not members and default is not MISSING and all(v == default for v in values):
            found.append(field.name)
    return found


def _members(hint):
    """Return the members of an enumeration, also of one that may be left out."""
    kinds = (hint, *get_args(hint))
    return [m for kind in kinds if isinstance(kind, EnumType) for m in kind]


@pytest.mark.parametrize("kind", TYPES, ids=lambda k: k.__name__)
def test_every_option_of_a_question_has_a_case(kind):
    assert asked(kind), f"add a case for {kind.__name__} to cases.py"
    assert missing(kind, asked(kind)) == []


@pytest.mark.parametrize("kind", TYPES, ids=lambda k: k.__name__)
def test_an_option_without_a_case_is_noticed(kind):
    required = [q for q in asked(kind) if all(_is_default(q, f) for f in fields(kind))][:1]
    optional = [f for f in fields(kind) if f.default is not MISSING]
    assert bool(missing(kind, required)) == bool(optional)


def _is_default(question, field):
    return field.default is MISSING or getattr(question, field.name) == field.default


def test_every_family_and_every_dataset_has_a_case():
    assert {c.question.family for c in CASES} == set(Family)
    asked_of = {d for c in CASES for d in c.question.datasets}
    assert asked_of == {n.dataset for n in NEIGHBOURS}


def test_names_are_told_apart():
    for named in (CASES, NEIGHBOURS):
        names = [n.name for n in named]
        assert len(set(names)) == len(names)

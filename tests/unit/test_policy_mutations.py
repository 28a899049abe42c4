"""Broken policy files say where and what to write instead; random ones are refused or understood.

CLEANROOM_SEED repeats a run of the random ones.
"""

import os
import random
import re
import secrets
from dataclasses import replace

import pytest

from cleanroom.model.errors import PolicyInvalidError
from cleanroom.model.family import Family
from cleanroom.policy import compare as comparing
from cleanroom.policy.compare import Direction, compare
from cleanroom.policy.explain import explain
from cleanroom.policy.grammar import (
    Block,
    Column,
    Columns,
    Day,
    Decimal,
    Flag,
    Label,
    Listed,
    Named,
    Region,
    Sentence,
    Value,
    Values,
    Whole,
    Word,
    Words,
    walk,
)
from cleanroom.policy.keys import POLICY
from cleanroom.policy.parse import parse_policy
from cleanroom.policy.problems import Problems
from cleanroom.policy.yaml_reader import MAX_BYTES, Items, Scalar, Table, read
from support.policies import NAMES, example, problems
from support.policy_tokens import byte_mutant, gentle_mutant, token_mutant
from support.protection import lasting, more, questions

SLOW = bool(os.environ.get("CLEANROOM_SLOW"))
SEED = int(os.environ.get("CLEANROOM_SEED") or secrets.randbelow(2**32))
TOLD = re.compile(r"p\.yaml:(\d+:\d+: \S.*?: .+| and \d+ more problems)", re.DOTALL)
PROBLEM = re.compile(r"p\.yaml:(\d+):(\d+): (\S.*?): (.+)", re.DOTALL)


def scalars(node, spec, path=""):  # noqa: C901 - one case for each kind of mapping and list
    """Yield (path, what the grammar wants, scalar) of a file, read beside the grammar."""
    match node, spec:
        case Table(entries=entries), Block(keys=keys):
            known = {key.name: key.spec for key in keys}
            for key, value in entries:
                yield from scalars(value, known[key.text], f"{path}.{key.text}".lstrip("."))
        case Table(entries=entries), Named(each=each):
            for key, value in entries:
                yield from scalars(value, each, f"{path}.{key.text}")
        case Items(items=items), Words(words=words):
            for i, item in enumerate(items):
                yield f"{path}[{i}]", Word(words=words), item
        case Items(items=items), Values():
            for i, item in enumerate(items):
                yield f"{path}[{i}]", Value(), item
        case Items(items=items), Columns():
            for i, item in enumerate(items):
                yield f"{path}[{i}]", Columns(what="columns"), item
        case Scalar(), _:
            yield path, spec, node


def advice(spec):  # noqa: C901, PLR0911, PLR0912 - one case for each kind of value
    """Return what the sentence must tell to write, in words of this test's own."""
    match spec:
        case Word(words=(only,)):
            return rf"write {re.escape(only)}"
        case Word(words=words):
            return rf"write one of {re.escape(', '.join(words))}"
        case Label():
            return r"write (the \w+'s name|lower-case letters, digits and hyphens)"
        case Column():
            return r"write (the \w+'s name|lower-case letters, digits and underscores)"
        case Whole(most=most):
            return rf"write a whole number from -?\d+ to {most}"
        case Decimal(most=most):
            return rf"write (a decimal number above 0 and (at most|below) {float(most):g}|at most epsilon)"
        case Day():
            return r"write a date as in 2026-03-01|write the last day of the period"
        case Flag():
            return r"write true or false"
        case Region():
            return r"write a country code of two capital letters, as in RU"
        case Value():
            return r"write (it in quotes|a text|each word in one script)"
        case Columns():
            return r"write (one of )?[a-z_, ]+|leave them out"
        case Words() | Values() | Listed():
            return r"write a list of"
        case Block() | Named():
            return r"write a mapping with"
        case Sentence():
            return r"write"


# What people and programs put where something else belongs.
TRAPS = ("NO", "off", "12:30", "yes", "1_000", "true", "9" * 30, "1e400", "-1", ".inf", "0x1F", "[]", "{a: 1}", "~", "acme-br\u0430nd", "''")  # fmt: skip


def trapped(name):
    """Yield (text, where, advice) for each value of an example with each trap in its place."""
    text = example(name)
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines))]
    for path, spec, scalar in scalars(read(text, Problems("p.yaml")), POLICY):
        at = starts[scalar.mark.line - 1] + scalar.mark.column - 1
        if text[at : at + len(scalar.text)] != scalar.text or not scalar.text:
            continue
        for trap in TRAPS:
            broken = text[:at] + trap + text[at + len(scalar.text) :]
            yield path, broken, scalar.mark, advice(spec)


ALL = [(name, *one) for name in NAMES for one in trapped(name)]
SAMPLE = ALL if SLOW else random.Random(5).sample(ALL, 600)


def test_a_wrong_value_is_told_where_it_stands_and_what_belongs_there():
    broken = 0
    for name, path, text, mark, told in SAMPLE:
        found = problems(text)
        if not found:
            continue  # "off" is a name, and "NO" a country
        broken += 1
        parts = [PROBLEM.fullmatch(line) for line in found]
        assert all(parts), found
        here = [p for p in parts if int(p[1]) == mark.line]  # some stand at the key
        values = rf"{told}|is no party: write one of|again: write each|write another|with scheme|write matching.allow_unsalted"
        assert any(re.search(values, p[4]) for p in here), (name, path, told, found)
    assert broken >= 200


def keyed(name):
    """Yield (key, text, mark, advice) for each key renamed, doubled, or written look-alike."""
    text = example(name)
    lines = text.splitlines()
    parsed = parse_policy(text.encode(), "p.yaml")
    for path, mark in parsed.marks.items():
        key = path.rpartition(".")[2]
        line = lines[mark.line - 1]
        if path.endswith("]") or not line.startswith(key, mark.column - 1):
            continue
        before, after = line[: mark.column - 1], line[mark.column - 1 + len(key) :]
        for changed, told in (
            (f"{key}x", r"unknown key '\w+x': write .*|add the key"),
            (re.sub("[aeocp]", lambda m: chr({"a": 0x430, "e": 0x435, "o": 0x43E, "c": 0x441, "p": 0x440}[m[0]]), key, count=1), r"which holds U\+04\w\w CYRILLIC SMALL LETTER"),
            (f"&a {key}", r"found the anchor &a: leave it out"),
            (f"!!str {key}", r"found the tag .*: leave it out"),
            ("<<", r"unknown key '<<'|the name '<<'"),
        ):  # fmt: skip
            if changed == key:
                continue
            text = "\n".join(
                [*lines[: mark.line - 1], before + changed + after, *lines[mark.line :]]
            )
            yield key, text, mark, told
        if after.startswith(": {") and line.rstrip().endswith("}") and not before.strip():
            doubled = [*lines[: mark.line], line, *lines[mark.line :]]
            again = rf"again, already on line {mark.line}: write each key once"
            yield key, "\n".join(doubled), type(mark)(line=mark.line + 1, column=mark.column), again


GRAMMAR = {key.name for _, key in walk(POLICY)} | set(Family)
KEYED = [one for name in NAMES for one in keyed(name)]
KEYED_SAMPLE = KEYED if SLOW else random.Random(6).sample(KEYED, 250)


def test_a_wrong_key_is_told_where_it_stands_and_what_to_write():
    named = 0
    for key, text, mark, told in KEYED_SAMPLE:
        found = problems(text)
        if not found:
            named += 1  # a name that the policy chooses, such as a dimension's, may be another
            continue
        parts = [PROBLEM.fullmatch(line) for line in found]
        assert all(parts), found
        if key in GRAMMAR:
            at = [p for p in parts if int(p[1]) == mark.line and re.search(told, p[4])]
            assert at, (key, told, found)
        assert all(
            re.search(r"write|add the key|leave|declare|take the grant", p[4]) for p in parts
        )
    assert named < len(KEYED_SAMPLE) // 4


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"# " + b"x" * 10_000_000, f"1:1: yaml: found 10000002 bytes: write at most {MAX_BYTES}"),
        (
            b"a: " + b"[" * 400_000,
            "1:11: yaml: found more than 8 levels: write fewer, no policy needs that",
        ),
        (b"a: " + b"9" * 900_000, "1:1: policy: found the unknown key 'a': write version"),
        (b"\n" * 900_000 + b"\tx", "900001:1: yaml: found a tab: write spaces"),
    ],
)
def test_a_huge_file_is_refused_quickly_with_its_position(data, problem):
    assert any(line.startswith(f"p.yaml:{problem}") for line in problems(data))


# Random files: refused with the promised error, or understood as compare and explain tell them.

MUTATORS = (byte_mutant, token_mutant, gentle_mutant)
MUTANTS = 51_000 if SLOW else 1_200
BATCH = MUTANTS // len(NAMES)
POLICIES = {name: parse_policy(example(name).encode(), "p.yaml") for name in NAMES}


def loosened(old, new, dice):
    """Say how `new` lets somebody learn more than `old`, by asking both at random."""
    if any(b > a for a, b in zip(lasting(old), lasting(new), strict=True)):
        return "something lasts longer"
    pool = [*questions(old), *questions(new)]
    parties = [party.name for party in (*old.parties, *new.parties)]
    times = (old.valid_from_s, old.valid_until_s - 1, new.valid_from_s, new.valid_until_s - 1)
    for question in dice.sample(pool, min(len(pool), 12)):
        asker, now_s = dice.choice(parties), dice.choice(times)
        found = more(old, new, asker, question, now_s)
        if found:
            return f"{asker} asks {question}: {found}"
    return None


def understood(old, new, dice):
    """Check that what the two policies differ in is what is told of them; return what happened."""
    changes = compare(old, new)
    alike = replaced(new, old) == old
    directions = {change.direction for change in changes}
    if alike:
        assert directions <= {Direction.NEUTRAL}, changes
        return "same"
    assert changes, "they differ, and nothing is told"
    if directions - {Direction.NEUTRAL}:
        assert explained(old) != explained(new), changes
    found = loosened(old, new, dice)
    if found:
        assert Direction.LOOSER in directions, (found, changes)
        return "looser"
    return "other"


def replaced(policy, like):
    return replace(policy, digest=like.digest, text=like.text)


def explained(policy):
    return [(s.title, s.paragraphs) for s in explain(policy, ())]


@pytest.mark.parametrize("name", NAMES)
def test_a_random_file_is_refused_or_understood(name):
    print(f"CLEANROOM_SEED={SEED}")
    dice = random.Random(f"{SEED}/{name}")
    data, happened = example(name).encode(), {}
    for number in range(BATCH):
        mutant = MUTATORS[number % 3](data, dice)
        try:
            new = parse_policy(mutant, "p.yaml")
        except PolicyInvalidError as error:
            what = "refused" if all(map(TOLD.fullmatch, error.problems)) else error.problems[0]
        else:
            what = understood(POLICIES[name], new, dice)
        happened[what] = happened.get(what, 0) + 1
    print(happened)
    assert set(happened) <= {"refused", "same", "looser", "other"}, happened
    assert happened["refused"] > BATCH // 4
    assert happened.get("looser", 0) + happened.get("other", 0) > 0


def test_a_loosening_that_compare_hides_is_seen(monkeypatch):
    def hiding(old, new):
        return tuple(replace(c, direction=Direction.TIGHTER) for c in comparing.compare(old, new))

    monkeypatch.setitem(globals(), "compare", hiding)
    old, dice = POLICIES["fmcg-retailer"], random.Random(3)
    text, seen = example("fmcg-retailer"), set()
    for before, after in (
        ("people: 50", "people: 20"),
        ("epsilon: 4", "epsilon: 5"),
        ("per_question: 0.5", "per_question: 0.6"),
        ("may_ask: [match_rate]", "may_ask: [match_rate, segment_size]"),
        ("max_per_person: 1500000", "max_per_person: 1000000"),
        ("until: 2026-09-30", "until: 2026-10-30"),
        ("datasets_days: 90", "datasets_days: 91"),
        ("filters_per_question: 1 ", "filters_per_question: 9 "),
        ("[ufa, kazan, samara, other]", "[ufa, kazan, samara, moscow, other]"),
        ("sales_lift: [city]", "sales_lift: [city, channel]"),
    ):
        assert before in text
        new = parse_policy(text.replace(before, after).encode(), "p.yaml")
        for _ in range(40):
            try:
                understood(old, new, dice)
            except AssertionError:
                seen.add(after)
    assert len(seen) >= 8, seen

"""Explanations: those of the examples as they are read, and that no key is left out.

To renew the examples' texts: CLEANROOM_RENEW=1 python -m pytest tests/unit/test_policy_explain.py
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import plan
from cleanroom.analysis.precision import precisions
from cleanroom.model.question import Family, SegmentSize
from cleanroom.policy.compare import Direction, compare
from cleanroom.policy.decide import decide
from cleanroom.policy.explain import explain
from cleanroom.policy.grammar import Block, Named, Word, walk
from cleanroom.policy.keys import POLICY
from cleanroom.policy.prose import chance, listed, odds
from support import random_policies as some
from support.operator_cli import run
from support.policies import EXAMPLES, policy

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "explain"
RENEW = bool(os.environ.get("CLEANROOM_RENEW"))
ROOT = EXAMPLES.parents[1]


def told(parsed):
    return explain(parsed, precisions(parsed))


def text(parsed):
    return "\n".join(p for section in told(parsed) for p in (section.title, *section.paragraphs))


@pytest.mark.parametrize("name", sorted(p.stem for p in EXAMPLES.glob("*.yaml")))
def test_an_example_reads_as_it_did(name, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    code, out, _ = run(capsys, "policy", "explain", f"policies/examples/{name}.yaml")
    file = SNAPSHOTS / f"{name}.txt"
    if RENEW:
        file.write_text(out, encoding="utf-8")
    assert code == 0
    assert out == file.read_text(encoding="utf-8")
    assert max(map(len, out.splitlines())) <= 80


def test_every_text_kept_is_of_an_example():
    assert {p.stem for p in SNAPSHOTS.iterdir()} == {p.stem for p in EXAMPLES.glob("*.yaml")}


# Every key shows

# The full tree with what it cannot hold at once.
TREES = (
    some.FULL,
    some.put(
        some.FULL,
        ("matching",),
        {"scheme": "sha256", "normalisation": "uid2-2026", "keys": ["email"], "allow_unsalted": True},
    ),
)  # fmt: skip


def generic(path):
    """A tree's path as the grammar writes it."""
    names = {"parties": "party", "datasets": "dataset"}
    columns = {"dimensions": "dimension", "event_filters": "dimension"}
    families = {"consent", "breakdowns", "families"}
    steps = []
    for step in path:
        before = steps[-1] if steps else ""
        if before in names and len(steps) == 1:
            steps.append(f"<{names[before]}>")
        elif before in columns:
            steps.append(f"<{columns[before]}>")
        elif before in {"counts", "measures"}:
            steps.append(f"<{before.removesuffix('s')}>")
        elif before in families and len(steps) > 1:  # not the top-level block of consent
            steps.append("<family>")
        else:
            steps.append(step)
    return ".".join(steps)


def others(path, value):
    """Other values that may stand at a path; the policy may refuse some of them."""
    match value:
        case bool():
            return []
        case dict():
            return []
        case list():
            return [value[:-1], [*value, "fresh"], [*value, "loyalty_id"], ["research"], []]
        case int():
            return [value + 1, max(1, value - 1)]
        case float():
            return [value / 2]
        case str():
            return [*some.WORDS.get(path[-1], []), "renamed", "2026-04-02", "KZ"]


def keys_with_values():
    """Each path of the grammar under which something but a mapping stands."""
    for path, key in walk(POLICY):
        if not isinstance(key.spec, Block | Named):
            yield path, key


def test_the_trees_have_every_key_of_the_grammar():
    known = {generic(path) for tree in TREES for path, _ in some.places(tree)}
    missing = {p for p, _ in keys_with_values()} - known
    # `never` is what its absence means.
    assert missing <= {"datasets.<dataset>.privacy.renew"}


def has_another_value(key):
    return not (isinstance(key.spec, Word) and len(key.spec.words) == 1)


@pytest.mark.parametrize("key", [p for p, k in keys_with_values() if has_another_value(k)])
def test_another_value_of_any_key_is_another_explanation(key):
    changed = 0
    for tree in TREES:
        before = text(some.parsed(tree))
        for path, value in some.places(tree):
            if generic(path) == key:
                for other in others(path, value):
                    after = some.parsed(some.put(tree, path, other)) if other != value else None
                    if after is not None:
                        changed += 1
                        assert text(after) != before, (path, other)
    if key != "matching.allow_unsalted":  # true with sha256 and only with it
        assert changed, "no other value of it was valid"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_changes_protection_changes_the_explanation(data):
    tree = data.draw(some.trees())
    tried = data.draw(some.edits(tree))
    old, new = some.parsed(tree), some.parsed(tried)
    if new is None:
        return
    if any(c.direction is not Direction.NEUTRAL for c in compare(old, new)):
        assert text(old) != text(new), [c.words for c in compare(old, new)]


# What it says is so

DEMO = policy(name="demo")


def test_its_figures_are_the_planners():
    (found,) = [p for p in precisions(DEMO) if p.datasets == ("sales",)]
    question = SegmentSize(datasets=("sales",), by=())
    allowance = decide(DEMO, asker="megamart", question=question, now_s=DEMO.valid_from_s)
    planned = plan(allowance, default_nano_rho(allowance))
    (statistic,) = planned.statistics
    assert found.line == planned.line
    assert found.within - 1 < 1.96 * statistic.noise_sd <= found.within
    assert f"± {found.within} people. A noisy number below {found.line} is withheld." in text(DEMO)


def test_a_budget_affords_as_many_questions_as_it_says_and_not_one_more():
    question = SegmentSize(datasets=("sales",), by=())
    allowance = decide(DEMO, asker="megamart", question=question, now_s=DEMO.valid_from_s)
    offer = default_nano_rho(allowance)
    from cleanroom.privacy.loss import nano_rho_of_budget

    (terms,) = allowance.ledgers
    budget = nano_rho_of_budget(terms.epsilon, terms.delta)
    (found,) = [p for p in precisions(DEMO) if p.datasets == ("sales",)]
    assert found.affordable * offer <= budget < (found.affordable + 1) * offer


def test_only_what_somebody_may_ask_has_a_precision():
    silent = policy(("[match_rate, segment_size, sales_lift]", "[match_rate]"), ("megamart:     {role: retailer,      may_ask: [match_rate, segment_size]}", "megamart:     {role: retailer, may_ask: []}"), name="demo")  # fmt: skip
    assert {p.family for p in precisions(silent)} == {Family.MATCH_RATE}
    assert "Sales lifts: no party may ask for one." in text(silent)
    assert "To megamart, anything: it gets no answer." in text(silent)


def test_json_holds_the_sections_and_the_figures(capsys):
    code, out, _ = run(capsys, "policy", "explain", str(EXAMPLES / "demo.yaml"), "--json")
    document = json.loads(out)
    assert code == 0
    assert document["digest"] == DEMO.digest
    assert [s["title"] for s in document["sections"]] == [s.title for s in told(DEMO)]
    assert document["precisions"][0]["ledger"] == "ledgers/acme-brand/spring-campaign"


def test_a_file_with_errors_exits_with_two(capsys, tmp_path):
    (tmp_path / "p.yaml").write_text("version: 1\n")
    code, out, err = run(capsys, "policy", "explain", str(tmp_path / "p.yaml"))
    assert (code, out) == (2, "")
    assert "p.yaml:1:10: version: found the integer 1" in err


def test_numbers_are_written_for_people():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
    assert listed([]) == "nothing"
    assert chance(some.Fraction("1e-6")) == "1 in 1,000,000"
    assert chance(some.Fraction("0.3")) == "0.3"
    assert odds(some.Fraction(4)) == "55 (e^4)"
    assert odds(some.Fraction("0.5")) == "1.65 (e^0.5)"
    assert odds(some.Fraction(1000)) == "e^1000, which is no protection to speak of"

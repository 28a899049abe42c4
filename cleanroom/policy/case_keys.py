"""Every key of a file of cases, in which an officer writes down what a policy must do.

Must not know how a file is read, nor how a case is tried.
"""

from __future__ import annotations

from fractions import Fraction

from cleanroom.model.dataset import MAX_BOUND
from cleanroom.model.lift import Design
from cleanroom.model.ropo import MAX_DAYS, RopoDefinition
from cleanroom.policy.grammar import (
    Block,
    Column,
    Day,
    Decimal,
    Flag,
    Key,
    Label,
    Listed,
    Named,
    Sentence,
    Spec,
    Values,
    Whole,
    Word,
)
from cleanroom.policy.keys_rules import MAX_EPSILON, MAX_PEOPLE
from cleanroom.policy.rules import MIN_PEOPLE

VERSION = "cleanroom-cases/v1"
MAX_CASES = 1_000
_NONE = "none"
_PAIR = Values(most=2)
_BY = Values(most=4)


def _key(name: str, spec: Spec, says: str, example: str, absent: str = "refused") -> Key:
    return Key(name=name, spec=spec, says=says, example=example, absent=absent)


def _by(of: str) -> Key:
    return _key("by", _BY, f"columns of {of} to break the answer down by", "[city]", _NONE)


_EXPOSURES = _key("exposures", Label(what="dataset"), "the dataset of contacts", "exposures")
_SALES = _key("sales", Label(what="dataset"), "the dataset of purchases", "sales")
_FILTERS = _key(
    "filters",
    Named(what="filter", each=Values(most=1_000), columns=True),
    "values by which purchases are kept",
    "{category: [hair-care]}",
    _NONE,
)
_WINDOW = (
    _key("from", Day(), "first day of the purchases that count", "2026-04-01", "no window"),
    _key("until", Day(), "last day of the purchases that count", "2026-04-30", "no window"),
)

_KINDS = {
    "match_rate": (
        _key("datasets", _PAIR, "two datasets", "[exposures, sales]"),
        _by("one of them"),
    ),
    "segment_size": (
        _key("datasets", _PAIR, "one dataset or two", "[exposures]"),
        _by("them"),
    ),
    "sales_lift": (
        _EXPOSURES,
        _SALES,
        _key("outcome", Column(what="outcome"), "a measure, or `buyers`", "amount"),
        _by("the exposures"),
        _FILTERS,
        *_WINDOW,
        _key(
            "design",
            Word(words=tuple(Design)),
            "how exposed and unexposed came about",
            "randomized",
            "`randomized`",
        ),
        _key(
            "bound",
            Whole(least=1, most=MAX_BOUND),
            "clip a person's sum above it",
            "50000",
            "the policy's most",
        ),
    ),
    "overlap": (
        _key("hub", Label(what="dataset"), "the dataset whose people are counted", "exposures"),
        _key("others", Values(most=4), "two to four datasets that may know them", "[a, b]"),
        _by("the hub"),
    ),
    "contribution_bound": (
        _key("dataset", Label(what="dataset"), "the dataset", "sales"),
        _key("measure", Column(what="measure"), "one of its measures", "amount"),
        _key("up_to", Whole(least=2, most=MAX_BOUND), "the largest bound tried", "1000000"),
    ),
    "ropo": (
        _key(
            "definition",
            Word(words=tuple(RopoDefinition)),
            "which of the two figures",
            "conversion",
        ),
        _EXPOSURES,
        _SALES,
        _key(
            "days",
            Whole(least=1, most=MAX_DAYS),
            "the most days between contact and purchase",
            "14",
        ),
        _key("measure", Column(what="measure"), "what is summed", "amount", "people are counted"),
        _by("the people counted"),
        _FILTERS,
        *_WINDOW,
    ),
}

_EXAMPLES = {
    "match_rate": "{datasets: [exposures, sales], by: [city]}",
    "segment_size": "{datasets: [exposures], by: [city]}",
    "sales_lift": "{exposures: exposures, sales: sales, outcome: amount}",
    "overlap": "{hub: exposures, others: [sales, panel]}",
    "contribution_bound": "{dataset: sales, measure: amount, up_to: 1000000}",
    "ropo": "{definition: conversion, exposures: visits, sales: sales, days: 14}",
}

QUESTION = Block(
    keys=tuple(
        _key(kind, Block(keys=keys), f"ask for {kind}", _EXAMPLES[kind], "another kind is asked")
        for kind, keys in _KINDS.items()
    )
)

CASE = Block(
    keys=(
        _key(
            "case",
            Sentence(wanted="what must hold"),
            "what must hold, in words",
            "megamart may not ask sales_lift",
        ),
        _key("asker", Label(what="asker"), "the party that asks", "megamart"),
        _key(
            "ask",
            QUESTION,
            "the question: one kind, with its parts",
            "{match_rate: {datasets: [exposures, sales]}}",
        ),
        _key("on", Day(), "the day on which it is asked", "2026-04-01", "the file's day"),
        _key(
            "epsilon",
            Decimal(most=MAX_EPSILON, example="0.5"),
            "what the asker offers of the budgets",
            "0.5",
            "the most that the policy allows one question",
        ),
        _key("allowed", Flag(), "`true`: it must be answered", "true", "see `refused`"),
        _key(
            "refused",
            Listed(what="rules", each=Sentence(wanted="a rule's path"), most=20),
            "paths of rules, or the beginnings of paths: each must be among the reasons",
            "[parties.megamart.may_ask]",
            "see `allowed`",
        ),
        _key(
            "costs_at_most",
            Decimal(most=MAX_EPSILON, example="0.5"),
            "of no budget more than this, as an epsilon at the budget's delta",
            "0.5",
            "whatever it costs",
        ),
        _key(
            "people_at_least",
            Whole(least=MIN_PEOPLE, most=MAX_PEOPLE),
            "a cell of fewer people must be withheld",
            "100",
            "whatever the minimum",
        ),
    )
)

CASES = Block(
    keys=(
        _key("version", Word(words=(VERSION,)), "the grammar of the file", VERSION),
        _key(
            "policy",
            Sentence(wanted="the policy's file, seen from this one"),
            "the policy's file, seen from this one",
            "../examples/demo.yaml",
        ),
        _key("on", Day(), "the day on which all is asked", "2026-04-01", "the policy's first"),
        _key(
            "cases",
            Listed(what="cases", each=CASE, most=MAX_CASES),
            "what must hold, each by itself",
            "[]",
        ),
    )
)

QUANTILE = Fraction(9, 10)

"""Buckets, bounds and grids against a policy: what is allowed, and every reason of a refusal."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import (
    Buckets,
    ContributionBound,
    MatchRate,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.policy.decide import decide
from support.policies import policy

NOW_S = 1_777_000_000  # in April 2026
DEMO, SPRING = policy(name="demo"), policy()
WINDOW = Window(from_s=0, until_s=1)
HAIR = (("category", ("hair-care",)),)
COUNTS = "datasets.exposures.counts.impressions"
AMOUNT = "datasets.sales.measures.amount"


def allow(question, parsed=DEMO, asker="acme-brand"):
    return decide(parsed, asker=asker, question=question, now_s=NOW_S)


def refusal(question, parsed=DEMO, asker="acme-brand"):
    with pytest.raises(QuestionRefused) as caught:
        allow(question, parsed, asker)
    return tuple(str(reason) for reason in caught.value.reasons)


def sizes(name, *edges, datasets=("exposures", "sales"), **rule):
    cut = Buckets(dimension=name, edges=edges, **rule)
    return SegmentSize(datasets=datasets, by=(name,), buckets=(cut,))


LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount")
BOUND = ContributionBound(
    dataset="sales", measure="amount", quantile=Fraction(19, 20), grid=(500_000, 1_500_000)
)


def test_a_bucketed_count_is_a_dimension_of_its_dataset_with_labels_for_values():
    allowance = allow(sizes("impressions", 1, 2, 5))
    (grouping,) = allowance.groupings

    assert allowance.question.by == ("exposures.impressions",)
    assert allowance.question.buckets == (grouping.buckets,)
    assert grouping.buckets.dimension == "exposures.impressions"
    assert (grouping.dataset, grouping.domain.name) == ("exposures", "impressions")
    assert grouping.domain.values == ("0", "1", "2-4", "5+")


def test_money_is_told_in_major_units_and_visits_have_nothing_below_zero():
    spend, visits = (
        allow(question).groupings[0].domain.values
        for question in (
            sizes("amount", 0, 1, 1_500_000, window=WINDOW, filters=HAIR),
            sizes("visits", 1, 3),
        )
    )
    assert spend == ("<0", "0", "0.01-14,999.99", "15,000+")
    assert visits == ("0", "1-2", "3+")


def test_deciding_a_decided_question_again_gives_the_same():
    for question in (
        sizes("impressions", 1, 2),
        replace(LIFT, by=("impressions",), buckets=(Buckets(dimension="impressions", edges=(1,)),)),
        replace(LIFT, bound=7),
        BOUND,
    ):
        first = allow(question)
        assert allow(first.question) == first


def test_other_ways_to_write_a_question_are_the_same_question():
    plain = sizes("impressions", 1, 2)
    qualified = sizes("exposures.impressions", 1, 2, datasets=("sales", "exposures"))
    assert allow(plain).question == allow(qualified).question
    assert allow(LIFT).question == allow(replace(LIFT, bound=1_500_000)).question


def test_buckets_and_declared_values_make_one_cross_product():
    question = replace(sizes("impressions", 1), by=("impressions", "city"))
    city, often = (g.domain.values for g in allow(question).groupings)
    assert len(city) * len(often) == 8


@pytest.mark.parametrize(
    ("question", "reasons"),
    [
        (
            SegmentSize(datasets=("exposures",), by=("impressions",)),
            ["by impressions is a number (demo.yaml:24): cut it by buckets, as in 1,2,5"],
        ),
        (sizes("city", 1), ["by city has declared values (demo.yaml:21): it takes no buckets"]),
        (
            sizes("age", 1),
            ["by age is not a count or measure declared in datasets.exposures (demo.yaml:18) or datasets.sales (demo.yaml:26)"],
        ),
        (
            sizes("impressions", 1, 51),
            [f"buckets of exposures.impressions go up to 51, more than {COUNTS}.max_per_person, 50 (demo.yaml:24)"],
        ),
        (
            sizes("impressions", 0, 1),
            ["buckets of exposures.impressions begin at 0: the first edge must be at least 1, as it is never below 0 (demo.yaml:24)"],
        ),
        (
            sizes("amount", -1_500_001, 0),
            ["buckets of sales.amount begin at -1500001: the first edge must be at least its max_per_person below zero, -1500000 (demo.yaml:30)"],
        ),
        (
            sizes("impressions", 1, window=WINDOW),
            ["datasets.exposures.time is not declared, so no window can be asked (demo.yaml:18)"],
        ),
        (
            sizes("amount", 1, filters=(("category", ("soap",)), ("brand", ("x",)))),
            [
                "datasets.sales.event_filters does not declare brand (demo.yaml:32)",
                "datasets.sales.event_filters.category does not include 1 of the 1 values asked for (demo.yaml:32)",
            ],
        ),
        (
            replace(LIFT, by=("amount",), buckets=(Buckets(dimension="amount", edges=(1,)),)),
            ["by amount is not a count or measure declared in datasets.exposures (demo.yaml:18)"],
        ),
        (
            MatchRate(
                datasets=("exposures", "sales"),
                by=("impressions", "amount"),
                buckets=tuple(Buckets(dimension=n, edges=(1,)) for n in ("impressions", "amount")),
            ),
            ["by takes dimensions of one dataset, not of exposures and sales"],
        ),
        (
            replace(LIFT, bound=1_500_001),
            [f"bound is 1500001, more than {AMOUNT}.max_per_person, 1500000 (demo.yaml:30)"],
        ),
        (
            replace(LIFT, outcome="buyers", bound=1),
            ["bound clips a measure, and buyers is none: leave it out"],
        ),
        (
            replace(BOUND, grid=(5, 1_500_001)),
            [f"grid goes up to 1500001, more than {AMOUNT}.max_per_person, 1500000 (demo.yaml:30)"],
        ),
        (
            replace(BOUND, measure="margin"),
            ["datasets.sales.measures does not declare margin (demo.yaml:29)"],
        ),
        (
            replace(BOUND, dataset="panel"),
            ["datasets.panel.measures does not declare amount (demo.yaml:43)"],
        ),
        (replace(BOUND, dataset="loans"), ["datasets does not declare loans (demo.yaml:17)"]),
    ],
)  # fmt: skip
def test_what_the_datasets_cannot_answer_is_refused_with_every_reason(question, reasons):
    assert refusal(question) == tuple(reasons)


def test_a_window_on_an_untimed_dataset_is_refused_for_a_contribution_bound_too():
    (reason,) = refusal(replace(BOUND, window=WINDOW), SPRING)
    assert reason.startswith("datasets.sales.time is not declared")


def test_a_number_in_both_datasets_has_to_be_told_apart():
    parsed = policy(
        ("counts: {impressions: {max_per_person: 50}}", "counts: {visits: {max_per_person: 50}}"),
        name="demo",
    )
    (reason,) = refusal(sizes("visits", 1), parsed)
    assert reason == "by visits is ambiguous: write exposures.visits or sales.visits"
    assert allow(sizes("sales.visits", 1), parsed).question.by == ("sales.visits",)


def test_a_contribution_bound_is_granted_with_lifts_and_pays_for_one_dataset():
    assert refusal(BOUND, asker="megamart") == (
        "parties.megamart.may_ask does not include sales_lift (demo.yaml:8)",
    )
    allowance = allow(BOUND)
    assert [str(t.ledger) for t in allowance.ledgers] == ["ledgers/megamart/megamart-loyalty-2026"]
    assert (allowance.bound, allowance.groupings) == (1_500_000, ())


def test_a_lift_is_clipped_where_it_asks_to_be():
    assert allow(replace(LIFT, bound=200_000)).bound == 200_000
    assert allow(LIFT).bound == 1_500_000
    assert allow(replace(LIFT, outcome="buyers")).bound == 1


@given(
    edges=st.lists(st.integers(-60, 60), min_size=1, max_size=5, unique=True).map(sorted),
    name=st.sampled_from(["impressions", "visits", "amount", "city", "age"]),
)
def test_buckets_are_allowed_whole_or_refused_with_reasons(edges, name):
    try:
        allowance = allow(sizes(name, *edges))
    except QuestionRefused as refused:
        reasons = tuple(str(reason) for reason in refused.reasons)
    else:
        reasons = ()
        assert name in {"impressions", "visits", "amount"}
        assert len(allowance.groupings[0].domain.values) == len(edges) + 1
    assert len(set(reasons)) == len(reasons)
    if name in {"city", "age"} or (name != "amount" and edges[0] < 1):
        assert reasons

"""What a policy allows, what it refuses, and that refusals hang on grants alone."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.model.dataset import Bounded, DatasetSchema, KeyType, Unit
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import (
    MatchRate,
    Overlap,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.policy.decide import decide
from cleanroom.policy.parse import parse_policy
from support.policies import edited, policy

NOW_S = 1_777_000_000  # in April 2026, inside the validity of both policies used here
DEMO = policy(name="demo")
SPRING = policy()
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",))
RATE = MatchRate(datasets=("exposures", "panel"))


def refusal(parsed, question, *, asker="acme-brand", now_s=NOW_S):
    with pytest.raises(QuestionRefused) as caught:
        decide(parsed, asker=asker, question=question, now_s=now_s)
    return tuple(str(reason) for reason in caught.value.reasons)


def allow(question, *, parsed=DEMO, asker="acme-brand", now_s=NOW_S):
    return decide(parsed, asker=asker, question=question, now_s=now_s)


def test_an_allowed_lift_carries_all_its_plan_needs():
    allowance = allow(LIFT)
    assert allowance.question == replace(LIFT, by=("exposures.city",), bound=1_500_000)
    assert [s.name for s in allowance.schemas] == ["exposures", "sales"]
    assert [(g.dataset, g.domain.name) for g in allowance.groupings] == [("exposures", "city")]
    assert allowance.stages == (KeyType.EMAIL, KeyType.PHONE, KeyType.LOYALTY_ID)
    assert allowance.purposes == 1
    assert (allowance.minimum.people, allowance.minimum.miss_probability) == (
        50,
        Fraction(1, 10**6),
    )
    assert [str(t.ledger) for t in allowance.ledgers] == [
        "ledgers/acme-brand/spring-campaign",
        "ledgers/megamart/megamart-loyalty-2026",
    ]
    assert allowance.bound == 1_500_000


@pytest.mark.parametrize(
    ("question", "bound"),
    [
        (LIFT, 1_500_000),
        (replace(LIFT, outcome="visits"), 60),
        (replace(LIFT, outcome="buyers"), 1),
        (RATE, 1),
        (SegmentSize(datasets=("panel",), by=("income",)), 1),
    ],
)
def test_the_bound_is_the_measures_and_one_for_counts(question, bound):
    assert allow(question).bound == bound


def test_a_party_may_ask_about_datasets_it_does_not_own():
    rate = MatchRate(datasets=("exposures", "sales"))
    assert allow(rate, asker="fiscal-data").question == rate


def test_dimensions_come_back_qualified_and_sorted_whatever_the_way_to_write_them():
    written = SegmentSize(
        datasets=("exposures", "panel"), by=("segment", "income", "exposures.city")
    )
    allowance = allow(written)
    assert allowance.question.by == ("exposures.city", "exposures.segment", "panel.income")
    assert [f"{g.dataset}.{g.domain.name}" for g in allowance.groupings] == list(
        allowance.question.by
    )
    again = SegmentSize(
        datasets=("panel", "exposures"), by=("city", "panel.income", "exposures.segment")
    )
    assert allow(again) == allowance


def test_deciding_again_on_the_answer_changes_nothing():
    allowance = allow(LIFT)
    assert allow(allowance.question) == allowance


def test_datasets_of_one_pool_debit_one_ledger():
    privacy = (
        "privacy: {pool: megamart-loyalty-2026, definition: zcdp, "
        "epsilon: 4, delta: 1e-7, per_question: 0.25}"
    )
    parsed = policy(("owner: acme-brand", f"owner: megamart\n    {privacy}"))
    (terms,) = allow(MatchRate(datasets=("exposures", "sales")), parsed=parsed).ledgers
    assert terms.datasets == ("exposures", "sales")
    assert terms.per_question == Fraction(1, 4)


def test_the_first_and_the_last_second_of_validity_are_inside():
    for now_s in (SPRING.valid_from_s, SPRING.valid_until_s - 1):
        assert allow(LIFT, parsed=SPRING, now_s=now_s).bound == 1_500_000


@pytest.mark.parametrize(
    ("now_s", "reason"),
    [
        (SPRING.valid_from_s - 1, "valid.from is 2026-03-01, which has not come yet (spring-campaign.yaml:4)"),
        (SPRING.valid_until_s, "valid.until is 2026-09-30, which has passed (spring-campaign.yaml:4)"),
    ],
)  # fmt: skip
def test_a_question_outside_the_validity_is_refused(now_s, reason):
    assert refusal(SPRING, LIFT, now_s=now_s) == (reason,)


def test_a_stranger_is_refused():
    assert refusal(SPRING, LIFT, asker="maxima") == (
        "parties does not name maxima (spring-campaign.yaml:6)",
    )


def test_a_family_that_is_not_granted_is_refused():
    assert refusal(SPRING, LIFT, asker="megamart") == (
        "parties.megamart.may_ask does not include sales_lift (spring-campaign.yaml:8)",
    )


def test_a_family_without_purposes_is_refused():
    parsed = policy((", segment_size, sales_lift]", "]"), ("segment_size: [measurement], ", ""))
    question = SegmentSize(datasets=("exposures",), by=("city",))
    assert refusal(parsed, question) == (
        "parties.acme-brand.may_ask does not include segment_size (spring-campaign.yaml:7)",
        "datasets: no consent names purposes for segment_size (spring-campaign.yaml:16)",
    )


CATEGORY = "datasets.sales.event_filters"


@pytest.mark.parametrize(
    ("question", "reasons"),
    [
        (replace(LIFT, sales="loans"), ["datasets does not declare loans (demo.yaml:17)"]),
        (MatchRate(datasets=("a", "b"), by=("city",)), ["datasets does not declare a (demo.yaml:17)", "datasets does not declare b (demo.yaml:17)"]),
        (replace(LIFT, by=("age",)), ["by age is not a dimension declared in datasets.exposures.dimensions (demo.yaml:20)"]),
        (replace(LIFT, by=("sales.city",)), ["by sales.city is not a dimension declared in datasets.exposures.dimensions (demo.yaml:20)"]),
        (MatchRate(datasets=("exposures", "sales"), by=("income",)), ["by income is not a dimension declared in datasets.exposures.dimensions (demo.yaml:20) or datasets.sales.dimensions (demo.yaml:26)"]),
        (replace(RATE, by=("city", "income")), ["by takes dimensions of one dataset, not of exposures and panel"]),
        (replace(LIFT, by=("city", "exposures.city")), ["by names exposures.city twice"]),
        (replace(LIFT, outcome="margin"), ["datasets.sales.measures does not declare margin (demo.yaml:29)"]),
        (replace(LIFT, outcome="impressions"), ["datasets.sales.measures does not declare impressions (demo.yaml:29)"]),
        (replace(LIFT, sales="panel"), ["datasets.panel.measures does not declare amount (demo.yaml:43)"]),
        (replace(LIFT, sales="panel", outcome="buyers"), ["datasets.panel.measures declares no measure to tell buyers by (demo.yaml:43)"]),
        (replace(LIFT, exposures="panel", by=("income",)), ["datasets.panel.arm is not declared (demo.yaml:43)"]),
        (replace(LIFT, filters=(("brand", ("x",)),)), [f"{CATEGORY} does not declare brand (demo.yaml:32)"]),
        (replace(LIFT, filters=(("category", ("hair-care", "soap")),)), [f"{CATEGORY}.category does not include 1 of the 2 values asked for (demo.yaml:32)"]),
    ],
)  # fmt: skip
def test_a_question_the_datasets_cannot_answer_is_refused(question, reasons):
    assert refusal(DEMO, question) == tuple(reasons)


def test_a_window_needs_a_timed_dataset():
    question = replace(LIFT, window=Window(from_s=0, until_s=1))
    assert refusal(SPRING, question) == (
        "datasets.sales.time is not declared, so no window can be asked (spring-campaign.yaml:22)",
    )
    assert allow(question).question.window == question.window


def test_an_ambiguous_dimension_names_both_ways_to_write_it():
    parsed = policy(("owner: megamart", "owner: megamart\n    dimensions: {city: [ufa, other]}"))
    question = SegmentSize(datasets=("exposures", "sales"), by=("city",))
    (reason,) = refusal(parsed, question)
    assert reason == "by city is ambiguous: write exposures.city or sales.city"
    # A lift is broken down by exposures only, so there the same name is clear.
    assert allow(LIFT, parsed=parsed).question.by == ("exposures.city",)
    # Both sides at once are two dimensions.
    both = replace(question, by=("exposures.city", "sales.city"))
    assert len(allow(both, parsed=parsed).groupings) == 2


def test_too_many_cells_are_refused_before_any_is_made():
    values = ", ".join(f"v{i}" for i in range(101))
    parsed = policy(
        ("[ufa, kazan, other]", f"[{values}]"), ("[cooks, big-spenders, other]", f"[{values}]")
    )
    reasons = refusal(parsed, SegmentSize(datasets=("exposures",), by=("city", "segment")))
    assert reasons == ("by makes 10201 cells, more than 10000: leave dimensions out",)


def test_every_reason_is_told_at_once():
    question = replace(LIFT, by=("age",), outcome="margin", filters=(("brand", ("x",)),))
    reasons = refusal(DEMO, question, asker="megamart", now_s=0)
    assert [r.split(" ")[0] for r in reasons] == [
        "valid.from",
        "parties.megamart.may_ask",
        "by",
        "datasets.sales.measures",
        "datasets.sales.event_filters",
    ]


def test_buyers_are_told_by_the_first_measure_of_money_or_else_the_first():
    visits, amount, items = (
        Bounded(name=name, unit=unit, max_per_person=1)
        for name, unit in (("visits", Unit.ROWS), ("amount", Unit.MINOR), ("items", Unit.COUNT))
    )

    def buying(*measures):
        return DatasetSchema(name="sales", owner="megamart", keys=(), measures=measures).buying

    assert buying(visits, amount) == amount
    assert buying(visits, items) == visits
    assert buying() is None


# Overlaps and purchases after contacts

THREE = Overlap(hub="exposures", others=("sales", "panel"), by=("city",))
TIMED = policy(
    (
        "    owner: acme-brand\n",
        "    owner: acme-brand\n    time: {column: seen_at}\n",
    ),
    name="demo",
)
CONVERSION = Ropo(
    definition=RopoDefinition.CONVERSION, exposures="exposures", sales="sales", days=14
)
SHARE = replace(CONVERSION, definition=RopoDefinition.SHARE_OF_SALES, measure="amount")


def test_an_overlap_concerns_every_dataset_and_is_by_the_hub():
    allowance = allow(THREE)
    assert [s.name for s in allowance.schemas] == ["exposures", "panel", "sales"]
    assert allowance.question.by == ("exposures.city",)
    assert {d for t in allowance.ledgers for d in t.datasets} == {"exposures", "sales", "panel"}
    assert allowance.bound == 1
    assert allowance.minimum == DEMO.minimum(THREE.datasets, THREE.family)
    assert allow(allowance.question) == allowance


def test_an_overlap_needs_the_grant_of_segment_sizes():
    assert THREE.family == "segment_size"
    assert "may_ask does not include segment_size" in refusal(DEMO, THREE, asker="fiscal-data")[0]


@pytest.mark.parametrize(
    ("question", "reasons"),
    [
        (replace(THREE, others=("loans", "sales")), ["datasets does not declare loans (demo.yaml:17)"]),
        (replace(THREE, by=("income",)), ["by income is not a dimension declared in datasets.exposures.dimensions (demo.yaml:20)"]),
        (replace(THREE, by=("impressions",)), ["by impressions is not a dimension declared in datasets.exposures.dimensions (demo.yaml:20)"]),
        (CONVERSION, ["datasets.exposures.time is not declared, so its contacts have no order (demo.yaml:18)"]),
    ],
)  # fmt: skip
def test_an_overlap_or_ropo_that_the_datasets_cannot_answer_is_refused(question, reasons):
    assert refusal(DEMO, question) == tuple(reasons)


def test_patterns_count_as_cells():
    values = ", ".join(f"v{i}" for i in range(60))
    parsed = policy(
        ("[ufa, kazan, other]", f"[{values}]"), ("[cooks, big-spenders, other]", f"[{values}]")
    )
    (reason,) = [r for r in refusal(parsed, replace(THREE, by=("city", "segment"))) if "cells" in r]
    assert reason == "by makes 14400 cells, more than 10000: leave dimensions out"


def test_a_ropo_is_by_dimensions_of_the_people_it_counts():
    allowance = allow(replace(CONVERSION, by=("city",)), parsed=TIMED)
    assert allowance.question.by == ("exposures.city",)
    assert allowance.bound == 1
    (reason,) = refusal(TIMED, replace(SHARE, by=("city",)))
    assert "is not a dimension declared in datasets.sales.dimensions" in reason


def test_a_share_of_sales_is_bounded_by_its_measure():
    assert allow(SHARE, parsed=TIMED).bound == 1_500_000
    assert allow(replace(SHARE, measure="visits"), parsed=TIMED).bound == 60
    assert allow(SHARE, parsed=TIMED).question.family == "sales_lift"


def test_every_reason_of_a_ropo_is_told_at_once():
    question = replace(SHARE, measure="margin", filters=(("brand", ("x",)),))
    reasons = refusal(SPRING, question, asker="megamart")
    assert [r.split(" ")[0] for r in reasons] == [
        "parties.megamart.may_ask",
        "datasets.exposures.time",
        "datasets.sales.time",
        "datasets.sales.measures",
        "datasets.sales.event_filters",
    ]
    (_, no_measure) = refusal(TIMED, replace(SHARE, sales="panel"))
    assert "declares no measure to tell purchases by" in no_measure


FAMILIES = ("match_rate", "segment_size", "sales_lift")
PARTIES = ("acme-brand", "megamart", "fiscal-data")
GRANTS = {
    "acme-brand": "may_ask: [match_rate, segment_size, sales_lift]",
    "megamart": "may_ask: [match_rate, segment_size]",
    "fiscal-data": "may_ask: [match_rate]",
}
names = st.sampled_from(["exposures", "sales", "panel", "loans"])
pairs = st.lists(names, min_size=2, max_size=2, unique=True).map(tuple)
bys = st.lists(
    st.sampled_from(["city", "segment", "income", "panel.income", "age"]), max_size=3, unique=True
).map(tuple)
questions = st.one_of(
    st.builds(MatchRate, datasets=pairs, by=bys),
    st.builds(SegmentSize, datasets=st.one_of(pairs, names.map(lambda n: (n,))), by=bys),
    st.builds(
        lambda pair, outcome, by: SalesLift(
            exposures=pair[0], sales=pair[1], outcome=outcome, by=by
        ),
        pairs,
        st.sampled_from(["amount", "visits", "buyers", "margin"]),
        bys,
    ),
    st.builds(
        lambda found, by: Overlap(hub=found[0], others=tuple(found[1:]), by=by),
        st.lists(names, min_size=3, max_size=4, unique=True),
        bys,
    ),
    st.builds(
        lambda pair, measure, by: replace(
            SHARE if measure else CONVERSION,
            exposures=pair[0],
            sales=pair[1],
            measure=measure,
            by=by,
        ),
        pairs,
        st.sampled_from(["amount", "margin", None]),
        bys,
    ),
)


@st.composite
def grants(draw):
    """Two sets of grants by party, the second with some of the first taken away."""
    more = {p: draw(st.sets(st.sampled_from(FAMILIES))) for p in PARTIES}
    fewer = {p: more[p] - draw(st.sets(st.sampled_from(FAMILIES))) for p in PARTIES}
    return more, fewer


def with_grants(granted):
    # Three parties have three different lines, so each edit finds its own.
    edits = [(f"{GRANTS[p]}}}", f"may_ask: [{', '.join(sorted(granted[p]))}] }}") for p in PARTIES]
    return parse_policy(edited(*edits, name="demo").encode())


def allowed(parsed, asker, question, now_s=NOW_S):
    try:
        return decide(parsed, asker=asker, question=question, now_s=now_s)
    except QuestionRefused:
        return None


@settings(max_examples=60, deadline=None)
@given(grants(), st.lists(questions, min_size=1, max_size=8))
def test_taking_a_grant_back_never_allows_anything(granted, asked):
    more, fewer = (with_grants(g) for g in granted)
    for asker in PARTIES:
        for question in asked:
            after = allowed(fewer, asker, question)
            assert after is None or after == allowed(more, asker, question)
            assert after is None or question.family in granted[1][asker]


@settings(max_examples=100, deadline=None)
@given(questions, st.sampled_from([*PARTIES, "maxima"]), st.integers(0, 2**33))
def test_a_question_is_allowed_whole_or_refused_with_reasons(question, asker, now_s):
    allowance = allowed(DEMO, asker, question, now_s)
    if allowance is None:
        reasons = refusal(DEMO, question, asker=asker, now_s=now_s)
        assert reasons
        assert len(set(reasons)) == len(reasons)
    else:
        assert len(allowance.groupings) == len(question.by)
        assert {d for t in allowance.ledgers for d in t.datasets} == set(question.datasets)
        assert question.family in DEMO.party(asker).may_ask

"""Which columns may break an answer down, and how much may be asked: grammar, decision, lint."""

from dataclasses import replace
from fractions import Fraction

import pytest

from cleanroom.model.buckets import Buckets
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid, QuestionRefused
from cleanroom.model.lift import Adjustment
from cleanroom.model.question import (
    Family,
    MatchRate,
    Overlap,
    SalesLift,
    SegmentSize,
)
from cleanroom.policy.decide import decide
from cleanroom.policy.limits import frequency_reasons, longest_days
from cleanroom.policy.lint import lint
from cleanroom.policy.rules import Frequency, Limits
from support.policies import edited, policy, problems

NOW_S = 1_777_000_000  # in April 2026
DAY_S = 86_400
EXPOSURES = "    owner: acme-brand\n"
SALES = "    owner: megamart\n"
MINIMUM = "{people: 50, miss_probability: 1e-6}"
PANEL = "    owner: fiscal-data\n"
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",))
STRATIFIED = {"adjustment": Adjustment.POST_STRATIFIED, "strata": ("segment",)}
SIZE = SegmentSize(datasets=("exposures",), by=("city",))
BOTH = MatchRate(datasets=("exposures", "sales"))


def demo(*edits):
    return policy(*edits, name="demo")


def under(owner, *lines):
    """An edit that adds lines to the dataset of `owner`."""
    return (owner, owner + "".join(f"    {line}\n" for line in lines))


def refusal(parsed, question):
    with pytest.raises(QuestionRefused) as caught:
        decide(parsed, asker="acme-brand", question=question, now_s=NOW_S)
    return tuple(str(reason) for reason in caught.value.reasons)


def allowed(parsed, question):
    return decide(parsed, asker="acme-brand", question=question, now_s=NOW_S)


NARROW = demo(under(EXPOSURES, "breakdowns: {sales_lift: [city], segment_size: []}"))
BREAKDOWNS = "datasets.exposures.breakdowns"


def test_a_family_is_broken_down_by_the_columns_listed_for_it_alone():
    assert allowed(NARROW, LIFT).question.by == ("exposures.city",)
    assert refusal(NARROW, replace(LIFT, by=("segment",))) == (
        f"{BREAKDOWNS}.sales_lift allows city, not segment (demo.yaml:20)",
    )
    assert refusal(NARROW, SIZE) == (
        f"{BREAKDOWNS}.segment_size allows none, not city (demo.yaml:20)",
    )


def test_a_family_that_is_not_listed_may_use_every_declared_column():
    rate = MatchRate(datasets=("exposures", "sales"), by=("segment",))
    assert allowed(NARROW, rate).question.by == ("exposures.segment",)


def test_strata_and_buckets_and_overlaps_are_breakdowns_too():
    stratified = replace(LIFT, by=(), **STRATIFIED)
    cut = replace(
        LIFT, by=("impressions",), buckets=(Buckets(dimension="impressions", edges=(1, 5)),)
    )
    overlap = Overlap(hub="exposures", others=("sales", "panel"), by=("city",))
    for question, column in ((stratified, "segment"), (cut, "impressions"), (overlap, "city")):
        (reason,) = refusal(NARROW, question)
        assert reason.endswith(f", not {column} (demo.yaml:20)")


def test_each_dataset_answers_for_its_own_columns():
    parsed = demo(under(PANEL, "breakdowns: {segment_size: []}"))
    both = SegmentSize(datasets=("exposures", "panel"), by=("city", "income"))
    (reason,) = refusal(parsed, both)
    assert reason.startswith("datasets.panel.breakdowns.segment_size allows none, not income")
    assert allowed(parsed, replace(both, by=("city",))).question.by == ("exposures.city",)


@pytest.mark.parametrize("family", Family)
def test_the_minimum_is_the_familys_where_it_has_one(family):
    parsed = demo((MINIMUM, "{people: 50, miss_probability: 1e-6, families: {sales_lift: 100}}"))
    people = 100 if family is Family.SALES_LIFT else 50
    # Exposures have no rule of their own: they take the strictest of the policy.
    for datasets in (["sales"], ["exposures"], ["exposures", "sales"]):
        assert parsed.minimum(datasets, family).people == people
        assert parsed.minimum(datasets, family).miss_probability == Fraction(1, 10**6)


def test_the_strictest_of_several_datasets_holds_for_each_family():
    parsed = demo(
        (MINIMUM, "{people: 50, miss_probability: 1e-6, families: {sales_lift: 100}}"),
        under(PANEL, "minimum_aggregation: {people: 60, miss_probability: 1e-3}"),
    )
    assert parsed.minimum(["sales", "panel"], Family.SALES_LIFT).people == 100
    assert parsed.minimum(["sales", "panel"], Family.MATCH_RATE).people == 60
    assert parsed.minimum(["exposures"], Family.SALES_LIFT).people == 100
    assert allowed(parsed, LIFT).minimum.people == 100
    assert allowed(parsed, BOTH).minimum.people == 60


def test_a_question_has_no_more_filters_than_the_strictest_dataset_allows():
    filters = "event_filters: {category: [hair-colour, hair-care, other]}"
    two = (filters, filters[:-1] + ", shop: [a, b]}")
    question = replace(LIFT, filters=(("category", ("hair-care",)), ("shop", ("a",))))
    assert allowed(demo(two), question)
    rule = under(EXPOSURES, "limits: {filters_per_question: 1}")
    assert refusal(demo(two, rule), question) == (
        "datasets.exposures.limits.filters_per_question is 1, and the question has 2 (demo.yaml:20)",
    )
    assert allowed(demo(two, rule), replace(question, filters=question.filters[:1]))
    none = under(SALES, "limits: {filters_per_question: 0}")
    assert len(refusal(demo(two, rule, none), question)) == 2


def test_filters_of_buckets_count():
    cut = Buckets(dimension="amount", edges=(100,), filters=(("category", ("hair-care",)),))
    question = SegmentSize(datasets=("sales",), by=("amount",), buckets=(cut,))
    assert allowed(demo(), question)
    (reason,) = refusal(demo(under(SALES, "limits: {filters_per_question: 0}")), question)
    assert reason.startswith(
        "datasets.sales.limits.filters_per_question is 0, and the question has 1"
    )


def test_a_question_has_no_more_breakdowns_than_the_strictest_dataset_allows():
    parsed = demo(under(SALES, "limits: {breakdowns_per_question: 1}"))
    assert allowed(parsed, LIFT)
    for question in (
        replace(LIFT, by=("city", "segment")),
        replace(LIFT, **STRATIFIED),
        MatchRate(datasets=("exposures", "sales"), by=("city", "segment")),
    ):
        assert refusal(parsed, question) == (
            "datasets.sales.limits.breakdowns_per_question is 1, and the question has 2 (demo.yaml:28)",
        )
    # Sales are not in this question, so their rule is not either.
    assert allowed(parsed, replace(SIZE, by=("city", "segment")))


OFTEN = demo(
    under(SALES, "limits: {questions: {most: 2, days: 7}}"),
    under(EXPOSURES, "limits: {questions: {most: 3, days: 30}}"),
)


def often(asked, question=BOTH, now_s=NOW_S):
    return tuple(str(r) for r in frequency_reasons(OFTEN, question, asked, now_s))


def test_questions_are_counted_within_the_days_of_each_dataset():
    assert longest_days(OFTEN, BOTH) == 30
    assert longest_days(OFTEN, SegmentSize(datasets=("panel",), by=("income",))) == 0
    assert often({"sales": [NOW_S - 7 * DAY_S, NOW_S - 1]}) == ()
    (reason,) = often({"sales": [NOW_S - 7 * DAY_S + 60, NOW_S - 1]})
    assert reason == (
        "datasets.sales.limits.questions allows 2 new questions in 7 days to each asker: "
        "ask again after 2026-04-24 03:07 UTC (demo.yaml:29)"
    )
    times = [NOW_S - 20 * DAY_S, NOW_S - 2, NOW_S - 1]
    assert len(often({"sales": times, "exposures": times})) == 2
    assert often({"sales": times}, SIZE) == ()


def test_the_time_told_is_the_first_at_which_the_question_is_allowed():
    times = [NOW_S - 6 * DAY_S, NOW_S - 5 * DAY_S, NOW_S - DAY_S]
    assert often({"sales": times})
    # Two of three must have left the days before one more fits.
    assert often({"sales": times}, now_s=NOW_S + 2 * DAY_S - 1)
    assert often({"sales": times}, now_s=NOW_S + 2 * DAY_S) == ()


GRAMMAR = [
    (under(EXPOSURES, "breakdowns: {sales_lift: [age]}"), "19:31: datasets.exposures.breakdowns.sales_lift[0]: found the text 'age': write one of city, segment, impressions"),
    (under(EXPOSURES, "breakdowns: {sales_lift: [email]}"), "19:31: datasets.exposures.breakdowns.sales_lift[0]: found the text 'email': write one of city, segment, impressions"),
    (under(EXPOSURES, "breakdowns: {lift: [city]}"), "19:18: datasets.exposures.breakdowns: found the unknown key 'lift': write match_rate, segment_size, sales_lift"),
    (under(EXPOSURES, "breakdowns: {sales_lift: city}"), "19:30: datasets.exposures.breakdowns.sales_lift: found the text 'city': write a list of columns, as in [first, second]"),
    (under(EXPOSURES, "breakdowns: {sales_lift: [city, city]}"), "19:37: datasets.exposures.breakdowns.sales_lift[1]: found city again: write each once"),
    ((MINIMUM, "{people: 50, miss_probability: 1e-6, families: {sales_lift: 49}}"), "26:86: datasets.sales.minimum_aggregation.families.sales_lift: found the integer 49: write a whole number from 50 to 1073741824"),
    (under(SALES, "limits: {filters_per_question: -1}"), "24:36: datasets.sales.limits.filters_per_question: found the integer -1: write a whole number from 0 to 100"),
    (under(SALES, "limits: {breakdowns_per_question: two}"), "24:39: datasets.sales.limits.breakdowns_per_question: found the text 'two': write a whole number from 0 to 100"),
    (under(SALES, "limits: {questions: {most: 20}}"), "24:14: datasets.sales.limits.questions: add the key 'days'"),
    (under(SALES, "limits: {questions: {most: 0, days: 7}}"), "24:32: datasets.sales.limits.questions.most: found the integer 0: write a whole number from 1 to 10000"),
    (under(SALES, "limits: {questions: 20}"), "24:25: datasets.sales.limits.questions: found the integer 20: write a mapping with most, days"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "problem"), GRAMMAR)
def test_a_wrong_rule_is_refused_with_its_position_and_what_to_write(edit, problem):
    assert problems(edited(edit)) == (f"p.yaml:{problem}",)


def test_breakdowns_need_a_column_to_list():
    edits = [
        ("dimensions: {income: [low, middle, high, other]}", "breakdowns: {match_rate: []}"),
    ]
    (found,) = problems(edited(*edits, name="demo"))
    assert found.endswith(
        "datasets.panel.breakdowns: found breakdowns, but the dataset declares no column for them: "
        "leave them out"
    )


IDENTITIES = (*KeyType, "email_sha256", "phone_sha256")
BLOCKS = {
    "dimensions": ("{city: [", "{%s: ["),
    "counts": ("{impressions: {", "{%s: {"),
    "measures": ("{amount: {", "{%s: {"),
    "event_filters": ("{category: [", "{%s: ["),
    "arm": ("{column: arm, ", "{column: %s, "),
}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("block", BLOCKS)
def test_no_column_of_a_match_key_breaks_down_or_filters_an_answer(block, identity):
    old, new = BLOCKS[block]
    (found,) = problems(edited((old, new % identity)))
    assert f"found the column '{identity}', which is the column of a match key" in found


def test_rules_check_themselves():
    parsed = policy()
    sales = parsed.dataset("sales")
    with pytest.raises(FieldInvalid, match="at least `people`"):
        replace(sales, people_by_family={Family.SALES_LIFT: 49})
    with pytest.raises(FieldInvalid, match="at least `people`"):
        replace(sales, minimum=None, people_by_family={Family.SALES_LIFT: 100})
    with pytest.raises(FieldInvalid, match="at least 1"):
        Frequency(most=0, days=1)
    with pytest.raises(FieldInvalid, match="at least 0"):
        Limits(filters_per_question=-1)


def test_lint_tells_of_rules_for_nobody_and_of_no_limit_at_all():
    parsed = policy(
        (", segment_size, sales_lift]", ", sales_lift]"),
        under(EXPOSURES, "breakdowns: {segment_size: [city]}"),
        (MINIMUM, "{people: 50, miss_probability: 1e-6, families: {segment_size: 60}}"),
        under(SALES, "limits: {questions: {most: 701, days: 7}}"),
    )
    assert [f.message for f in lint(parsed) if "fiscal-data" not in f.message] == [
        "datasets.exposures.breakdowns.segment_size: nobody may ask segment_size, so this rules nothing",
        "datasets.sales.limits.questions.most: more than 100 questions a day are a program's, not an analyst's",
        "datasets.sales.minimum_aggregation.families.segment_size: nobody may ask segment_size, so this rules nothing",
    ]
    assert not [f for f in lint(OFTEN) if "limits" in f.message]

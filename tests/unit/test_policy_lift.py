"""What a policy says to the parts of a lift: exposure, strata, outcomes, refunds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleanroom.model.errors import QuestionRefused
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import SalesLift, Window
from cleanroom.policy.decide import decide
from support.policies import edited, policy, problems

NOW_S = 1_777_000_000  # inside the validity of the demo's policy
DEMO = policy(name="demo")
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount")
COUNTS = "counts: {impressions: {max_per_person: 50}}"
TWO_COUNTS = policy(
    (COUNTS, "counts: {impressions: {max_per_person: 50}, clicks: {max_per_person: 9}}"),
    name="demo",
)
NO_ARM = policy(("    arm: {column: arm, test: test, control: control}\n", ""), name="demo")
BEFORE, AFTER = Window(from_s=0, until_s=10), Window(from_s=10, until_s=20)
ENCOURAGED = replace(LIFT, design=Design.RANDOMIZED_ENCOURAGEMENT)
OBSERVED = replace(LIFT, design=Design.OBSERVATIONAL)
STRATIFIED = SalesLift(
    exposures="exposures",
    sales="sales",
    outcome="amount",
    adjustment=Adjustment.POST_STRATIFIED,
    strata=("segment", "exposures.city"),
)


def allow(question, *, parsed=DEMO):
    return decide(parsed, asker="acme-brand", question=question, now_s=NOW_S)


def refusal(parsed, question):
    with pytest.raises(QuestionRefused) as caught:
        allow(question, parsed=parsed)
    return tuple(str(reason) for reason in caught.value.reasons)


@pytest.mark.parametrize("question", [ENCOURAGED, OBSERVED])
def test_the_only_count_is_what_tells_the_exposed(question):
    assert allow(question).question.exposed_by == "impressions"
    named = replace(question, exposed_by="impressions")
    assert allow(named).question == allow(question).question
    assert allow(LIFT).question.exposed_by == ""


def test_what_was_allowed_is_allowed_again_in_its_canonical_form():
    for question in (ENCOURAGED, OBSERVED, STRATIFIED):
        assert allow(allow(question).question).question == allow(question).question


def test_of_several_counts_one_is_named():
    (reason,) = refusal(TWO_COUNTS, OBSERVED)
    assert "impressions or clicks" in reason
    clicks = replace(OBSERVED, exposed_by="clicks")
    assert allow(clicks, parsed=TWO_COUNTS).question.exposed_by == "clicks"


def test_an_undeclared_count_is_refused_with_its_place():
    (reason,) = refusal(DEMO, replace(OBSERVED, exposed_by="views"))
    assert reason.startswith("datasets.exposures.counts does not declare views (demo.yaml:")


def test_without_counts_nobody_is_known_to_be_exposed():
    without = policy(("    " + COUNTS + "\n", ""), name="demo")
    (reason,) = refusal(without, ENCOURAGED)
    assert "nobody is known to be exposed" in reason


def test_only_an_observational_lift_needs_no_arms():
    assert allow(OBSERVED, parsed=NO_ARM)
    for question in (LIFT, ENCOURAGED):
        (reason,) = refusal(NO_ARM, question)
        assert reason.startswith("datasets.exposures.arm is not declared")


def test_strata_are_qualified_and_make_cells():
    allowance = allow(STRATIFIED)
    assert allowance.question.strata == ("exposures.city", "exposures.segment")
    assert [g.domain.name for g in allowance.strata] == ["city", "segment"]
    assert allowance.groupings == ()


def test_unknown_strata_are_refused_as_strata():
    (reason,) = refusal(DEMO, replace(STRATIFIED, strata=("income",)))
    assert reason.startswith("strata income is not a dimension declared in datasets.exposures")


def test_strata_count_among_the_cells():
    many = ", ".join(f"c{i}" for i in range(999))
    wide = policy(
        ("city: [ufa, kazan, samara, other]", f"city: [{many}]"),
        ("segment: [cooks, big-spenders, other]", f"segment: [{many}]"),
        name="demo",
    )
    (reason,) = refusal(wide, STRATIFIED)
    assert "998001 cells" in reason


@pytest.mark.parametrize("outcome", ["buyers", "new_buyers", "repeat_buyers"])
def test_a_buyer_counts_once(outcome):
    before = None if outcome == "buyers" else BEFORE
    allowance = allow(replace(LIFT, outcome=outcome, window=AFTER, before=before))
    assert (allowance.low, allowance.bound, allowance.visits_bound) == (0, 1, 1)


def test_an_average_order_has_the_bounds_of_money_and_of_visits():
    allowance = allow(replace(LIFT, outcome="average_order"))
    assert (allowance.bound, allowance.visits_bound) == (1_500_000, 60)


def test_an_average_order_needs_money_and_visits():
    without = policy(("      visits: {unit: rows, max_per_person: 60}\n", ""), name="demo")
    (reason,) = refusal(without, replace(LIFT, outcome="average_order"))
    assert "no measure in rows to tell visits by" in reason


def test_a_before_needs_times():
    timeless = policy(("    time: {column: occurred_at}\n", ""), name="demo")
    reasons = refusal(timeless, replace(LIFT, outcome="new_buyers", window=AFTER, before=BEFORE))
    assert [r.split(" ")[0] for r in reasons] == ["datasets.sales.time"]


AMOUNT = "amount: {unit: minor, max_per_person: 1500000"


def test_refunds_count_down_to_the_declared_least():
    parsed = policy((AMOUNT, AMOUNT + ", min_per_person: -20000"), name="demo")
    allowance = decide(parsed, asker="acme-brand", question=LIFT, now_s=NOW_S)
    assert (allowance.low, allowance.bound) == (-20_000, 1_500_000)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ((AMOUNT, AMOUNT + ", min_per_person: 5"), "amount.min_per_person"),
        ((AMOUNT, AMOUNT + ", min_per_person: -1073741825"), "amount.min_per_person"),
        (
            (
                "{unit: rows, max_per_person: 60}",
                "{unit: rows, max_per_person: 60, min_per_person: -1}",
            ),
            "no min_per_person for a measure in rows",
        ),
        (("{max_per_person: 50}", "{max_per_person: 50, min_per_person: -1}"), "min_per_person"),
        (("visits: {unit: rows", "new_buyers: {unit: rows"), "an outcome of its own"),
        (("visits: {unit: rows", "average_order: {unit: rows"), "an outcome of its own"),
    ],
)
def test_bounds_and_names_that_cannot_be_are_problems_of_the_file(edit, told):
    (problem,) = problems(edited(edit, name="demo"))
    assert told in problem

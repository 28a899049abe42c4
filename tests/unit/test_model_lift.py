"""Which parts of a lift go together, and that its canonical form is exact."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.canonical import canonical_json, question_from_json, question_to_json
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.lift import ADJUSTMENTS, OUTCOMES, Adjustment, Design
from cleanroom.model.question import Population, SalesLift, Window

BEFORE, AFTER = Window(from_s=0, until_s=10), Window(from_s=10, until_s=20)
PLAIN = {"exposures": "exposures", "sales": "sales", "outcome": "amount", "window": AFTER}


@st.composite
def lifts(draw):
    """Lifts of every kind whose parts go together."""
    design, outcome = draw(st.sampled_from(Design)), draw(st.sampled_from(("amount", *OUTCOMES)))
    adjustment = draw(st.sampled_from(sorted(ADJUSTMENTS[design])))
    parts = {"design": design, "outcome": outcome, "adjustment": Adjustment(adjustment)}
    if design is not Design.RANDOMIZED:
        parts["exposed_by"] = draw(st.sampled_from(("", "impressions")))
    if adjustment == "post_stratified":
        parts["strata"] = draw(st.sampled_from((("city",), ("segment", "city"))))
    for before in (None, BEFORE):
        try:
            return SalesLift(
                **PLAIN | parts | {"before": before},
                population=draw(st.sampled_from(Population)),
                by=draw(st.sampled_from(((), ("age",), ("income", "age")))),
                filters=draw(st.sampled_from(((), (("category", ("b", "a", "b")),)))),
            )
        except FieldInvalid:
            continue
    return SalesLift(**PLAIN)


@given(lifts())
def test_the_canonical_form_of_a_lift_is_read_as_it_was_written(question):
    text = canonical_json(question_to_json(question))

    assert question_from_json(json.loads(text)) == question


@given(lifts(), lifts())
def test_two_different_lifts_never_have_one_form(a, b):
    assert (a == b) == (question_to_json(a) == question_to_json(b))


def test_strata_without_order_are_one_question():
    parts = {"adjustment": Adjustment.POST_STRATIFIED}
    a, b = (SalesLift(**PLAIN, **parts, strata=s) for s in (("a", "b"), ("b", "a")))

    assert a == b


REFUSED = {
    "a count of the exposed for assigned arms": ({"exposed_by": "impressions"}, "exposed_by"),
    "an adjustment of assigned arms with exposure": (
        {
            "design": Design.RANDOMIZED_ENCOURAGEMENT,
            "adjustment": Adjustment.CUPED,
            "before": BEFORE,
        },
        "adjustment",
    ),
    "CUPED of people who chose": (
        {"design": Design.OBSERVATIONAL, "adjustment": Adjustment.CUPED, "before": BEFORE},
        "adjustment",
    ),
    "an adjusted ratio": (
        {"outcome": "average_order", "adjustment": Adjustment.CUPED, "before": BEFORE},
        "adjustment",
    ),
    "a ratio of compliers": (
        {"outcome": "average_order", "design": Design.RANDOMIZED_ENCOURAGEMENT},
        "outcome",
    ),
    "new buyers, adjusted by before": (
        {"outcome": "new_buyers", "adjustment": Adjustment.CUPED, "before": BEFORE},
        "adjustment",
    ),
    "new buyers without before": ({"outcome": "new_buyers"}, "before"),
    "a change without before": ({"adjustment": Adjustment.CHANGE_SCORE}, "before"),
    "CUPED without a window": (
        {"adjustment": Adjustment.CUPED, "before": BEFORE, "window": None},
        "before",
    ),
    "windows that overlap": (
        {"outcome": "new_buyers", "before": Window(from_s=0, until_s=11)},
        "before",
    ),
    "a change over unequal windows": (
        {"adjustment": Adjustment.CHANGE_SCORE, "before": Window(from_s=1, until_s=10)},
        "before",
    ),
    "a before that nothing looks at": ({"before": BEFORE}, "before"),
    "strata for nothing": ({"strata": ("city",)}, "strata"),
    "no strata": ({"adjustment": Adjustment.POST_STRATIFIED}, "strata"),
    "strata that are cells": (
        {"adjustment": Adjustment.POST_STRATIFIED, "strata": ("city",), "by": ("city",)},
        "strata",
    ),
}


@pytest.mark.parametrize(("parts", "field"), REFUSED.values(), ids=REFUSED)
def test_parts_that_do_not_go_together_are_refused_by_name(parts, field):
    with pytest.raises(FieldInvalid) as refusal:
        SalesLift(**PLAIN | parts)
    assert refusal.value.field == field


def test_a_word_of_outcomes_needs_no_other_measure():
    question = SalesLift(**PLAIN | {"outcome": "new_buyers", "before": BEFORE})

    assert question.is_share
    assert question.looks_before
    assert not replace(question, outcome="buyers", before=None).looks_before

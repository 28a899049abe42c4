"""The canonical form of questions: one for each meaning, read back exactly."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.canonical import canonical_json, question_from_json, question_to_json
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import (
    Buckets,
    ContributionBound,
    MatchRate,
    Population,
    SalesLift,
    SegmentSize,
    Window,
)

columns = st.sampled_from(["city", "amount", "visits", "exposures.impressions"])
windows = st.none() | st.builds(
    lambda start, length: Window(from_s=start, until_s=start + length),
    st.integers(-(2**40), 2**40),
    st.integers(1, 2**30),
)
values = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3).map(tuple)
filters = st.dictionaries(st.sampled_from(["category", "brand"]), values).map(
    lambda found: tuple(found.items())
)


def ascending(least):
    return st.lists(st.integers(least, 2**30), min_size=1, max_size=8, unique=True).map(
        lambda found: tuple(sorted(found))
    )


@st.composite
def broken_down(draw):
    by = tuple(draw(st.lists(columns, max_size=4, unique=True)))
    cut = draw(st.lists(st.sampled_from(by), unique=True)) if by else []
    buckets = tuple(
        Buckets(
            dimension=name,
            edges=draw(ascending(-(2**30))),
            window=draw(windows),
            filters=draw(filters),
        )
        for name in cut
    )
    return {"by": by, "buckets": buckets}


pairs = st.sampled_from([("exposures", "sales"), ("sales", "panel")])
questions = st.one_of(
    st.builds(lambda d, b: MatchRate(datasets=d, **b), pairs, broken_down()),
    st.builds(
        lambda d, b: SegmentSize(datasets=d, **b), pairs | st.just(("panel",)), broken_down()
    ),
    st.builds(
        lambda d, b, **rest: SalesLift(exposures=d[0], sales=d[1], **b, **rest),
        pairs,
        broken_down(),
        outcome=st.sampled_from(["buyers", "amount"]),
        window=windows,
        filters=filters,
        population=st.sampled_from(Population),
        bound=st.none() | st.integers(1, 2**30),
    ),
    st.builds(
        ContributionBound,
        dataset=st.just("sales"),
        measure=st.just("amount"),
        quantile=st.integers(1, 9_999).map(lambda n: Fraction(n, 10_000)),
        grid=ascending(1),
        window=windows,
        filters=filters,
    ),
)


@given(question=questions)
def test_a_question_is_read_back_from_its_canonical_bytes(question):
    data = canonical_json(question_to_json(question))

    again = question_from_json(json.loads(data))
    assert again == question
    assert canonical_json(question_to_json(again)) == data


@given(first=questions, second=questions)
def test_two_questions_have_the_same_bytes_only_if_they_mean_the_same(first, second):
    same = canonical_json(question_to_json(first)) == canonical_json(question_to_json(second))
    assert same == (first == second)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "lookup"},
        {"kind": "match_rate"},
        {"family": "match_rate"},
        {"quantile": "a half"},
        {"quantile": "2"},
        {"grid": [3, 2]},
        {"window": {"from_s": 1}},
    ],
)
def test_what_no_question_wrote_is_refused(changed):
    question = ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(1, 2), grid=(1, 2)
    )
    with pytest.raises(FieldInvalid):
        question_from_json({**question_to_json(question), **changed})


def test_a_missing_key_is_refused():
    plain = question_to_json(SegmentSize(datasets=("sales",), by=()))
    for key in plain:
        with pytest.raises(FieldInvalid):
            question_from_json({k: v for k, v in plain.items() if k != key})

"""Bucketed dimensions and sums over a grid, against plain pandas, to the last person."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Population,
    SalesLift,
    SegmentSize,
    Window,
)
from support.messy import SEALABLE, case
from support.panels import (
    EPOCH_S,
    KEYS,
    bucket_grouping,
    exposures_schema,
    grouping,
    sales_schema,
    sealed,
    versions,
)
from support.reference import statistics

SCHEMAS = {"exposures": exposures_schema(), "sales": sales_schema()}
EXPOSURES, SALES = SCHEMAS.values()
PAIR = ("exposures", "sales")
WINDOW = Window(from_s=EPOCH_S, until_s=EPOCH_S + 100)
HAIR = (("category", ("hair-care", "hair-colour")),)


@pytest.fixture(params=[DuckDbEngine], ids=["duckdb"], scope="module")
def engine(request):
    return request.param()


def request_of(question, groupings=(), stages=KEYS[:1], **terms):
    return ExactRequest(
        question=question,
        versions=versions(*(SCHEMAS[name] for name in question.datasets)),
        groupings=tuple(groupings),
        stages=stages,
        **{"purposes": 1, "epoch_s": EPOCH_S, **terms},
    )


def values_of(engine, uploads, request):
    tables = {n: sealed(SCHEMAS[n], records, SEALABLE) for n, records in uploads.items()}
    return engine.exact(request, lambda version: tables[version.version]).values


def frequency(*edges):
    return bucket_grouping(EXPOSURES, "impressions", edges=edges)


def spend(*edges, **rule):
    return bucket_grouping(SALES, "amount", edges=edges, **rule)


def by(groupings):
    return {
        "by": tuple(f"{g.dataset}.{g.domain.name}" for g in groupings),
        "buckets": tuple(g.buckets for g in groupings if g.buckets),
    }


def questions():
    """Every family with bucketed dimensions, alone and among declared ones."""
    city, tier = grouping(EXPOSURES, "city"), grouping(SALES, "tier")
    often = frequency(1, 4, 7)
    rich = spend(-30, 0, 1, 75, 176, window=WINDOW, filters=HAIR)
    visits = bucket_grouping(SALES, "visits", edges=(1, 2, 3))
    own = (city, often)
    lift = SalesLift(exposures="exposures", sales="sales", outcome="amount", **by(own))
    bound = ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(9, 10), grid=(5, 70, 75, 140)
    )
    return {
        "frequency": (SegmentSize(datasets=("exposures",), **by([often])), [often]),
        "spend": (SegmentSize(datasets=("sales",), **by([rich])), [rich]),
        "visits by tier": (SegmentSize(datasets=("sales",), **by([tier, visits])), [tier, visits]),
        "both sides": (SegmentSize(datasets=PAIR, **by([often, rich])), [often, rich]),
        "rate": (MatchRate(datasets=PAIR, **by(own)), own),
        "rate by spend": (MatchRate(datasets=PAIR, **by([rich])), [rich]),
        "lift": (lift, own),
        "lift of the matched": (replace(lift, population=Population.MATCHED), own),
        "bound": (bound, []),
        "bound in a window": (replace(bound, window=WINDOW, filters=HAIR), []),
        "bound on visits": (replace(bound, measure="visits", grid=(1, 2, 3)), []),
    }


@pytest.mark.parametrize("stages", [1, 3])
@pytest.mark.parametrize("name", questions())
def test_every_question_with_buckets_equals_the_reference_on_messy_data(engine, name, stages):
    question, groupings = questions()[name]
    seen = 0
    for seed in range(8):
        messy = case(3 * seed + stages - 1)
        request = request_of(question, groupings, KEYS[:stages], bound=150, square_unit=3)
        found = values_of(engine, {n: messy.uploads[n] for n in question.datasets}, request)
        assert found == statistics(request, messy.uploads, SEALABLE), seed
        seen += sum(map(sum, found.values()))
    assert seen > 0


ascending = st.lists(st.integers(-150, 150), min_size=1, max_size=6, unique=True).map(sorted)
buys = st.lists(st.tuples(st.integers(0, 5), st.integers(-80, 120)), max_size=25)


@given(edges=ascending, buys=buys)
@settings(max_examples=40, deadline=None)
def test_people_per_bucket_are_those_of_a_pandas_cut(engine, edges, buys):
    records = [{"email": f"p{who}", "amount": amount} for who, amount in buys]
    sums = pd.DataFrame(buys, columns=["who", "amount"]).groupby("who")["amount"].sum()
    breaks = [float("-inf"), *edges, float("inf")]
    expected = pd.cut(sums, breaks, right=False).value_counts(sort=False)

    rich = spend(*edges)
    question = SegmentSize(datasets=("sales",), **by([rich]))
    found = values_of(engine, {"sales": records}, request_of(question, [rich]))
    assert found == {"people:sales": tuple(expected)}


grids = st.lists(st.integers(1, 150), min_size=1, max_size=6, unique=True).map(sorted)


@given(grid=grids, buys=buys)
@settings(max_examples=40, deadline=None)
def test_people_per_cell_of_a_grid_are_those_of_a_pandas_cut(engine, grid, buys):
    records = [{"email": f"p{who}", "amount": amount} for who, amount in buys]
    sums = pd.DataFrame(buys, columns=["who", "amount"]).groupby("who")["amount"].sum()
    points = [*(g for g in grid if g < 100), 100]
    expected = pd.cut(sums[sums > 0].clip(upper=100), [0, *points]).value_counts(sort=False)

    question = ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(1, 2), grid=tuple(grid)
    )
    found = values_of(engine, {"sales": records}, request_of(question, bound=100))
    assert found == {f"up_to:{p}": (n,) for p, n in zip(points, expected, strict=True)}


def test_a_number_on_an_edge_begins_a_bucket_and_a_sum_on_a_grid_value_does_not_exceed_it(engine):
    records = [{"email": f"p{n}", "amount": n} for n in (9, 10, 11)]
    ten = spend(10)
    question = SegmentSize(datasets=("sales",), **by([ten]))
    found = values_of(engine, {"sales": records}, request_of(question, [ten]))
    assert found == {"people:sales": (1, 2)}

    bound = ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(1, 2), grid=(10,)
    )
    found = values_of(engine, {"sales": records}, request_of(bound, bound=20))
    assert found == {"up_to:10": (2,), "up_to:20": (1,)}


def test_people_without_a_counted_event_have_a_sum_of_zero(engine):
    records = [
        {"email": "inside", "amount": 5, "at": EPOCH_S},
        {"email": "outside", "amount": 5, "at": EPOCH_S + 100},
        {"email": "elsewhere", "amount": 5, "at": EPOCH_S, "category": 2},
    ]
    rich = spend(0, 1, window=WINDOW, filters=HAIR)
    question = SegmentSize(datasets=("sales",), **by([rich]))
    found = values_of(engine, {"sales": records}, request_of(question, [rich]))
    assert found == {"people:sales": (0, 2, 1)}


def test_rows_of_one_person_are_summed_before_they_are_cut(engine):
    records = [{"email": "a", "impressions": 2}] * 3 + [{"email": "b", "impressions": 5}]
    often = frequency(5, 6)
    question = SegmentSize(datasets=("exposures",), **by([often]))
    found = values_of(engine, {"exposures": records}, request_of(question, [often]))
    assert found == {"people:exposures": (0, 1, 1)}


def test_sums_beyond_64_bits_are_cut_and_do_not_overflow(engine):
    records = [{"email": "a", "amount": 2**63 - 1}] * 4 + [{"email": "b", "amount": -(2**63)}] * 4
    rich = spend(0, 100)
    question = SegmentSize(datasets=("sales",), **by([rich]))
    found = values_of(engine, {"sales": records}, request_of(question, [rich]))
    assert found == {"people:sales": (1, 0, 1)}


def test_people_who_did_not_agree_are_in_no_bucket(engine):
    records = [
        {"email": "a", "amount": 50, "purposes": 1},
        {"email": "b", "amount": 50, "purposes": 2},
    ]
    rich = spend(1)
    question = SegmentSize(datasets=("sales",), **by([rich]))
    found = values_of(engine, {"sales": records}, request_of(question, [rich]))
    assert found == {"people:sales": (0, 1)}
    bound = ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(1, 2), grid=(10,)
    )
    found = values_of(engine, {"sales": records}, request_of(bound, bound=20))
    assert found == {"up_to:10": (0,), "up_to:20": (1,)}

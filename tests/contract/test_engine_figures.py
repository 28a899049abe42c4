"""Every engine against an independent computation, to the last unit."""

from __future__ import annotations

import pytest

from cleanroom.analysis.request import ARMS, ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.dataset import KeyType
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import MatchRate, Population, SalesLift, SegmentSize, Window
from support.messy import SEALABLE, case, dense
from support.panels import (
    EPOCH_S,
    exposures_schema,
    grouping,
    sales_schema,
    sealed,
    versions,
)
from support.reference import statistics

SEEDS = range(54)
EXPOSURES, SALES = exposures_schema(), sales_schema()


@pytest.fixture(params=[DuckDbEngine], ids=["duckdb"])
def engine(request):
    return request.param()


def _asked(engine, uploads, question, *, groupings=(), stages=(KeyType.EMAIL,), **terms):
    schemas = {"exposures": EXPOSURES, "sales": SALES}
    tables = {n: sealed(schemas[n], records) for n, records in uploads.items()}
    request = ExactRequest(
        question=question,
        versions=versions(*(schemas[name] for name in question.datasets)),
        groupings=groupings,
        stages=stages,
        **{"purposes": 1, "epoch_s": EPOCH_S, **terms},
    )
    return engine.exact(request, lambda version: tables[version.version]).values


@pytest.mark.parametrize("seed", SEEDS)
def test_every_family_equals_the_reference_on_messy_data(engine, seed):
    messy = case(seed)
    tables = {
        "exposures": sealed(EXPOSURES, messy.uploads["exposures"], SEALABLE),
        "sales": sealed(SALES, messy.uploads["sales"], SEALABLE),
    }
    for request in messy.requests:
        values = engine.exact(request, lambda version: tables[version.version]).values
        assert values == statistics(request, messy.uploads, SEALABLE), request.question


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_lift_equals_the_reference_on_dense_data(engine, seed):
    found = dense(seed)
    tables = {
        "exposures": sealed(EXPOSURES, found.uploads["exposures"]),
        "sales": sealed(SALES, found.uploads["sales"]),
    }
    for request in found.requests:
        values = engine.exact(request, lambda version: tables[version.version]).values
        assert values == statistics(request, found.uploads, (1,)), request.question


def _times_above_nothing(cases, sealable):
    found = [
        statistics(request, one.uploads, sealable) for one in cases for request in one.requests
    ]
    return lambda name: sum(any(values.get(name, ())) for values in found)


def test_the_messy_data_are_not_vacuous():
    times = _times_above_nothing(map(case, SEEDS), SEALABLE)
    for name in ("matched", "matched:email", "matched:loyalty_id", "s:test", "q:control"):
        assert times(name) >= 3, name


def test_the_dense_data_are_not_vacuous():
    times = _times_above_nothing(map(dense, range(3)), (1,))
    kinds = [f"{k}:{arm}" for k in ("e", "r", "x", "px", "v", "qv", "pv", "w") for arm in ARMS]
    others = [f"{k}:{group}" for k in ("s", "q", "v") for group in ("exposed", "unexposed")]
    for name in (*kinds, *others, "px:pooled", "qx:pooled"):
        assert times(name) >= 2, name


@pytest.mark.parametrize(
    "question",
    [
        MatchRate(datasets=("exposures", "sales"), by=("exposures.city",)),
        SegmentSize(datasets=("exposures", "sales"), by=("exposures.city",)),
        SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("exposures.city",)),
    ],
    ids=["match_rate", "segment_size", "sales_lift"],
)
def test_empty_datasets_have_every_cell_at_zero(engine, question):
    groupings = (grouping(EXPOSURES, "city"),)
    values = _asked(engine, {"exposures": [], "sales": []}, question, groupings=groupings)
    assert values
    assert set(values.values()) == {(0, 0, 0)}


def test_cells_follow_the_cross_product_in_domain_order(engine):
    people = [{"email": f"p{i}", "city": 2, "segment": 0} for i in range(3)]
    people.append({"email": "q", "city": 0, "segment": 1})
    question = SegmentSize(datasets=("exposures",), by=("exposures.city", "exposures.segment"))
    groupings = (grouping(EXPOSURES, "city"), grouping(EXPOSURES, "segment"))
    values = _asked(engine, {"exposures": people}, question, groupings=groupings)
    assert values == {"people:exposures": (0, 1, 0, 0, 3, 0)}


def test_an_earlier_key_wins_over_a_later_one(engine):
    uploads = {
        "exposures": [{"email": "a", "phone": "1"}, {"phone": "2"}],
        "sales": [{"email": "a", "phone": "2"}, {"phone": "1"}],
    }
    stages = (KeyType.EMAIL, KeyType.PHONE)
    question = MatchRate(datasets=("exposures", "sales"))
    values = _asked(engine, uploads, question, stages=stages)
    assert (values["matched:email"], values["matched:phone"]) == ((1,), (0,))
    values = _asked(engine, uploads, question, stages=stages[::-1])
    assert (values["matched:email"], values["matched:phone"]) == ((0,), (2,))


def test_an_outcome_is_clipped_after_it_is_summed(engine):
    uploads = {
        "exposures": [{"email": e, "arm": 1} for e in "abc"],
        "sales": [
            *({"email": "a", "amount": amount} for amount in (90, 90, -100)),
            *({"email": "b", "amount": amount} for amount in (90, 90)),
            {"email": "c", "amount": -5},
        ],
    }
    question = SalesLift(exposures="exposures", sales="sales", outcome="amount")
    values = _asked(engine, uploads, question, bound=100)
    assert values["s:test"] == (80 + 100 + 0,)
    assert values["q:test"] == (80**2 + 100**2,)


def test_sums_beyond_64_bits_are_clipped_and_do_not_overflow(engine):
    uploads = {
        "exposures": [{"email": "a", "arm": 0}],
        "sales": [{"email": "a", "amount": 2**63 - 1}] * 4,
    }
    question = SalesLift(exposures="exposures", sales="sales", outcome="amount")
    values = _asked(engine, uploads, question, bound=2**30, square_unit=2**15)
    assert values["s:control"] == (2**30,)
    assert values["q:control"] == (2**30,)


def test_a_square_is_taken_of_the_outcome_rounded_to_its_unit(engine):
    uploads = {
        "exposures": [{"email": e, "arm": 0} for e in "abc"],
        "sales": [{"email": e, "amount": a} for e, a in zip("abc", (14, 15, 25), strict=True)],
    }
    question = SalesLift(exposures="exposures", sales="sales", outcome="amount")
    values = _asked(engine, uploads, question, bound=100, square_unit=10)
    assert values["q:control"] == (1 + 4 + 9,)


def test_a_buyer_needs_a_positive_amount_of_money_in_one_counted_event(engine):
    uploads = {
        "exposures": [{"email": e, "arm": 1} for e in "abcd"],
        "sales": [
            {"email": "a", "amount": 0, "at": 5},
            {"email": "b", "amount": 10, "at": 9},
            {"email": "c", "amount": 10, "at": 5},
            {"email": "c", "amount": -50, "at": 5},
        ],
    }
    window = Window(from_s=5, until_s=9)
    question = SalesLift(exposures="exposures", sales="sales", outcome="buyers", window=window)
    values = _asked(engine, uploads, question)
    assert values == {"n:control": (0,), "s:control": (0,), "n:test": (4,), "s:test": (1,)}


def test_the_unmatched_have_no_outcome_or_are_left_out(engine):
    uploads = {
        "exposures": [{"email": e, "arm": 1} for e in "abc"],
        "sales": [{"email": "a", "amount": 7}, {"email": "b", "amount": 0}],
    }
    for population, people in ((Population.ALL, 3), (Population.MATCHED, 2)):
        question = SalesLift(
            exposures="exposures", sales="sales", outcome="amount", population=population
        )
        values = _asked(engine, uploads, question, bound=100)
        assert (values["n:test"], values["s:test"]) == ((people,), (7,))


def test_consent_counts_on_its_first_day_and_not_on_its_last(engine):
    end = EPOCH_S + 86_400
    edges = [(end - 1, end), (end - 1, end + 1), (end, end + 1), (end - 1, end - 1)]
    people = [
        {"email": f"p{i}", "consent_at": at, "consent_until": until}
        for i, (at, until) in enumerate(edges)
    ]
    question = SegmentSize(datasets=("exposures",), by=())
    assert _asked(engine, {"exposures": people}, question) == {"people:exposures": (2,)}


REFUNDS = [
    {"email": "a", "amount": 90, "at": 5},
    {"email": "a", "amount": -140, "at": 6},
    {"email": "b", "amount": -10, "at": 5},
    {"email": "c", "amount": -500, "at": 5},
]


def test_refunds_are_clipped_at_the_declared_least(engine):
    uploads = {"exposures": [{"email": e, "arm": 1} for e in "abc"], "sales": REFUNDS}
    question = SalesLift(exposures="exposures", sales="sales", outcome="amount")
    values = _asked(engine, uploads, question, bound=100, low=-60)
    assert values["s:test"] == (-50 - 10 - 60,)
    assert values["q:test"] == (50**2 + 10**2 + 60**2,)
    values = _asked(engine, uploads, question, bound=100, low=-60, square_unit=20)
    assert values["q:test"] == (2**2 + 0**2 + 3**2,)  # -2.5 and -0.5 are rounded up


BEFORE, AFTER = Window(from_s=0, until_s=10), Window(from_s=10, until_s=20)


def _in_both_windows():
    bought = {"new": [(15, 7)], "repeat": [(5, 3), (15, 9)], "gone": [(5, 4)], "late": [(25, 9)]}
    return {
        "exposures": [{"email": e, "arm": 1, "impressions": i} for i, e in enumerate(bought)],
        "sales": [
            {"email": e, "amount": amount, "at": at}
            for e, events in bought.items()
            for at, amount in events
        ],
    }


@pytest.mark.parametrize(
    ("outcome", "buyers"), [("buyers", 2), ("new_buyers", 1), ("repeat_buyers", 1)]
)
def test_new_and_repeat_buyers_are_told_by_both_windows(engine, outcome, buyers):
    before = None if outcome == "buyers" else BEFORE
    question = SalesLift(
        exposures="exposures", sales="sales", outcome=outcome, window=AFTER, before=before
    )
    assert _asked(engine, _in_both_windows(), question)["s:test"] == (buyers,)


def test_a_change_is_clipped_once_and_not_its_parts(engine):
    question = SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="amount",
        window=AFTER,
        before=BEFORE,
        adjustment=Adjustment.CHANGE_SCORE,
    )
    values = _asked(engine, _in_both_windows(), question, bound=5, low=-5)
    assert values["s:test"] == (5 + 5 - 4,)  # of 7, of 9 - 3, and of -4
    assert values["q:test"] == (25 + 25 + 16,)


def test_exposure_tells_the_groups_of_an_observational_lift_whatever_their_arms(engine):
    question = SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="amount",
        design=Design.OBSERVATIONAL,
        exposed_by="impressions",
    )
    values = _asked(engine, _in_both_windows(), question, bound=100)
    assert (values["n:unexposed"], values["n:exposed"]) == ((1,), (3,))
    assert (values["s:unexposed"], values["s:exposed"]) == ((7,), (12 + 4 + 9,))

"""Overlaps and purchases after contacts: every engine against plain pandas, to the last unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.dataset import DatasetSchema, Domain, KeyType
from cleanroom.model.question import MatchRate, Overlap, Ropo, RopoDefinition, Window
from support.messy import SEALABLE
from support.overlap_reference import statistics
from support.panels import (
    EPOCH_S,
    KEYS,
    exposures_schema,
    grouping,
    sales_schema,
    sealed,
    versions,
)

SEEDS = range(18)
DAY_S = 86_400
EXPOSURES, SALES = replace(exposures_schema(), timed=True), sales_schema()
PANEL = DatasetSchema(
    name="panel",
    owner="fiscal-data",
    keys=KEYS,
    dimensions=(Domain(name="income", values=("low", "high")),),
)
TELCO = replace(PANEL, name="telco", owner="fiscal-data")
SCHEMAS = {s.name: s for s in (EXPOSURES, SALES, PANEL, TELCO)}
CONVERSION = Ropo(
    definition=RopoDefinition.CONVERSION, exposures="exposures", sales="sales", days=1
)
SHARE = replace(CONVERSION, definition=RopoDefinition.SHARE_OF_SALES, measure="amount")


@pytest.fixture(params=[DuckDbEngine], ids=["duckdb"])
def engine(request):
    return request.param()


def _request(question, stages=(KeyType.EMAIL,), **terms):
    by = [name.split(".") for name in question.by]
    return ExactRequest(
        question=question,
        versions=versions(*(SCHEMAS[name] for name in question.datasets)),
        groupings=tuple(grouping(SCHEMAS[dataset], name) for dataset, name in by),
        stages=stages,
        **{"purposes": 1, "epoch_s": EPOCH_S, "bound": 1000, **terms},
    )


def _asked(engine, uploads, question, **terms):
    tables = {n: sealed(SCHEMAS[n], records, SEALABLE) for n, records in uploads.items()}
    request = _request(question, **terms)
    return engine.exact(request, lambda version: tables[version.version]).values


def _uploads(entropy):
    """Messy people: keys of others, refunds, events at every edge of days, narrow consent."""
    pool = int(entropy.integers(8, 40))
    return {name: _rows(entropy, pool) for name in SCHEMAS}


def _rows(entropy, pool):
    rows = int(entropy.choice([0, 2, 40, 90], p=[0.05, 0.05, 0.4, 0.5]))
    return [_record(entropy, pool) for _ in range(rows)]


def _record(entropy, pool):
    person = int(entropy.integers(pool))
    edges = (0, DAY_S - 1, DAY_S, DAY_S + 1, 2 * DAY_S, 3 * DAY_S, 2**62, -(2**62))
    record = {
        name: int(entropy.integers(count))
        for name, count in {"city": 3, "segment": 2, "tier": 2, "income": 2, "category": 3}.items()
    }
    record |= {
        "amount": int(entropy.choice([-40, 0, 5, 70, 2**61])),
        "impressions": int(entropy.choice([0, 0, 1, 4])),
        "at": EPOCH_S + int(entropy.choice(edges)),
        "purposes": 3 if entropy.random() < 0.95 else int(entropy.choice([1, 2])),
    }
    for key in ("ref", *KEYS):
        if entropy.random() < 0.5:
            other = entropy.random() < 0.04
            record[key] = f"{key}-{int(entropy.integers(pool)) if other else person}"
    return record


def _questions(entropy):
    def some(*names):
        return tuple(n for n in names if entropy.random() < 0.5)

    window = Window(from_s=EPOCH_S, until_s=EPOCH_S + 2 * DAY_S)
    events = {
        "days": int(entropy.choice([1, 2])),
        "window": window if entropy.random() < 0.5 else None,
        "filters": (("category", ("other", "hair-care")),) if entropy.random() < 0.5 else (),
    }
    return (
        Overlap(hub="exposures", others=("sales", "panel"), by=some("exposures.city")),
        Overlap(hub="panel", others=("sales", "telco", "exposures"), by=some("panel.income")),
        replace(CONVERSION, by=some("exposures.city", "exposures.segment"), **events),
        replace(SHARE, by=some("sales.tier"), **events),
        replace(SHARE, measure="visits", by=some("sales.tier"), **events),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_every_question_equals_the_reference_on_messy_data(engine, seed):
    entropy = np.random.default_rng(seed)
    uploads = _uploads(entropy)
    tables = {n: sealed(SCHEMAS[n], records, SEALABLE) for n, records in uploads.items()}
    for question in _questions(entropy):
        purposes = int(entropy.choice([1, 2]))
        request = _request(question, stages=KEYS[: seed % 3 + 1], purposes=purposes, bound=120)
        values = engine.exact(request, lambda version: tables[version.version]).values
        assert values == statistics(request, uploads, SEALABLE), question


def test_the_messy_data_are_not_vacuous():
    found = []
    for seed in SEEDS:
        entropy = np.random.default_rng(seed)
        uploads = _uploads(entropy)
        for question in _questions(entropy):
            request = _request(question, stages=KEYS[: seed % 3 + 1])
            found.append(statistics(request, uploads, SEALABLE))
    for name in ("only_in:panel+sales", "only_in:exposures+sales+telco", "converted", "preceded"):
        assert sum(any(values.get(name, ())) for values in found) >= 5, name


def test_an_overlap_adds_up_to_its_people_and_to_each_match_rate(engine):
    entropy = np.random.default_rng(7)
    uploads = {name: _rows(entropy, 20) for name in SCHEMAS}
    question = Overlap(hub="exposures", others=("sales", "panel", "telco"))
    patterns = _asked(engine, uploads, question, stages=KEYS)
    for other in question.others:
        pair = MatchRate(datasets=("exposures", other))
        rate = _asked(engine, uploads, pair, stages=KEYS)
        inside = [v[0] for n, v in patterns.items() if other in n]
        assert rate["matched"] == (sum(inside),)
        assert rate["people:exposures"] == (sum(v[0] for v in patterns.values()),)


def _contact(email, at, **more):
    return {"email": email, "at": at, "impressions": 1, **more}


@pytest.mark.parametrize(
    ("bought_at", "follows"),
    [(99, 0), (100, 1), (101, 1), (100 + DAY_S, 1), (101 + DAY_S, 0)],
)
def test_a_purchase_follows_a_contact_of_the_same_second_to_the_last_of_the_days(
    engine, bought_at, follows
):
    uploads = {
        "exposures": [_contact("a", 100)],
        "sales": [{"email": "a", "at": bought_at, "amount": 7}],
    }
    assert _asked(engine, uploads, SHARE)["preceded"] == (7 * follows,)
    assert _asked(engine, uploads, CONVERSION)["converted"] == (follows,)


def test_the_last_contact_before_a_purchase_decides(engine):
    contacts = [_contact("a", at) for at in (0, 5 * DAY_S)]
    sales = [{"email": "a", "at": at * DAY_S, "amount": 1 << at} for at in (1, 3, 5, 6, 7)]
    values = _asked(engine, {"exposures": contacts, "sales": sales}, SHARE)
    assert values["preceded"] == ((1 << 1) + (1 << 5) + (1 << 6),)
    assert values["purchases"] == (sum(s["amount"] for s in sales),)


def test_an_event_without_any_impression_is_no_contact(engine):
    uploads = {
        "exposures": [{"email": "a", "at": 0, "impressions": 0}],
        "sales": [{"email": "a", "at": 1, "amount": 7}],
    }
    assert _asked(engine, uploads, CONVERSION) == {"contacted": (0,), "converted": (0,)}
    assert _asked(engine, uploads, SHARE)["preceded"] == (0,)


def test_a_refund_is_no_purchase(engine):
    uploads = {
        "exposures": [_contact("a", 0)],
        "sales": [{"email": "a", "at": 1, "amount": a} for a in (7, -5, 0)],
    }
    assert _asked(engine, uploads, SHARE) == {"buyers": (1,), "purchases": (7,), "preceded": (7,)}
    visits = replace(SHARE, measure="visits")
    assert _asked(engine, uploads, visits)["purchases"] == (1,)


def test_a_contact_before_the_window_counts_where_it_can_precede_a_purchase_of_it(engine):
    window = Window(from_s=2 * DAY_S, until_s=4 * DAY_S)
    uploads = {
        "exposures": [
            _contact("early", DAY_S),
            _contact("too-early", DAY_S - 1),
            _contact("late", 4 * DAY_S),
        ],
        "sales": [{"email": e, "at": 2 * DAY_S, "amount": 1} for e in ("early", "too-early")],
    }
    values = _asked(engine, uploads, replace(CONVERSION, window=window))
    assert values == {"contacted": (1,), "converted": (1,)}


def test_a_person_adds_at_most_the_bound_before_and_after_a_contact(engine):
    uploads = {
        "exposures": [_contact("a", 0), _contact("b", 0)],
        "sales": [{"email": e, "at": 1, "amount": 90} for e in "aabc" for _ in range(2)],
    }
    values = _asked(engine, uploads, SHARE, bound=200)
    assert values == {"buyers": (3,), "purchases": (200 + 180 + 180,), "preceded": (380,)}


def test_times_that_no_clock_shows_are_left_out_and_break_nothing(engine):
    far = 2**63 - 1
    uploads = {
        "exposures": [_contact("a", -far), _contact("a", far)],
        "sales": [{"email": "a", "at": at, "amount": 1} for at in (-far, far, 0)],
    }
    assert _asked(engine, uploads, SHARE)["purchases"] == (1,)
    assert _asked(engine, uploads, CONVERSION) == {"contacted": (0,), "converted": (0,)}


@pytest.mark.parametrize(
    "question",
    [
        Overlap(hub="exposures", others=("panel", "sales"), by=("exposures.city",)),
        replace(CONVERSION, by=("exposures.city",)),
        replace(SHARE, by=("sales.tier",)),
    ],
    ids=["overlap", "conversion", "share"],
)
def test_empty_datasets_have_every_cell_at_zero(engine, question):
    values = _asked(engine, {name: [] for name in SCHEMAS}, question)
    assert values
    assert {v for cells in values.values() for v in cells} == {0}

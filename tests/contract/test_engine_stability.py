"""What one person can change, by brute force: every person of both sides is removed in turn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.question import MatchRate
from support.panels import EPOCH_S, KEYS, exposures_schema, sales_schema, sealed, versions

EXPOSURES, SALES = exposures_schema(), sales_schema()
REQUEST = ExactRequest(
    question=MatchRate(datasets=("exposures", "sales")),
    versions=versions(EXPOSURES, SALES),
    groupings=(),
    stages=KEYS,
    purposes=1,
    epoch_s=EPOCH_S,
)
PEOPLE = 8
SEEDS = (0, 4, 9)  # each makes pairs in every stage


def _tangled(schema, entropy):
    """Return people whose keys of each type belong, mostly, to different people on the sides."""
    shuffled = {key: entropy.permutation(PEOPLE) for key in KEYS}
    people = [
        {key: f"{order[i]}" for key, order in shuffled.items() if entropy.random() < 0.6}
        for i in range(PEOPLE)
    ]
    return sealed(schema, people)


@pytest.fixture(params=[DuckDbEngine], ids=["duckdb"])
def engine(request):
    return request.param()


def _matched(engine, tables):
    values = engine.exact(REQUEST, lambda version: tables[version.version]).values
    return np.array([values["matched"][0], *(values[f"matched:{key}"][0] for key in KEYS)])


def _without(tables, name, index):
    persons = tables[name].persons
    keep = [i for i in range(persons.num_rows) if i != index]
    return {**tables, name: dataclasses.replace(tables[name], persons=persons.take(keep))}


@pytest.mark.parametrize("seed", SEEDS)
def test_removing_a_person_changes_each_count_of_matches_by_at_most_one(engine, seed):
    entropy = np.random.default_rng(seed)
    tables = {"exposures": _tangled(EXPOSURES, entropy), "sales": _tangled(SALES, entropy)}
    before = _matched(engine, tables)
    assert (before > 0).all()
    changes = [
        np.abs(_matched(engine, _without(tables, name, index)) - before)
        for name in tables
        for index in range(tables[name].persons.num_rows)
    ]
    assert np.max(changes) == 1

"""What one record can change where numbers are cut into buckets: each is removed in turn."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.charges import charges
from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Population,
    SalesLift,
    SegmentSize,
)
from support.allowances import MINIMUM
from support.allowances import allow as allowance_of
from support.panels import (
    EPOCH_S,
    KEYS,
    bucket_grouping,
    exposures_schema,
    sales_schema,
    sealed,
    versions,
)

SCHEMAS = {"exposures": exposures_schema(), "sales": sales_schema()}
EXPOSURES, SALES = SCHEMAS.values()
PEOPLE = 8
BOUND = 150
SEEDS = (0, 4)
OFTEN = bucket_grouping(EXPOSURES, "impressions", edges=(1, 4, 7))
RICH = bucket_grouping(SALES, "amount", edges=(0, 40, 120))


def tangled(schema, entropy):
    """Rows of people whose keys belong, mostly, to different people on the sides."""
    shuffled = {key: entropy.permutation(PEOPLE) for key in KEYS}
    rows = []
    for i in range(PEOPLE):
        keys = {key: f"{order[i]}" for key, order in shuffled.items() if entropy.random() < 0.6}
        arm = int(entropy.integers(2))
        rows += [
            {
                **keys,
                "ref": f"p{i}",
                "arm": arm,
                "impressions": int(entropy.integers(6)),
                "amount": int(entropy.integers(-50, 120)),
            }
            for _ in range(entropy.integers(1, 4))
        ]
    return sealed(schema, rows)


def without(tables, name, index):
    """The tables without one person record and all that is theirs."""
    persons, events = tables[name].persons, tables[name].events
    gone = persons["person"][index].as_py()
    less = dataclasses.replace(
        tables[name],
        persons=persons.take([i for i in range(persons.num_rows) if i != index]),
        events=events.take([i for i, p in enumerate(events["person"].to_pylist()) if p != gone]),
    )
    return {**tables, name: less}


def by(*groupings):
    return {
        "by": tuple(f"{g.dataset}.{g.domain.name}" for g in groupings),
        "buckets": tuple(g.buckets for g in groupings),
    }


PAIR = ("exposures", "sales")
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount", **by(OFTEN))
QUESTIONS = {
    "frequency": (SegmentSize(datasets=("exposures",), **by(OFTEN)), (OFTEN,)),
    "frequency of the matched": (SegmentSize(datasets=PAIR, **by(OFTEN)), (OFTEN,)),
    "spend of the matched": (SegmentSize(datasets=PAIR, **by(RICH)), (RICH,)),
    "both": (SegmentSize(datasets=PAIR, **by(OFTEN, RICH)), (OFTEN, RICH)),
    "rate": (MatchRate(datasets=PAIR, **by(OFTEN)), (OFTEN,)),
    "lift": (LIFT, (OFTEN,)),
    "lift of the matched": (
        dataclasses.replace(LIFT, population=Population.MATCHED),
        (OFTEN,),
    ),
    "bound": (
        ContributionBound(
            dataset="sales", measure="amount", quantile=Fraction(1, 2), grid=(30, 60, 100)
        ),
        (),
    ),
}


@pytest.fixture(params=[DuckDbEngine], ids=["duckdb"])
def engine(request):
    return request.param()


def changes(engine, request, tables, names):
    """Return, by dataset, how each removal moves each statistic's vector, cells included."""

    def exact(of):
        values = engine.exact(request, lambda version: of[version.version]).values
        return {name: np.array(v, dtype=np.int64) for name, v in values.items()}

    before = exact(tables)
    for name in names:
        for index in range(tables[name].persons.num_rows):
            after = exact(without(tables, name, index))
            yield name, {n: before[n] - after[n] for n in before}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_one_record_moves_no_bucketed_statistic_further_than_charged(engine, name, seed):
    question, groupings = QUESTIONS[name]
    entropy = np.random.default_rng(seed)
    tables = {n: tangled(s, entropy) for n, s in SCHEMAS.items()}
    stages = len(KEYS)
    allowance = dataclasses.replace(
        allowance_of(
            MatchRate(datasets=("exposures", "store-sales")), stages=stages, minimum=MINIMUM
        ),
        question=question,
        groupings=groupings,
        bound=BOUND,
    )
    request = ExactRequest(
        question=question,
        versions=versions(*(SCHEMAS[n] for n in question.datasets)),
        groupings=groupings,
        stages=KEYS,
        purposes=1,
        epoch_s=EPOCH_S,
        bound=BOUND,
        square_unit=square_unit(BOUND),
    )
    moved = False
    for dataset, difference in changes(engine, request, tables, question.datasets):
        for charge in charges(allowance):
            squared = sum(int((difference[n] ** 2).sum()) for n in charge.released)
            assert squared <= charge.share.l2_squared[dataset], (charge.name, dataset)
            moved = moved or squared > 0
    assert moved

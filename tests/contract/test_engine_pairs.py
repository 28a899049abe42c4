"""Who is paired in three stages, against pandas, on many small messy datasets."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from cleanroom.engine import session as sessions
from cleanroom.engine.matching import pairs, side
from cleanroom.engine.session import Session
from cleanroom.model.consent import Epoch
from support.messy import SEALABLE, case
from support.panels import EPOCH_S, KEYS, exposures_schema, sales_schema, sealed, token, versions

# All 200 take half a minute.
DATASETS = 200 if os.environ.get("CLEANROOM_SLOW") else 50
SCHEMAS = {"exposures": exposures_schema(), "sales": sales_schema()}


def _people(records):
    """Return people by pandas: their labels spread along shared values until nothing changes."""
    rows = pd.DataFrame(records, columns=["ref", *KEYS, "purposes", "consent_at", "consent_until"])
    rows = rows[rows["purposes"].map(lambda p: any(p & s == s for s in SEALABLE)).astype(bool)]
    rows = rows.assign(person=np.arange(len(rows)))
    before = None
    while before is None or not before.equals(rows["person"]):
        before = rows["person"]
        for name in ("ref", *KEYS):
            least = rows.groupby(name)["person"].transform("min")
            rows = rows.assign(person=least.fillna(rows["person"]).astype("int64"))
    hexed = {
        key: rows[key].map(lambda text: token(text).hex(), na_action="ignore").astype("string")
        for key in KEYS
    }
    people = (
        rows.assign(**hexed, agreed=rows["purposes"] & 1)
        .groupby("person")
        .agg(
            **{key: (key, "min") for key in KEYS},
            agreed=("agreed", "min"),
            at=("consent_at", "max"),
            until=("consent_until", "min"),
        )
    )
    end_s = EPOCH_S + 86_400
    usable = (people["agreed"] == 1) & (people["at"] < end_s) & (people["until"] >= end_s)
    return people[usable].reset_index(drop=True)


def _expected(uploads):
    """Return, by pandas, each pair as stage and the tokens of both."""
    left, right = (_people(uploads[name]) for name in ("exposures", "sales"))
    found = Counter()
    for stage, key in enumerate(KEYS):
        met = (
            left.reset_index()
            .dropna(subset=key)
            .merge(right.reset_index().dropna(subset=key), on=key, suffixes=("", "_right"))
        )
        sides = left.loc[met["index"], list(KEYS)], right.loc[met["index_right"], list(KEYS)]
        for here, there in zip(*(_tokens(people) for people in sides), strict=True):
            found[stage, here, there] += 1
        left, right = left.drop(met["index"]), right.drop(met["index_right"])
    return found


def _tokens(people):
    rows = people.itertuples(index=False)
    return [tuple(None if pd.isna(t) else bytes.fromhex(t)[:16] for t in row) for row in rows]


def _found(uploads):
    """Return the same from the engine."""
    tables = {name: sealed(SCHEMAS[name], uploads[name], SEALABLE) for name in SCHEMAS}
    stored = [tables[name].persons.select([f"tok_{key}" for key in KEYS]) for name in SCHEMAS]
    left, right = ([tuple(person.values()) for person in half.to_pylist()] for half in stored)
    with Session(memory_limit="200MB", threads=1, spill_dir=None) as session:
        sides = [
            side(session, version, tables[version.version], 1, Epoch(start_s=EPOCH_S))
            for version in versions(*SCHEMAS.values())
        ]
        wanted = {"ours": "person"}, {"theirs": "person"}
        rows = session.fetch(pairs(session, *sides, KEYS, wanted)).to_pylist()
    return Counter((r["stage"], left[r["ours"]], right[r["theirs"]]) for r in rows)


@pytest.mark.parametrize("first", range(0, DATASETS, 25))
def test_the_pairs_of_every_stage_are_those_of_pandas(first):
    stages = set()
    for seed in range(first, first + 25):
        uploads = case(3 * seed + 2).uploads
        expected = _expected(uploads)
        assert _found(uploads) == expected, seed
        stages |= {stage for stage, *_ in expected}
    assert stages == {0, 1, 2}


def test_the_sql_of_a_question_is_made_once_for_its_shape():
    _found(case(2).uploads)
    before = sessions._sql.cache_info()
    _found(case(5).uploads)
    after = sessions._sql.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 4)

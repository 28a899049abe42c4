"""Times the engine against plain DuckDB SQL for the same exact figures, in one run.

Usage: bench_engine.py [--rows 1000000 ...]; several sizes also fit t = c·n^k by least squares.
Both sides hold 1 key, half of the people overlap, one event for each sales person.
Both sides of a ratio read the same tables in memory (Arrow, tokens as UUIDs), open a database and
close it; decrypting the Parquet files is not in either. Turns alternate and the least of each
counts. The bars are ratios, because the machine's speed is not ours to choose.
"""

from __future__ import annotations

import argparse
import gc
import time

import duckdb
import numpy as np
import pyarrow as pa

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.engine.layout import wire_schema
from cleanroom.engine.sealing import seal
from cleanroom.model.allowance import Grouping
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain, KeyType, Unit, VersionRef
from cleanroom.model.question import MatchRate, SalesLift

ROUNDS = 5
BARS = {"match": 1.5, "lift": 1.3}
BOUND, UNIT = 1_500_000, 64
CITY = Domain(name="city", values=("ufa", "kazan", "omsk", "other"))
EXPOSURES = DatasetSchema(
    name="exposures",
    owner="acme-brand",
    keys=(KeyType.EMAIL,),
    dimensions=(CITY,),
    has_arm=True,
)
SALES = DatasetSchema(
    name="sales",
    owner="megamart",
    keys=(KeyType.EMAIL,),
    measures=(Bounded(name="amount", unit=Unit.MINOR, max_per_person=BOUND),),
)
EPOCH_S = 1_700_006_400
CONSENT = {"purposes": 1, "consent_at": 0, "consent_until": 2**40}

# The same figures as an analyst would write them over plain tables whose tokens are UUIDs.
ALLOWED = (
    f"purposes & 1 = 1 and consent_at < {EPOCH_S + 86400} and consent_until >= {EPOCH_S + 86400}"
)
MATCH_SQL = f"""
select (select count(*) from e where {ALLOWED}), (select count(*) from s where {ALLOWED}),
  (select count(*) from (select tok_email from e where {ALLOWED}) a
     join (select tok_email from s where {ALLOWED}) b using (tok_email))
"""
LIFT_SQL = f"""
with outcome as (
  select person, least(greatest(sum(measure_amount), 0), {BOUND})::bigint y from v group by person
), sold as (
  select tok_email, y from s join outcome using (person) where {ALLOWED}
), rows as (
  select dim_city, arm, coalesce(y, 0) y from (select * from e where {ALLOWED} and arm <> -1)
  left join sold using (tok_email)
)
select dim_city, arm, count(*), sum(y), sum(((y + {UNIT // 2}) // {UNIT}) ** 2)
from rows group by all order by all
"""


def _panel(schema, people, first, entropy):
    number = np.arange(first, first + people, dtype=np.uint64)
    mixed = number * np.uint64(0x9E3779B97F4A7C15)  # odd, hence one-to-one modulo 2^64
    token = np.repeat(mixed[:, None], 4, axis=1).view(np.uint8)
    tokens = pa.Array.from_buffers(pa.binary(32), people, [None, pa.py_buffer(token.copy())])
    codes = entropy.integers(0, 4, people)
    columns = {
        "tok_email": tokens,
        "ref": pa.nulls(people, pa.binary(16)),
        "dim_city": codes,
        "arm": codes % 2 if schema.has_arm else np.full(people, -1),
        "measure_amount": entropy.integers(0, 2_000_000, people),
        "occurred_at": np.zeros(people, dtype=np.int64),
        **{name: np.full(people, value) for name, value in CONSENT.items()},
    }
    kind = wire_schema(schema)
    return pa.table([pa.array(columns[f.name]).cast(f.type) for f in kind], schema=kind)


def _timed(work):
    gc.collect()
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _plain(tables, sql):
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as database:
        for name, table in tables.items():
            database.register(name, table)
        return database.sql(sql).fetchall()


def _with_uuids(persons):
    tokens = persons["tok_email"].combine_chunks()
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), tokens)
    index = persons.column_names.index("tok_email")
    return persons.set_column(index, "tok_email", uuids)


def measured(people: int) -> dict[str, float]:
    """Seal both sides, check that the figures agree, print ratios, return seconds by name."""
    entropy = np.random.default_rng(7)
    sealing_s, exposures = _timed(
        lambda: seal([_panel(EXPOSURES, people, 0, entropy)], EXPOSURES, {}, (1,)).tables
    )
    print(f"seal {people} rows: {sealing_s:.2f} s")
    sales = seal([_panel(SALES, people, people // 2, entropy)], SALES, {}, (1,)).tables
    sealed = {"e": exposures, "s": sales}
    plain = {"e": _with_uuids(exposures.persons), "s": _with_uuids(sales.persons)}
    plain["v"] = sales.events
    common = {
        "versions": (
            VersionRef(version="e", schema=EXPOSURES),
            VersionRef(version="s", schema=SALES),
        ),
        "stages": (KeyType.EMAIL,),
        "purposes": 1,
        "epoch_s": EPOCH_S,
    }
    match = ExactRequest(
        question=MatchRate(datasets=("exposures", "sales")), groupings=(), **common
    )
    lift = ExactRequest(
        question=SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",)),
        groupings=(Grouping(dataset="exposures", domain=CITY),),
        bound=BOUND,
        square_unit=UNIT,
        **common,
    )
    seconds = {"seal": sealing_s}
    for name, request, sql in (("match", match, MATCH_SQL), ("lift", lift, LIFT_SQL)):
        seconds[name] = _compare(name, people, request, sealed, plain, sql)
    return seconds


def _compare(name, people, request, sealed, plain, sql):
    engine = DuckDbEngine()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        seconds, statistic = _timed(lambda: engine.exact(request, lambda v: sealed[v.version]))
        ours.append(seconds)
        seconds, figures = _timed(lambda: _plain(plain, sql))
        theirs.append(seconds)
    _agree(name, statistic.values, figures)
    mine, reference = min(ours), min(theirs)
    print(
        f"{name} {people} x {people}: engine {mine:.3f} s, plain SQL {reference:.3f} s, "
        f"ratio {mine / reference:.2f} (bar {BARS[name]})"
    )
    return mine


def _agree(name, values, figures):
    if name == "match":
        expected = figures[0]
        found = (values["people:exposures"][0], values["people:sales"][0], values["matched"][0])
    else:
        expected = sorted(figures)
        found = sorted(
            (cell, arm, *(values[f"{s}:{('control', 'test')[arm]}"][cell] for s in "nsq"))
            for cell, arm, *_ in figures
        )
    if list(map(_whole, expected)) != list(map(_whole, found)):
        raise AssertionError(f"{name}: the engine and plain SQL disagree")


def _whole(row):
    return tuple(map(int, row)) if isinstance(row, tuple) else int(row)


def main() -> None:
    """Measure each size; with several, print the exponent of growth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    rows = parser.parse_args().rows
    seconds = [measured(people) for people in rows]
    for name in seconds[0] if len(set(rows)) > 1 else ():
        exponent = np.polyfit(np.log(rows), np.log([s[name] for s in seconds]), 1)[0]
        print(f"{name}: grows as n^{exponent:.2f} from {min(rows)} to {max(rows)} (bar 1.1)")


if __name__ == "__main__":
    main()

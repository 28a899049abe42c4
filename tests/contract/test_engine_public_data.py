"""Every engine against figures that others published for public data (measurement.md).

The data are read from ../shared/data beside the repository; each test says when they are absent.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain, KeyType, Unit
from cleanroom.model.question import MatchRate, SalesLift
from support.panels import EPOCH_S, grouping, sealed, versions

DATA = Path(__file__).parents[2].parent / "shared" / "data"
KEYS = (KeyType.EXTERNAL_ID,)
PUBLISHER = DatasetSchema(
    name="publisher",
    owner="acme-brand",
    keys=KEYS,
    dimensions=(Domain(name="reached", values=("no", "yes")),),
    has_arm=True,
)
PARTNER = DatasetSchema(
    name="partner",
    owner="megamart",
    keys=KEYS,
    measures=(
        Bounded(name="amount", unit=Unit.MINOR, max_per_person=32_768),
        Bounded(name="conversions", unit=Unit.ROWS, max_per_person=25),
    ),
    timed=True,
)


@pytest.fixture(params=[DuckDbEngine], ids=["duckdb"])
def engine(request):
    return request.param()


def _file(*parts):
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} of the public test data is not there")
    return path


def _opportunities(path):
    with path.open() as lines:
        return list(csv.DictReader(lines))


def _events(path):
    """Yield (id, time, value); the two lists of a line are not quoted, so csv cannot read it."""
    for line in path.read_text().splitlines()[1:]:
        identifier, times, values = re.fullmatch(r"([^,]*),\[(.*)\],\[(.*)\]", line).groups()
        for time_s, value in zip(times.split(","), values.split(","), strict=True):
            yield identifier, int(time_s), int(value)


def _private_lift(publisher, partner):
    """Apply Private Lift's rules: who counts, and which events do (those after, with 10 s slack)."""
    seen_s = {r["id_"]: int(r["opportunity_timestamp"]) for r in _opportunities(publisher)}
    people = [
        {
            "external_id": row["id_"],
            "arm": int(row["test_flag"])
            if row["opportunity"] == "1" and seen_s[row["id_"]] > 0
            else -1,
            "reached": int(int(row["num_impressions"]) > 0),
        }
        for row in _opportunities(publisher)
    ]
    events = [
        {"external_id": identifier, "amount": value, "at": time_s}
        for identifier, time_s, value in _events(partner)
        if time_s > 0 and time_s + 10 > seen_s[identifier]
    ]
    return {"publisher": sealed(PUBLISHER, people), "partner": sealed(PARTNER, events)}


def _lift(engine, tables, outcome, by=()):
    request = ExactRequest(
        question=SalesLift(exposures="publisher", sales="partner", outcome=outcome, by=by),
        versions=versions(PUBLISHER, PARTNER),
        groupings=tuple(grouping(PUBLISHER, name) for name in by),
        stages=KEYS,
        purposes=1,
        epoch_s=EPOCH_S,
        bound=32_768,
    )
    return engine.exact(request, lambda version: tables[version.version]).values


def test_private_lift_of_the_thousand_row_pair(engine):
    tables = _private_lift(
        _file("meta_private_lift", "publisher_0"), _file("meta_private_lift", "partner_4_convs_0")
    )
    value = _lift(engine, tables, "amount")
    assert (value["s:test"], value["s:control"]) == ((5523,), (5044,))
    assert (value["q:test"], value["q:control"]) == ((731_961,), (709_718,))
    converters = _lift(engine, tables, "buyers")
    assert (converters["s:test"], converters["s:control"]) == ((60,), (47,))
    conversions = _lift(engine, tables, "conversions")
    assert (conversions["s:test"], conversions["s:control"]) == ((116,), (99,))


def test_private_lift_among_the_reached(engine):
    tables = _private_lift(
        _file("meta_private_lift", "publisher_0"), _file("meta_private_lift", "partner_4_convs_0")
    )
    assert _lift(engine, tables, "conversions", ("reached",))["s:test"][1] == 103
    assert _lift(engine, tables, "amount", ("reached",))["s:test"][1] == 4875


def test_private_lift_of_the_third_pair(engine):
    tables = _private_lift(
        _file("meta_private_lift", "publisher_1k_0"), _file("meta_private_lift", "partner_1k_0")
    )
    value = _lift(engine, tables, "amount")
    assert (value["s:test"], value["s:control"]) == ((47_906,), (44_390,))
    converters = _lift(engine, tables, "buyers")
    assert (converters["s:test"], converters["s:control"]) == ((124,), (122,))
    conversions = _lift(engine, tables, "conversions")
    assert (conversions["s:test"], conversions["s:control"]) == ((947,), (878,))


def test_scql_alice_and_bob(engine):
    ages = Domain(name="age", values=("up-to-18", "over-18"))
    alice = DatasetSchema(name="alice", owner="alice", keys=KEYS, dimensions=(ages,))
    bob = DatasetSchema(name="bob", owner="bob", keys=KEYS)
    credit = _opportunities(_file("scql_alice_bob", "alice_user_credit.csv"))
    stats = _opportunities(_file("scql_alice_bob", "bob_user_stats.csv"))
    tables = {
        "alice": sealed(
            alice, [{"external_id": r["ID"], "age": int(int(r["age"]) > 18)} for r in credit]
        ),
        "bob": sealed(bob, [{"external_id": r["ID"]} for r in stats]),
    }
    terms = {"versions": versions(alice, bob), "stages": KEYS, "purposes": 1, "epoch_s": EPOCH_S}
    overall = ExactRequest(question=MatchRate(datasets=("alice", "bob")), groupings=(), **terms)
    by_age = ExactRequest(
        question=MatchRate(datasets=("alice", "bob"), by=("alice.age",)),
        groupings=(grouping(alice, "age"),),
        **terms,
    )
    answer = [engine.exact(r, lambda v: tables[v.version]).values for r in (overall, by_age)]
    assert answer[0] == {"people:alice": (19,), "people:bob": (20,), "matched": (19,)}
    assert answer[1]["matched"] == (2, 17)

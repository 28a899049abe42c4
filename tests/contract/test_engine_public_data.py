"""Every engine against figures that others published for public data (measurement.md).

The data are read from ../shared/data beside the repository; each test says when they are absent.
"""

from __future__ import annotations

import pytest

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain, KeyType, Unit
from cleanroom.model.lift import Design
from cleanroom.model.question import MatchRate, SalesLift
from support.panels import EPOCH_S, grouping, sealed, versions
from support.private_lift import csv_rows, private_lift, public_file

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


def _private_lift(publisher, partner):
    people, events = private_lift(publisher, partner)
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
        public_file("meta_private_lift", "publisher_0"),
        public_file("meta_private_lift", "partner_4_convs_0"),
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
        public_file("meta_private_lift", "publisher_0"),
        public_file("meta_private_lift", "partner_4_convs_0"),
    )
    assert _lift(engine, tables, "conversions", ("reached",))["s:test"][1] == 103
    assert _lift(engine, tables, "amount", ("reached",))["s:test"][1] == 4875


def test_private_lift_of_the_third_pair(engine):
    tables = _private_lift(
        public_file("meta_private_lift", "publisher_1k_0"),
        public_file("meta_private_lift", "partner_1k_0"),
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
    credit = csv_rows(public_file("scql_alice_bob", "alice_user_credit.csv"))
    stats = csv_rows(public_file("scql_alice_bob", "bob_user_stats.csv"))
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


MARKETING = DatasetSchema(
    name="marketing",
    owner="acme-brand",
    keys=KEYS,
    has_arm=True,
    counts=(Bounded(name="impressions", unit=Unit.COUNT, max_per_person=50),),
)


def test_private_lift_of_reached_people_is_told_by_their_impressions(engine):
    people, events = private_lift(
        public_file("meta_private_lift", "publisher_0"),
        public_file("meta_private_lift", "partner_4_convs_0"),
    )
    marketing = sealed(MARKETING, [{**p, "impressions": p["reached"]} for p in people])
    tables = {"marketing": marketing, "partner": sealed(PARTNER, events)}
    for outcome, reached in (("conversions", 103), ("amount", 4875)):
        request = ExactRequest(
            question=SalesLift(
                exposures="marketing",
                sales="partner",
                outcome=outcome,
                design=Design.RANDOMIZED_ENCOURAGEMENT,
                exposed_by="impressions",
            ),
            versions=versions(MARKETING, PARTNER),
            groupings=(),
            stages=KEYS,
            purposes=1,
            epoch_s=EPOCH_S,
            bound=32_768,
        )
        values = engine.exact(request, lambda version: tables[version.version]).values
        assert values["r:test"] == (reached,)
        assert values["e:test"] == (sum(p["reached"] for p in people if p["arm"] == 1),)


def test_conversions_of_a_marketing_experiment(engine):
    rows = csv_rows(public_file("marketing_ab", "marketing_AB.csv"))
    people = [
        {
            "external_id": r["user id"],
            "arm": int(r["test group"] == "ad"),
            "impressions": int(r["total ads"]),
        }
        for r in rows
    ]
    buyers = [{"external_id": r["user id"], "amount": 1} for r in rows if r["converted"] == "True"]
    tables = {"marketing": sealed(MARKETING, people), "partner": sealed(PARTNER, buyers)}
    request = ExactRequest(
        question=SalesLift(exposures="marketing", sales="partner", outcome="buyers"),
        versions=versions(MARKETING, PARTNER),
        groupings=(),
        stages=KEYS,
        purposes=1,
        epoch_s=EPOCH_S,
    )
    values = engine.exact(request, lambda version: tables[version.version]).values
    shares = [values[f"s:{arm}"][0] / values[f"n:{arm}"][0] for arm in ("test", "control")]
    assert [round(share, 5) for share in shares] == [0.02593, 0.01078]

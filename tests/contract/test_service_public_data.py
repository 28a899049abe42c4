"""Public experiments through a whole service: figures that others know, within the stated noise."""

from __future__ import annotations

import json

import pytest

from cleanroom.model.lift import Design
from cleanroom.model.question import SalesLift
from support.private_lift import csv_rows, private_lift, public_file
from support.rooms import Room

POLICY = """\
version: cleanroom/v1
collaboration: public
valid: {from: 2026-01-01, until: 2035-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [sales_lift]}
  megamart: {role: retailer, may_ask: [sales_lift]}
matching:
  scheme: sha256
  allow_unsalted: true
  normalisation: uid2-2026
  keys: [external_id]
datasets:
  publisher:
    owner: acme-brand
    arm: {column: arm, test: test, control: control}
    counts: {impressions: {max_per_person: 50}}
  partner:
    owner: megamart
    measures:
      value: {unit: minor, max_per_person: 2000}
      conversions: {unit: rows, max_per_person: 25}
    minimum_aggregation: {people: 50, miss_probability: 1e-6}
    privacy: {pool: people, definition: zcdp, epsilon: 400, delta: 1e-7, per_question: 4}
    consent: {sales_lift: [measurement]}
retention: {datasets_days: 90, measurements_days: 730}
"""
BUYERS = SalesLift(exposures="publisher", sales="partner", outcome="buyers")


def opened(root, people, events):
    root.mkdir(exist_ok=True)
    room = Room.open(root, POLICY, in_memory=True)
    room.fill(
        publisher=[{**p, "impressions": p["reached"]} for p in people],
        partner=[{"external_id": e["external_id"], "value": e["amount"]} for e in events],
    )
    return room


def measured(room, question):
    return json.loads(room.verified(room.ask("acme-brand", question)).measurement)


@pytest.fixture(params=[("publisher_0", "partner_4_convs_0"), ("publisher_1k_0", "partner_1k_0")])
def pair(request, tmp_path):
    people, events = private_lift(*(public_file("meta_private_lift", n) for n in request.param))
    return request.param[0], opened(tmp_path, people, events)


KNOWN = {
    "publisher_0": {
        "conversions": {"s:test": 116, "s:control": 99},
        "buyers": {"s:test": 60, "s:control": 47},
        "value": {"s:test": 5_523, "s:control": 5_044, "q:test": 731_961, "q:control": 709_718},
        "reached": {"conversions": 103, "value": 4_875},
    },
    "publisher_1k_0": {
        "conversions": {"s:test": 947, "s:control": 878},
        "buyers": {"s:test": 124, "s:control": 122},
        "value": {"s:test": 47_906, "s:control": 44_390},
        "reached": {},
    },
}


def within_noise(measurement, known):
    scale = {p["name"]: p["scale"] for p in measurement["parameters"]}
    found = dict(measurement["cells"][0]["statistics"])
    for name, value in known.items():
        assert abs(found[name] - value) <= 4 * scale[name], name


def test_private_lift_comes_out_within_its_stated_noise(pair):
    name, room = pair
    known = KNOWN[name]
    for outcome in ("conversions", "buyers", "value"):
        question = SalesLift(exposures="publisher", sales="partner", outcome=outcome)
        within_noise(measured(room, question), known[outcome])
    for outcome, reached in known["reached"].items():
        question = SalesLift(
            exposures="publisher",
            sales="partner",
            outcome=outcome,
            design=Design.RANDOMIZED_ENCOURAGEMENT,
        )
        within_noise(measured(room, question), known[outcome] | {"r:test": reached})


def test_cells_of_33_people_are_suppressed_at_the_same_debit_and_in_the_same_shape(tmp_path):
    people, events = private_lift(
        public_file("meta_private_lift", "publisher_0"),
        public_file("meta_private_lift", "partner_4_convs_0"),
    )
    few = [p for arm in (0, 1) for p in [p for p in people if p["arm"] == arm][:33]]
    shown, hidden = (
        measured(opened(tmp_path / name, group, events), BUYERS)
        for name, group in (("all", people), ("few", few))
    )

    (full,), (empty,) = shown.pop("cells"), hidden.pop("cells")
    assert not full["suppressed"]
    assert empty["suppressed"]
    assert {value for _, value in empty["statistics"]} == {None}
    assert [name for name, _ in empty["statistics"]] == [name for name, _ in full["statistics"]]
    assert [f.keys() for f in empty["figures"]] == [f.keys() for f in full["figures"]]
    assert [f["name"] for f in empty["figures"]] == [f["name"] for f in full["figures"]]
    same = {"versions", "question_digest"}  # which name the sealed data
    assert {k: v for k, v in shown.items() if k not in same} == {
        k: v for k, v in hidden.items() if k not in same
    }
    assert shown["debits"] == hidden["debits"] != []


def test_conversions_of_a_marketing_experiment_come_out_within_their_stated_noise(tmp_path):
    rows = csv_rows(public_file("marketing_ab", "marketing_AB.csv"))
    people = [
        {
            "external_id": r["user id"],
            "arm": int(r["test group"] == "ad"),
            "reached": int(r["total ads"]),
        }
        for r in rows
    ]
    buyers = [{"external_id": r["user id"], "amount": 1} for r in rows if r["converted"] == "True"]
    figures = {
        f["name"]: f
        for f in measured(opened(tmp_path, people, buyers), BUYERS)["cells"][0]["figures"]
    }
    for name, share in (("mean_test", 0.02593), ("mean_control", 0.01078)):
        assert abs(figures[name]["value"] - share) <= 4 * figures[name]["noise_sd"] + 5e-6

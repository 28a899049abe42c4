"""Buckets, reach, spend thresholds and contribution bounds, through a real service."""

from __future__ import annotations

import json

import pytest

from cleanroom_client import (
    Buckets,
    CleanRoom,
    ContributionBound,
    RoomError,
    SalesLift,
    SegmentSize,
)
from support.cli_room import LIFT, PEOPLE

EPSILON = ("--epsilon", "8")
NARROW = {"COLUMNS": "80"}
OFTEN = {"impressions": (1, 3, 6)}
MARCH = ("2026-03-01", "2026-03-05")
GRID = (2_000, 4_000, 6_000, 8_000)  # minor units
BOUND = ("--dataset", "sales", "--measure", "amount", "--quantile", "0.8")
SPENT = {i: (10 + i % 50) * 100 + 50 + 3_000 * (i * 7919 % 2) for i in range(PEOPLE)}
BUYERS = [i for i in SPENT if i % 3 or i * 7919 % 2]


@pytest.fixture
def partner(room):
    with CleanRoom.connect(room.profile("acme-brand")) as connected:
        yield connected


def by_cell(measurement, name):
    return {cell.cell: cell.figure(name) for cell in measurement.cells}


def near(figure, exact):
    """Whether a figure is the exact one, but for noise of the size that it states."""
    return abs(figure.value - exact) <= 6 * figure.noise_sd


def assert_as_planned(plan, measurement):
    told = {p["name"]: (p["scale"], p["contribution_bound"]) for p in measurement.parameters}
    assert {s.name: (s.noise_sd, s.contribution_bound) for s in plan.statistics} == told
    assert {(d.ledger, d.nano_rho) for d in plan.debits if d.nano_rho} == set(measurement.debits)
    assert plan.suppression_line == measurement.suppression_line
    assert plan.cells == len(measurement.cells)


def test_frequency_gives_people_with_exactly_and_with_at_least_so_many_contacts(room, partner):
    question = SegmentSize(
        datasets=("exposures",),
        by=("impressions",),
        buckets={"impressions": Buckets(edges=(1, 3, 6))},
    )
    plan = partner.plan(question, epsilon=8)
    found = partner.segment_size(["exposures"], by=["impressions"], buckets=OFTEN, epsilon=8)

    assert_as_planned(plan, found)
    ninth = PEOPLE // 9  # impressions are 0 to 8, each as often
    exactly, reached = by_cell(found, "people"), by_cell(found, "people_at_least")
    assert found.dimensions == ("exposures.impressions",)
    assert list(exactly) == [("0",), ("1-2",), ("3-5",), ("6+",)]
    for cell, alone, above in zip(exactly, (1, 2, 3, 3), (9, 8, 6, 3), strict=True):
        assert near(exactly[cell], alone * ninth)
        assert near(reached[cell], above * ninth)

    words = ("ask", "segment-size", "--datasets", "exposures", "--by", "impressions")
    cut = ("--buckets", "impressions=1,3,6")
    again = json.loads(room.client("acme-brand", *words, *cut, *EPSILON, "--json").ok())
    assert again == found.to_dict()  # one question, whoever writes it, answered once
    shown = room.client("acme-brand", *words, *cut, *EPSILON, env=NARROW).ok()
    assert "people at least" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_spend_threshold_takes_a_window_and_filters_of_events(room, partner):
    cut = Buckets(edges=(0, 1, 5_000), window=MARCH, filters={"category": ["hair-care"]})
    found = partner.segment_size(["sales"], by=["amount"], buckets={"amount": cut}, epsilon=8)
    early = [i for i in BUYERS if i % 9 < 4]
    rich = sum(SPENT[i] >= 5_000 for i in early)
    people = by_cell(found, "people")
    assert list(people) == [("<0",), ("0",), ("0.01-49.99",), ("50+",)]
    assert near(people["50+",], rich)
    assert near(people["0.01-49.99",], len(early) - rich)
    assert near(people["0",], len(BUYERS) - len(early))
    suppressed = {cell.cell: cell.suppressed for cell in found.cells}
    assert suppressed["<0",]

    words = (
        *("ask", "segment-size", "--datasets", "sales", "--by", "amount"),
        *("--buckets", "amount=0,0.01,50.00"),
        *("--buckets-window", "amount=2026-03-01,2026-03-05"),
        *("--buckets-filter", "amount:category=hair-care"),
        *EPSILON,
    )
    assert json.loads(room.client("acme-brand", *words, "--json").ok()) == found.to_dict()


def test_a_match_rate_is_told_by_frequency(partner):
    found = partner.match_rate(
        ["exposures", "sales"], by=["impressions"], buckets={"impressions": (3,)}, epsilon=8
    )
    rates = by_cell(found, "match_rate_exposures")
    assert list(rates) == [("0-2",), ("3+",)]
    assert all(0.7 < rate.value < 0.95 for rate in rates.values())


def test_a_lift_is_broken_down_by_frequency_and_by_channel(room, partner):
    question = SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="amount",
        by=("channel", "impressions"),
        buckets={"impressions": Buckets(edges=(3, 6))},
        population="matched",
    )
    plan = partner.plan(question, epsilon=20)
    found = partner.ask(question, epsilon=20)
    assert_as_planned(plan, found)
    assert found.dimensions == ("exposures.channel", "exposures.impressions")
    assert len(found.cells) == 4 * 3
    # Channels were bought by frequency: each has its own, and nobody is elsewhere.
    told = {cell.cell for cell in found.cells if not cell.suppressed}
    assert told <= {("video", "0-2"), ("social", "3-5"), ("both", "6+")}
    assert told
    lifts = [c.figure("absolute_lift") for c in found.cells if not c.suppressed]
    assert all(lift.low <= 3_000 + 1_500 and lift.high >= 3_000 - 1_500 for lift in lifts)

    words = ("ask", "sales-lift", *LIFT, "--by", "channel,impressions", "--population", "matched")
    cut = ("--buckets", "impressions=3,6", "--epsilon", "20", "--json")
    assert json.loads(room.client("acme-brand", *words, *cut).ok()) == found.to_dict()


def test_a_bound_is_found_privately_and_a_lift_is_clipped_to_it(room, partner):
    question = ContributionBound(dataset="sales", measure="amount", quantile="0.8", grid=GRID)
    plan = partner.plan(question, epsilon=8)
    found = partner.contribution_bound(
        dataset="sales", measure="amount", quantile="0.8", grid=GRID, epsilon=8
    )
    assert_as_planned(plan, found)
    assert [ledger for ledger, _ in found.debits] == ["ledgers/megamart/loyalty"]
    bound = found.only("bound")
    assert bound.low <= bound.value <= bound.high
    within = sum(SPENT[i] <= 8_000 for i in BUYERS)
    assert bound.value == 8_000
    assert 0.8 < within / len(BUYERS) < 0.9
    assert near(found.only("people"), len(BUYERS))
    assert near(found.only("people_above"), len(BUYERS) - within)
    assert found.design is None

    grid = ("--grid", "20.00,40.00,60.00,80.00")
    told = room.client("acme-brand", "ask", "contribution-bound", *BOUND, *grid, *EPSILON, "--json")
    assert json.loads(told.ok()) == found.to_dict()
    shown = room.client(
        "acme-brand", "ask", "contribution-bound", *BOUND, *grid, *EPSILON, env=NARROW
    ).ok()
    assert shown.lstrip().startswith("contribution bound on amount")
    assert "80.00" in shown
    planned = room.client(
        "acme-brand", "plan", "contribution-bound", *BOUND, *grid, *EPSILON, env=NARROW
    ).ok()
    assert "up to 8000" in planned
    assert max(map(len, (shown + planned).splitlines())) <= 80

    lift = ("ask", "sales-lift", *LIFT, "--epsilon", "4", "--json")
    whole = json.loads(room.client("acme-brand", *lift).ok())
    less = json.loads(room.client("acme-brand", *lift, "--bound", "20.00").ok())
    scale = {
        name: {p["name"]: p["scale"] for p in answer["parameters"]}
        for name, answer in (("whole", whole), ("less", less))
    }
    assert (whole["question"]["bound"], less["question"]["bound"]) == (10_000, 2_000)
    assert scale["whole"]["s:test"] == pytest.approx(5 * scale["less"]["s:test"], rel=1e-6)
    assert scale["whole"]["n:test"] == pytest.approx(scale["less"]["n:test"])


REFUSED = {
    ("segment-size", "--datasets", "exposures", "--by", "impressions"): "is a number",
    (
        *("segment-size", "--datasets", "exposures", "--by", "impressions"),
        *("--buckets", "impressions=1,51"),
    ): "more than datasets.exposures.counts.impressions.max_per_person, 50",
    (
        *("segment-size", "--datasets", "exposures", "--by", "city", "--buckets", "city=1,2"),
    ): "takes no buckets",
    (
        *("sales-lift", *LIFT, "--bound", "100.01"),
    ): "more than datasets.sales.measures.amount.max_per_person, 10000",
    (
        *("contribution-bound", *BOUND, "--grid", "50.00,100.01"),
    ): "grid goes up to 10001",
}  # fmt: skip
WRONG = {
    ("--buckets", "impressions"): "expected NAME=",
    ("--buckets", "impressions=1,x"): "expected a whole number, or money as in 150.00",
    ("--buckets", "impressions=2,1"): "ascend",
    ("--buckets", "visits=1"): "not in by",
    ("--buckets-window", "impressions=2026-03-01,2026-03-02"): "no --buckets to go with",
    ("--buckets", "impressions=1", "--buckets-window", "impressions=2026-03-01"): "two days",
    ("--buckets", "impressions=1", "--buckets-filter", "impressions"): "NAME:COLUMN=V1,V2",
}


@pytest.mark.parametrize("verb", ["plan", "ask"])
def test_the_policy_refuses_in_words_and_nothing_is_debited(room, verb):
    before = room.balances()
    for words, why in REFUSED.items():
        result = room.client("acme-brand", verb, *words)
        assert result.code != 0
        assert why in result.err
    assert room.balances() == before


def test_the_sdk_raises_the_same_reason(partner):
    with pytest.raises(RoomError, match="is a number") as refused:
        partner.segment_size(["exposures"], by=["impressions"])
    assert refused.value.reason == "QUESTION_REFUSED"


def test_options_that_mean_nothing_are_refused_before_anything_is_sent(room):
    words = ("plan", "segment-size", "--datasets", "exposures", "--by", "impressions")
    told = room.clients(*(("acme-brand", *words, *wrong) for wrong in WRONG))
    for result, why in zip(told, WRONG.values(), strict=True):
        assert result.code != 0
        assert why in result.err.replace("\n", " ")

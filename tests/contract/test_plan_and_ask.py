"""What is planned is what is then debited and drawn, for every kind of question."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.model.aim import Aim, Assumption, Wish
from cleanroom.model.errors import PrecisionOutOfReach
from cleanroom.model.lift import Design
from cleanroom.model.question import Ask, MatchRate, Population, SalesLift, SegmentSize
from cleanroom.privacy.loss import NANO
from cleanroom.usecases import analyse
from support.policies import edited
from support.rooms import Room, party

POLICY = edited(
    ("2026-03-01", "2026-01-01"),
    ("epsilon: 4", "epsilon: 1000"),
    ("per_question: 0.5", "per_question: 10"),
    ("people: 50", "people: 10"),
)
PAIR = ("exposures", "sales")
LIFT = {"exposures": "exposures", "sales": "sales"}
QUESTIONS = {
    "match rate": (MatchRate(datasets=PAIR), Assumption(people=300, matched=200)),
    "match rate by city": (
        MatchRate(datasets=PAIR, by=("city",)),
        Assumption(people=100, matched=70),
    ),
    "segment of one": (
        SegmentSize(datasets=("exposures",), by=("city", "segment")),
        Assumption(people=50),
    ),
    "segment of both": (SegmentSize(datasets=PAIR, by=("city",)), Assumption(people=70)),
    "buyers": (SalesLift(**LIFT, outcome="buyers"), Assumption(people=150, rate=0.6)),
    "amount by city": (
        SalesLift(**LIFT, outcome="amount", by=("city",)),
        Assumption(people=50, mean=700, sd=600),
    ),
    "visits of the matched": (
        SalesLift(**LIFT, outcome="visits", population=Population.MATCHED),
        Assumption(people=100, mean=1, sd=0.5),
    ),
}
QUESTIONS |= {
    "encouraged buyers": (
        SalesLift(
            **LIFT,
            outcome="buyers",
            design=Design.RANDOMIZED_ENCOURAGEMENT,
            exposed_by="impressions",
        ),
        Assumption(people=150, rate=0.6, exposed=0.8),
    ),
    "observed amount": (
        SalesLift(**LIFT, outcome="amount", design=Design.OBSERVATIONAL, exposed_by="impressions"),
        Assumption(people=150, mean=700, sd=600),
    ),
}
every_question = pytest.mark.parametrize("name", QUESTIONS)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Room.open(tmp_path_factory.mktemp("room"), POLICY, in_memory=True)
    room.fill(
        exposures=[
            {"email": f"e{i}", "city": i % 3, "arm": i % 2, "impressions": i % 2}
            for i in range(300)
        ],
        sales=[{"email": f"e{i}", "amount": 1000 + i} for i in range(100, 300)],
    )
    return room


def planned(room, name, rho=None, aim=None):
    ask = Ask(collaboration=room.policy.collaboration, question=QUESTIONS[name][0], rho=rho)
    found, _ = analyse.plan(room.service, party("acme-brand"), ask, aim)
    return found


def allowed(room, name):
    ask = Ask(collaboration=room.policy.collaboration, question=QUESTIONS[name][0])
    return analyse.plan(room.service, party("acme-brand"), ask)[1]


def asked(room, name, rho):
    receipt = room.ask("acme-brand", QUESTIONS[name][0], rho=rho)
    return json.loads(room.verified(receipt).measurement)


@every_question
@settings(max_examples=5)
@given(nano_rho=st.integers(1_000, 10**8))
def test_what_is_planned_is_what_is_debited_and_drawn(room, name, nano_rho):
    rho = Fraction(nano_rho, NANO)
    before = room.spent()
    plan = planned(room, name, rho)
    assert room.spent() == before
    answer = asked(room, name, rho)

    assert answer["debits"] == [[str(ledger), cost] for ledger, cost in plan.debits if cost]
    assert answer["suppression_line"] == plan.line
    noise = {p["name"]: p["scale"] for p in answer["parameters"]}
    assert noise == {p.name: p.scale for p in plan.parameters}
    repeat = before.get(answer["debits"][0][0], 0) == room.spent()[answer["debits"][0][0]]
    for ledger, cost in answer["debits"]:
        assert repeat or room.spent()[ledger] - before.get(ledger, 0) == cost


@every_question
def test_a_plan_touches_no_table_and_no_ledger(room, name, monkeypatch):
    def fail(*_args, **_kwargs):
        raise AssertionError("a plan read data")

    monkeypatch.setattr(type(room.service.engine), "exact", fail)
    monkeypatch.setattr(type(room.service.vault), "get_version", fail)
    before = room.spent()
    _, assumed = QUESTIONS[name]
    assert planned(room, name, aim=Aim(assumed=assumed)).debits
    assert room.spent() == before


@every_question
def test_a_wish_is_solved_within_the_loss_offered_and_costs_what_it_says(room, name):
    _, assumed = QUESTIONS[name]
    most = planned(room, name)
    figure, half = _first_figure(allowed(room, name), most, assumed)
    aim = Aim(assumed=assumed, wish=Wish(figure=figure, half_width=2 * half))
    plan = planned(room, name, aim=aim)

    assert plan.nano_rho < most.nano_rho
    rho = Fraction(plan.nano_rho, NANO)
    assert asked(room, name, rho)["debits"] == [[str(d), c] for d, c in plan.debits if c]
    with pytest.raises(PrecisionOutOfReach):
        planned(room, name, rho - Fraction(1, NANO), aim)


def _first_figure(allowance, plan, assumed):
    from cleanroom.analysis.power import half_width, outlook

    found = outlook(allowance, plan, Aim(assumed=assumed)).figures
    names = ("absolute_lift", "itt", "absolute_difference", "matched", "people")
    figure = next(f for n in names for f in found if f.name == n)
    return figure.name, half_width(figure)

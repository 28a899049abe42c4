"""Every kind of lift through a whole service, from sealed uploads to a verified measurement.

The budget is so large that noise hardly counts: figures are those of plain Python.
"""

from __future__ import annotations

import json
from itertools import product

import pytest

from cleanroom.model.errors import QuestionRefused
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import SalesLift, Window
from support.lift_policy import POLICY
from support.rooms import Room

BEFORE, AFTER = Window(from_s=0, until_s=100), Window(from_s=100, until_s=200)
PEOPLE = [
    {
        "email": f"p{i}",
        "arm": i % 2,
        "segment": int(i % 5 == 0),
        "impressions": 3 if i % 2 and i % 10 != 1 else 0,
        "before": 100 + 7 * (i % 40),
        "bought_before": i % 3 > 0,
        "bought_after": i % 4 > 0,
        "refund": i % 11 == 0,
    }
    for i in range(600)
]


def after(person) -> int:
    """What a person spends after: what they spent before, and 60 more when in the test arm."""
    spent = (person["before"] + 60 * person["arm"]) * person["bought_after"]
    return max(-500, spent - 900 * person["refund"])


def earlier(person) -> int:
    return person["before"] * person["bought_before"]


def exposures():
    return [{k: p[k] for k in ("email", "arm", "segment", "impressions")} for p in PEOPLE]


def sales():
    for person in PEOPLE:
        at = {"email": person["email"], "category": person["segment"]}
        if person["bought_before"]:
            yield at | {"amount": person["before"], "at": 50}
        if person["bought_after"]:
            yield at | {"amount": person["before"] + 60 * person["arm"], "at": 150}
        if person["refund"]:
            yield at | {"amount": -900, "at": 160}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    found = Room.open(tmp_path_factory.mktemp("lifts"), POLICY)
    found.fill(exposures=exposures(), sales=list(sales()))
    return found


def measured(room, outcome="amount", **parts):
    question = SalesLift(
        exposures="exposures", sales="sales", outcome=outcome, **{"window": AFTER} | parts
    )
    return json.loads(room.verified(room.ask("acme-brand", question)).measurement)


def figures(measurement, cell=0):
    return {f["name"]: f for f in measurement["cells"][cell]["figures"]}


def near(figure, value, sds=5):
    assert figure["value"] is not None, figure["undefined"]
    assert abs(figure["value"] - value) <= sds * figure["noise_sd"] + 1e-9


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def difference(of, group=lambda p: p["arm"]):
    return mean(of(p) for p in PEOPLE if group(p)) - mean(of(p) for p in PEOPLE if not group(p))


def exposed(person) -> bool:
    return person["impressions"] > 0


def test_a_lift_with_refunds_counts_what_was_given_back(room):
    found = figures(measured(room))

    near(found["absolute_lift"], difference(after))
    assert any(after(p) < 0 for p in PEOPLE)


def test_new_and_repeat_buyers_are_told_by_the_window_before(room):
    def new(person):
        return person["bought_after"] and not person["bought_before"]

    def repeat(person):
        return person["bought_after"] and person["bought_before"]

    for outcome, of in (("new_buyers", new), ("repeat_buyers", repeat)):
        found = figures(measured(room, outcome, before=BEFORE))
        near(found["buyers_test"], sum(of(p) for p in PEOPLE if p["arm"]))
        near(found["absolute_lift"], difference(of))


def test_an_average_order_is_revenue_over_visits(room):
    found = figures(measured(room, "average_order"))

    for code, arm in enumerate(("control", "test")):
        here = [p for p in PEOPLE if p["arm"] == code]
        visits = sum(p["bought_after"] + p["refund"] for p in here)
        near(found[f"average_order_{arm}"], sum(map(after, here)) / visits)
        near(found[f"visits_{arm}"], visits)


def test_arms_as_assigned_give_the_effect_on_compliers(room):
    measurement = measured(room, design=Design.RANDOMIZED_ENCOURAGEMENT)
    found = figures(measurement)

    itt, compliance = difference(after), difference(exposed)
    assert measurement["design"] == "randomized_encouragement"
    assert measurement["question"]["exposed_by"] == "impressions"
    near(found["itt"], itt)
    near(found["compliance"], compliance)
    near(found["cace"], itt / compliance)
    near(found["exposed_test"], sum(map(exposed, PEOPLE)))


def test_an_observational_answer_is_labelled_and_has_no_causal_word(room):
    measurement = measured(room, design=Design.OBSERVATIONAL)
    found = figures(measurement)

    assert measurement["design"] == "observational"
    near(found["absolute_difference"], difference(after, exposed))
    text = json.dumps(measurement["cells"])
    assert not [w for w in ("lift", "incremental", "effect", "test", "control") if w in text]


@pytest.mark.parametrize("design", [Design.RANDOMIZED, Design.OBSERVATIONAL])
def test_strata_are_weighted_by_their_people(room, design):
    measurement = measured(
        room, design=design, adjustment=Adjustment.POST_STRATIFIED, strata=("segment",)
    )
    found = figures(measurement)

    group = exposed if design is Design.OBSERVATIONAL else (lambda p: p["arm"])
    expected = 0.0
    for segment in (0, 1):
        here = [p for p in PEOPLE if p["segment"] == segment]
        lift = mean(after(p) for p in here if group(p)) - mean(
            after(p) for p in here if not group(p)
        )
        expected += lift * len(here) / len(PEOPLE)
    near(next(f for n, f in found.items() if n.startswith("absolute")), expected)
    assert found["strata_used"]["value"] == 2
    names = [name for name, _ in measurement["cells"][0]["statistics"]]
    assert all(n.endswith(("/cooks", "/other")) for n in names)


@pytest.mark.parametrize("design", [Design.RANDOMIZED, Design.OBSERVATIONAL])
def test_a_change_score_compares_changes(room, design):
    found = figures(
        measured(room, design=design, adjustment=Adjustment.CHANGE_SCORE, before=BEFORE)
    )

    def change(person):
        raw = (person["before"] + 60 * person["arm"]) * person["bought_after"]
        return raw - 900 * person["refund"] - earlier(person)

    group = exposed if design is Design.OBSERVATIONAL else (lambda p: p["arm"])
    near(next(f for n, f in found.items() if n.startswith("absolute")), difference(change, group))


@pytest.mark.parametrize("adjustment", [Adjustment.CUPED, Adjustment.CUPED_TWO_STAGE])
def test_cuped_adjusts_by_what_was_spent_before(room, adjustment):
    measurement = measured(room, adjustment=adjustment, before=BEFORE)
    found = figures(measurement)
    theta = found["theta"]["value"]

    assert measurement["adjustment"] == adjustment
    # Whatever theta noise makes of so few people, the lift is adjusted by exactly that.
    assert abs(theta) <= 16
    near(found["absolute_lift"], difference(after) - theta * difference(earlier))
    assert bool(measurement["pooled"]) == (adjustment is Adjustment.CUPED_TWO_STAGE)


def test_both_stages_are_released_under_one_debit(room):
    before = room.spent()
    measurement = measured(
        room, adjustment=Adjustment.CUPED_TWO_STAGE, before=BEFORE, by=("segment",)
    )
    paid = {ledger: cost - before[ledger] for ledger, cost in room.spent().items()}

    assert paid == dict(measurement["debits"])
    pooled = dict(measurement["pooled"])
    scales = {p["name"]: p for p in measurement["parameters"]}
    assert abs(pooled["n:pooled"] - 600) < 6 * scales["n:pooled"]["scale"]
    assert set(pooled) < set(scales)
    assert scales["s:test"]["contribution_bound"] <= 3_000
    for cell in (0, 1):
        assert figures(measurement, cell)["relative_lift"]["undefined"]


COMBINED = [
    {"by": ("segment",), "design": Design.RANDOMIZED_ENCOURAGEMENT},
    {"by": ("segment",), "adjustment": Adjustment.CUPED, "before": BEFORE},
    {"outcome": "buyers", "adjustment": Adjustment.CUPED, "before": BEFORE},
    {"outcome": "buyers", "adjustment": Adjustment.CUPED_TWO_STAGE, "before": BEFORE},
    {"outcome": "buyers", "adjustment": Adjustment.CHANGE_SCORE, "before": BEFORE},
    {"outcome": "average_order", "design": Design.OBSERVATIONAL, "by": ("segment",)},
    {"outcome": "visits", "filters": (("category", ("hair-care",)),)},
]


@pytest.mark.parametrize("parts", COMBINED, ids=str)
def test_whatever_goes_together_is_answered(room, parts):
    measurement = measured(room, **parts)

    for cell in measurement["cells"]:
        assert not cell["suppressed"]
        assert all(f["value"] is not None or f["undefined"] for f in cell["figures"])
    assert len(measurement["cells"]) == (2 if "by" in parts else 1)


def test_a_question_asked_again_is_answered_from_store(room):
    parts = {"adjustment": Adjustment.CUPED_TWO_STAGE, "before": BEFORE}
    first, spent = measured(room, **parts), room.spent()

    assert measured(room, **parts) == first
    assert room.spent() == spent


def test_a_lift_needs_the_grant_whatever_its_design(room):
    for design, adjustment in product(Design, (Adjustment.NONE,)):
        question = SalesLift(
            exposures="exposures",
            sales="sales",
            outcome="profit",
            design=design,
            adjustment=adjustment,
        )
        with pytest.raises(QuestionRefused, match="does not declare profit"):
            room.ask("acme-brand", question)

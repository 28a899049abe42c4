"""Lifts of every design and adjustment over TLS: SDK, command line, plan and ask alike."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cleanroom_client import SalesLift
from cleanroom_client.cli.app import run
from cleanroom_client.errors import RoomError
from support.lift_policy import POLICY
from support.running import running_room

CONSENT = {"purposes": "measurement", "consent_at": "2020-01-01", "consent_until": "2199-01-01"}
CATEGORIES = ("hair-colour", "hair-care", "other")
AFTER, BEFORE = ("2026-02-01", "2026-03-01"), ("2026-01-04", "2026-02-01")
PEOPLE = range(800)
LIFT = {"exposures": "exposures", "sales": "sales", "outcome": "amount", "window": AFTER}


def exposures() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "email": [f"p{i}@example.com" for i in PEOPLE],
            "arm": ["test" if i % 2 else "control" for i in PEOPLE],
            "segment": ["cooks" if i % 3 else "other" for i in PEOPLE],
            "impressions": [3 if i % 2 and i % 10 > 1 else 0 for i in PEOPLE],
            **CONSENT,
        }
    )


def sales() -> pd.DataFrame:
    rows = [
        {
            "email": f"p{i}@example.com",
            "occurred_at": f"2026-{month:02}-15",
            "amount": f"{(900 + i + 500 * (i % 2) * (month == 2)) / 100:.2f}",
            "category": CATEGORIES[(i + month) % 3],
        }
        for i in PEOPLE
        for month in (1, 2)
        if (i + month) % 7
    ]
    return pd.DataFrame(rows).assign(**CONSENT)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_room(tmp_path_factory, POLICY) as found:
        found.fill(exposures=("acme-brand", exposures()), sales=("megamart", sales()))
        yield found


@pytest.fixture(scope="module")
def room(site):
    with site.room("acme-brand") as found:
        yield found


ASKED = {
    "as assigned": {"design": "randomized_encouragement"},
    "observational": {"design": "observational", "exposed_by": "impressions"},
    "new buyers": {"outcome": "new_buyers", "before": BEFORE},
    "repeat buyers": {"outcome": "repeat_buyers", "before": BEFORE},
    "average order": {"outcome": "average_order"},
    "cuped": {"adjustment": "cuped", "before": BEFORE},
    "two stages": {"adjustment": "cuped_two_stage", "before": BEFORE},
    "change": {"adjustment": "change_score", "before": BEFORE},
    "observed change": {
        "design": "observational",
        "adjustment": "change_score",
        "before": BEFORE,
        "outcome": "visits",
    },
    "strata": {"adjustment": "post_stratified", "strata": ("segment",)},
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_planned_is_what_is_debited_and_drawn(room, name):
    question = SalesLift(**(LIFT | ASKED[name]))
    planned, answer = room.plan(question), room.ask(question)

    debits = {d.ledger: d.nano_rho for d in planned.debits}
    assert {ledger: cost for ledger, cost in answer.debits if cost} == {
        ledger: cost for ledger, cost in debits.items() if cost
    }
    assert answer.suppression_line == planned.suppression_line
    drawn = {p["name"]: p["scale"] for p in answer.parameters}
    assert list(drawn) == [s.name for s in planned.statistics]
    for statistic in planned.statistics:
        # Of a second stage a plan tells the most noise there can be.
        second = name == "two stages" and not statistic.name.endswith(":pooled")
        assert drawn[statistic.name] <= statistic.noise_sd * (1 + 1e-9)
        assert second or drawn[statistic.name] == statistic.noise_sd
    (cell,) = answer.cells
    assert not cell.suppressed
    assert all(f.value is not None or f.undefined for f in cell.figures)


def test_the_planted_lift_is_found_by_every_design(room):
    found = room.sales_lift(**LIFT).only("absolute_lift")
    assert found.low < 500 * 6 / 7 < found.high
    cace = room.sales_lift(**LIFT, design="randomized_encouragement").only("cace")
    assert cace.low < 500 * 6 / 7 / 0.8 < cace.high


def test_focus_and_halo_add_up_to_the_total(room):
    focus, halo, total = (
        room.sales_lift(**LIFT, product=product).only("absolute_lift")
        for product in ("focus:category=hair-colour", "halo:category=hair-colour", "total")
    )
    noise = sum(f.noise_sd**2 for f in (focus, halo, total)) ** 0.5
    # A person's refund-free sums stay below the clip, so that parts add up to the whole.
    assert abs(focus.value + halo.value - total.value) < 6 * noise


@pytest.fixture
def command(site, capsys):
    """Run a command of the advertiser; return what it printed."""

    def run_it(*words) -> str:
        code = run(["--profile", str(site.sandbox.profile("acme-brand")), *words])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return run_it


def test_the_command_line_plans_and_asks_the_same(command):
    words = (
        *("sales-lift", "--exposures", "exposures", "--sales", "sales", "--outcome", "amount"),
        *("--from", AFTER[0], "--until", AFTER[1]),
        *("--adjustment", "cuped_two_stage", "--before-from", BEFORE[0]),
        *("--before-until", BEFORE[1], "--product", "focus:category=hair-colour"),
    )
    planned = json.loads(command("plan", *words, "--json"))
    answer = json.loads(command("ask", *words, "--json"))

    assert dict(answer["debits"]) == {d["ledger"]: d["nano_rho"] for d in planned["debits"]}
    assert answer["adjustment"] == "cuped_two_stage"
    assert answer["question"]["filters"] == [["category", ["hair-colour"]]]


def test_an_observational_answer_says_so_to_whoever_reads_it(command):
    text = command(
        *("ask", "sales-lift", "--exposures", "exposures", "--sales", "sales"),
        *("--outcome", "buyers", "--design", "observational"),
    )
    assert "observational" in text
    assert "Nobody was assigned" in text
    assert "absolute difference" in text
    assert not [w for w in ("lift ", "incremental") if w in text.split("\n", 2)[2]]


def test_what_does_not_go_together_is_refused_before_anything_is_paid(room):
    before = room.list()
    with pytest.raises(RoomError, match="adjustment"):
        room.sales_lift(**LIFT, design="observational", adjustment="cuped", before=BEFORE)
    with pytest.raises(RoomError, match="clicks"):
        room.sales_lift(**LIFT, design="observational", exposed_by="clicks")
    assert room.list() == before

"""Overlaps, purchases after contacts and comparisons of providers, by three parties on a server."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cleanroom_client import MatchRate, Overlap, QuestionInvalid, RoomError, Ropo, SalesLift
from cleanroom_client.cli.app import run
from support.running import running_room

PEOPLE = 400
DAY = pd.Timedelta(days=1)
SEEN = pd.Timestamp("2026-03-01")
CONSENT = {"purposes": "measurement", "consent_at": "2020-01-01", "consent_until": "2199-01-01"}
POLICY = """\
version: cleanroom/v1
collaboration: spring-campaign
valid: {from: 2020-01-01, until: 2199-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [match_rate, segment_size, sales_lift]}
  megamart: {role: retailer, may_ask: [match_rate]}
  fiscal-data: {role: data_provider, may_ask: []}
matching: {scheme: psi, normalisation: uid2-2026, keys: [email, phone]}
datasets:
  exposures:
    owner: acme-brand
    dimensions: {segment: [cooks, other]}
    arm: {column: arm, test: test, control: control}
    time: {column: occurred_at}
    counts: {impressions: {max_per_person: 50}}
    privacy:
      {pool: reach, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
  sales:
    owner: megamart
    dimensions: {tier: [gold, basic]}
    time: {column: occurred_at}
    measures:
      amount: {unit: minor, max_per_person: 10000}
      visits: {unit: rows, max_per_person: 10}
    minimum_aggregation: {people: 10, miss_probability: 1e-2}
    privacy:
      {pool: loyalty, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
    consent: {match_rate: [measurement], segment_size: [measurement], sales_lift: [measurement]}
  panel:
    owner: fiscal-data
    dimensions: {income: [low, high]}
    privacy:
      {pool: panel, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
  telco:
    owner: fiscal-data
    privacy:
      {pool: sims, definition: zcdp, epsilon: 100, delta: 1e-7, per_question: 20, renew: never}
retention: {datasets_days: 90, measurements_days: 730}
"""
NUMBERS = pd.Series(range(PEOPLE))


def exposures() -> pd.DataFrame:
    """Everybody was reached; every fifth row counts no impression, and so is no contact."""
    return pd.DataFrame(
        {
            "email": [f"p{i}@example.com" for i in NUMBERS],
            "segment": ["cooks" if i % 4 == 0 else "other" for i in NUMBERS],
            "arm": ["test" if i % 2 else "control" for i in NUMBERS],
            "occurred_at": SEEN,
            "impressions": [0 if i % 5 == 0 else 3 for i in NUMBERS],
            **CONSENT,
        }
    )


def sales() -> pd.DataFrame:
    """Half of the people and 100 others, each two visits: i % 10 and 20 days after the contact."""
    rows = [
        {
            "email": f"p{i}@example.com",
            "occurred_at": SEEN + days * DAY,
            "tier": tier,
            "amount": "10.00",
        }
        for i in [*NUMBERS[NUMBERS % 2 == 0], *range(1000, 1100)]
        for days in (i % 10, 20)
        for tier in ["gold" if i % 3 == 0 else "basic"]
    ]
    return pd.DataFrame(rows).assign(**CONSENT)


def provider(every: int, **columns) -> pd.DataFrame:
    known = NUMBERS[NUMBERS % every == 0]
    frame = pd.DataFrame({"email": [f"P{i}@Example.com " for i in known], **CONSENT})
    return frame.assign(**columns)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_room(tmp_path_factory, POLICY) as running:
        running.fill(
            exposures=("acme-brand", exposures()),
            sales=("megamart", sales()),
            panel=("fiscal-data", provider(4, income="low")),
            telco=("fiscal-data", provider(5)),
        )
        yield running


@pytest.fixture(scope="module")
def room(site):
    with site.room("acme-brand") as found:
        yield found


def near(figure, exact):
    return abs(figure.value - exact) <= 5 * figure.noise_sd and figure.low <= figure.high


# 7 days: i % 10 <= 7 of even numbers, so 4 of 5 buyers; contacts are 4 of 5 of all people.
FOLLOWED = [i for i in NUMBERS if i % 2 == 0 and i % 5 and i % 10 <= 7]
CONTACTED = [i for i in NUMBERS if i % 5]
WINDOW = ("2026-03-01", "2026-03-15")
QUESTIONS = {
    "overlap": Overlap(hub="exposures", others=("sales", "panel")),
    "overlap of four by segment": Overlap(
        hub="exposures", others=("panel", "sales", "telco"), by=("segment",)
    ),
    "conversion": Ropo(definition="conversion", exposures="exposures", sales="sales", days=7),
    "conversion by segment": Ropo(
        definition="conversion", exposures="exposures", sales="sales", days=7, by=("segment",)
    ),
    "share of visits": Ropo(
        definition="share_of_sales", exposures="exposures", sales="sales", days=7, measure="visits"
    ),
    "share of revenue by tier": Ropo(
        definition="share_of_sales",
        exposures="exposures",
        sales="sales",
        days=7,
        measure="amount",
        by=("tier",),
        window=WINDOW,
    ),
    "match rate by segment": MatchRate(datasets=("exposures", "panel"), by=("segment",)),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_what_is_asked_costs_what_was_planned(room, question):
    planned = room.plan(question, rho="0.5")
    before = spent(room)
    measurement = room.ask(question, rho="0.5")

    assert {d.ledger: d.nano_rho for d in planned.debits} == dict(measurement.debits)
    assert [(s.name, s.noise_sd) for s in planned.statistics] == [
        (p["name"], p["scale"]) for p in measurement.parameters
    ]
    assert planned.suppression_line == measurement.suppression_line
    mine = "ledgers/acme-brand/reach"
    assert spent(room)[mine] - before[mine] == dict(measurement.debits)[mine]


def spent(room):
    return {b.ledger: b.spent_nano_rho for b in room.budget()}


def test_an_overlap_tells_who_is_known_to_whom(room):
    answer = room.overlap("exposures", ("sales", "panel"))
    exact = {
        "people": 400,
        "in_none": 200,
        "only_in_sales": 100,
        "in_all": 100,
        "in_any": 200,
        "matched_panel": 100,
        "matched_sales": 200,
        "match_rate_sales": 0.5,
    }
    (cell,) = answer.cells
    assert cell.figure("only_in_panel").value is None  # truly nobody, so that it is withheld
    assert cell.figure("in_all").value is not None
    told = {n: cell.figure(n) for n in exact}
    assert all(f.value is None or near(f, exact[n]) for n, f in told.items())
    # A sum that holds the withheld pattern would tell it.
    assert {n for n, f in told.items() if f.value is None} == {
        "people",
        "in_any",
        "matched_panel",
        "match_rate_sales",
    }


def test_a_conversion_is_of_the_people_with_a_contact(room):
    answer = room.ropo_conversion(exposures="exposures", sales="sales", days=7)
    assert answer.design is None
    assert near(answer.only("contacted"), len(CONTACTED))
    assert near(answer.only("converted"), len(FOLLOWED))
    rate = answer.only("ropo_conversion")
    assert rate.low <= len(FOLLOWED) / len(CONTACTED) <= rate.high
    assert rate.sampling_se > 0


def test_a_share_of_sales_is_of_all_purchases(room):
    answer = room.ropo_share_of_sales(
        exposures="exposures", sales="sales", days=7, measure="visits"
    )
    assert near(answer.only("buyers"), 300)
    assert near(answer.only("purchases"), 600)
    assert near(answer.only("purchases_preceded"), len(FOLLOWED))
    assert near(answer.only("ropo_share_of_sales"), len(FOLLOWED) / 600)


def test_money_and_a_window_of_purchases(room):
    answer = room.ropo_share_of_sales(
        exposures="exposures", sales="sales", days=7, measure="amount", window=WINDOW
    )
    assert answer.only("purchases").unit == "minor"
    # One purchase of 10.00 each in the window; each buyer bought the other one later.
    assert near(answer.only("purchases"), 300 * 1000)
    assert near(answer.only("ropo_share_of_sales"), len(FOLLOWED) / 300)


def test_a_match_rate_of_each_segment(room):
    answer = room.match_rate(("exposures", "panel"), by=("segment",))
    rates = {cell.cell[0]: cell for cell in answer.cells}
    assert near(rates["cooks"].figure("match_rate_exposures"), 1.0)
    assert near(rates["cooks"].figure("people_exposures"), 100)
    assert rates["other"].suppressed  # nobody of it is in the panel


RATE = MatchRate(datasets=("exposures", "panel"))


def test_providers_are_compared_and_their_debits_added_up(room):
    planned = room.plan_comparison(RATE, ("panel", "sales"), rho="2")
    before = spent(room)
    found = room.compare_providers(RATE, ("panel", "sales"), rho="2", request_id="compare-1")

    rates = found.figure("match_rate_exposures")
    assert near(rates["panel"], 100 / 400)
    assert near(rates["sales"], 200 / 400)
    assert near(found.figure("match_rate_provider")["sales"], 200 / 300)
    mine = "ledgers/acme-brand/reach"
    assert found.debits == planned.debits
    assert found.debits[mine] == spent(room)[mine] - before[mine]
    assert set(found.debits) == {
        mine,
        "ledgers/megamart/loyalty",
        "ledgers/fiscal-data/panel",
    }
    assert list(found.to_pandas()["provider"].unique()) == ["panel", "sales"]


def test_a_comparison_again_is_paid_for_once_and_asks_what_is_missing(room):
    first = room.compare_providers(RATE, ("panel",), rho="3", request_id="compare-2")
    before = spent(room)
    again = room.compare_providers(RATE, ("panel", "sales"), rho="3", request_id="compare-2")

    assert again.answered["panel"].text == first.answered["panel"].text
    mine = "ledgers/acme-brand/reach"
    assert spent(room)[mine] - before[mine] == dict(again.answered["sales"].debits)[mine]


def test_what_one_provider_refuses_stands_beside_the_other_answers(room):
    found = room.compare_providers(RATE, ("panel", "telco", "loans"), rho="10")

    assert set(found.answered) == {"panel"}
    assert {p: e.reason for p, e in found.refused.items()} == {
        "telco": "QUESTION_REFUSED",
        "loans": "QUESTION_REFUSED",
    }
    assert "sims" in found.refused["telco"].sentence
    assert "loans" in found.refused["loans"].sentence


def test_lifts_are_compared_by_provider(room):
    lift = SalesLift(exposures="exposures", sales="sales", outcome="buyers")
    found = room.compare_providers(lift, ("sales", "panel"))
    assert found.figure("absolute_lift")["sales"].value < 0  # all buyers were in control
    assert "panel" in found.refused["panel"].sentence


def test_a_comparison_names_one_of_the_providers(room):
    for providers in ((), ("sales", "telco"), ("exposures", "panel")):
        with pytest.raises(QuestionInvalid, match="exactly one"):
            room.compare_providers(RATE, providers)


def test_the_asker_has_to_be_granted_the_family(site):
    with site.room("megamart") as room:
        for question in QUESTIONS.values():
            if isinstance(question, MatchRate):
                continue
            with pytest.raises(RoomError, match="may_ask") as caught:
                room.ask(question)
            assert caught.value.reason == "QUESTION_REFUSED"


# The command line


def client(site, capsys, *words, code=0):
    profile = str(site.sandbox.profile("acme-brand"))
    assert run(["--profile", profile, "--quiet", *words]) == code
    return capsys.readouterr().out


OVERLAP = ("overlap", "--datasets", "exposures,sales,panel")
SHARE = (
    *("ropo", "--definition", "share-of-sales", "--measure", "amount", "--days", "7"),
    *("--exposures", "exposures", "--sales", "sales"),
)
COMPARE = ("compare-providers", "--dataset", "exposures", "--providers", "panel,sales,loans")


def test_questions_are_planned_and_asked_on_the_command_line(site, capsys):
    for words, title in ((OVERLAP, "overlap"), (SHARE, "ropo")):
        assert "Would debit" in client(site, capsys, "plan", *words)
        table = client(site, capsys, "ask", *words)
        assert table.startswith(title)
        plan = json.loads(client(site, capsys, "plan", *words, "--json"))
        answer = json.loads(client(site, capsys, "ask", *words, "--json"))
        assert [[d["ledger"], d["nano_rho"]] for d in plan["debits"]] == answer["debits"]
        assert answer["question"]["kind"] == title


ASSUMED = {
    OVERLAP: ("people=400,matched=200", "in_all", "in all"),
    SHARE: ("people=300,mean=2000,rate=0.3", "ropo_share_of_sales", "ropo share of sales"),
}


@pytest.mark.parametrize("words", ASSUMED, ids=lambda w: w[0])
def test_a_plan_tells_what_an_assumption_brings_and_finds_the_loss_for_a_wish(site, capsys, words):
    assumed, figure, title = ASSUMED[words]
    shown = client(site, capsys, "plan", *words, "--assume", assumed)
    assert f" {title} " in shown
    plan = json.loads(client(site, capsys, "plan", *words, "--assume", assumed, "--json"))
    (half,) = [f["half_width"] for f in plan["expected"] if f["name"] == figure]
    wish = ("--assume", assumed, "--wish", f"{figure}={2 * half}")
    cheaper = json.loads(client(site, capsys, "plan", *words, *wish, "--json"))
    assert float(cheaper["rho"]) < float(plan["rho"])
    answer = json.loads(client(site, capsys, "ask", *words, "--rho", cheaper["rho"], "--json"))
    assert [[d["ledger"], d["nano_rho"]] for d in cheaper["debits"]] == answer["debits"]


def test_answers_are_told_in_words(site, capsys):
    told = client(site, capsys, "ask", *OVERLAP, "--words")
    assert told.startswith("People of exposures by which of ")
    assert "followed a contact" in client(site, capsys, "ask", *SHARE, "--words")


def test_a_comparison_is_one_table(site, capsys):
    planned = client(site, capsys, "plan", *COMPARE, "--rho", "1")
    assert "in all" in planned
    assert "Refused for loans" in planned
    table = client(site, capsys, "ask", *COMPARE, "--rho", "1")
    assert "match rate provider" in table
    assert table.count("  panel") == table.count("  sales") >= 4
    assert "Refused for loans: " in table
    assert "Debited rho" in table
    told = json.loads(client(site, capsys, "ask", *COMPARE, "--rho", "1", "--json"))
    assert set(told["answered"]) == {"panel", "sales"}
    rows = client(site, capsys, "ask", *COMPARE, "--rho", "1", "--csv").splitlines()
    assert rows[0].startswith("provider,suppressed,name")


def test_a_planned_comparison_tells_what_an_assumption_brings_of_each(site, capsys):
    assumed = ("--rho", "1", "--assume", "people=400,matched=100")
    shown = client(site, capsys, "plan", *COMPARE, *assumed)
    assert shown.count("if a cell has 400 people of each dataset, 100 matched") == 2
    assert "match rate panel" in shown
    told = json.loads(client(site, capsys, "plan", *COMPARE, *assumed, "--json"))
    assert set(told["planned"]) == {"panel", "sales"}
    for provider, plan in told["planned"].items():
        expected = {f["name"]: f["value"] for f in plan["expected"]}
        assert expected["match_rate_exposures"] == expected[f"match_rate_{provider}"] == 0.25


def test_a_comparison_of_which_all_is_refused_fails(site, capsys):
    words = ("compare-providers", "--dataset", "exposures", "--providers", "loans")
    out = client(site, capsys, "ask", *words, code=1)
    assert "Refused for loans" in out

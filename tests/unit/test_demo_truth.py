"""The planted truth, on files small enough to count by hand and on generated ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cleanroom.demo import truth
from cleanroom.demo.campaign import Campaign, expected_effect
from cleanroom.demo.generate import Files, generate
from cleanroom.demo.questions import questions, refused

CAMPAIGN = Campaign(today=date(2026, 6, 1))
CONSENT = {"purposes": "measurement", "consent_at": "2026-01-01", "consent_until": "2027-01-01"}
IN_WINDOW, EARLIER = "2026-05-01T10:00:00Z", "2026-04-01T10:00:00Z"


def contact(person, arm, *, email="", phone="", city="ufa", **more):
    keys = {"true_person": person, "true_email": email, "true_phone": phone}
    return {**CONSENT, **keys, "arm": arm, "city": city, "segment": "cooks", **more}


def sale(person, minor, *, email="", phone="", when=IN_WINDOW, category="hair-care", **more):
    keys = {"true_person": person, "true_email": email, "true_phone": phone}
    row = {"loyalty_id": f"L{person}", "occurred_at": when, "category": category}
    return {**CONSENT, **keys, **row, "true_minor": minor, **more}


@pytest.fixture
def files():
    """Six contacts: two matched in each arm, one in both arms, one whose consent ended."""
    exposures = [
        contact(1, "test", email="a"),
        contact(2, "test", phone="2"),
        contact(3, "control", email="c", phone="3", city="perm"),
        contact(4, "control", email="d"),
        contact(5, "test", email="e"),
        contact(5, "control", email="e"),
        contact(6, "test", email="f", consent_until="2026-06-01"),
        contact(7, "test"),  # without a key
    ]
    sales = [
        sale(1, 1000, email="a"),
        sale(1, 500, email="a"),
        sale(1, 9999, when=EARLIER, email="a"),
        sale(2, 300, phone="2", category="toys"),
        sale(3, 2_000_000, phone="3", email="z"),
        sale(4, 700, email="d", purposes=""),
        sale(4, 0, email="d"),
        sale(5, 100, email="e"),
        sale(6, 100, email="f"),
    ]
    panel = [{**contact(1, "", email="a"), "income": "low"}]
    frames = (pd.DataFrame(rows) for rows in (exposures, sales, panel))
    return Files(
        campaign=CAMPAIGN, **dict(zip(("exposures", "sales", "panel"), frames, strict=True))
    )


def test_matches_are_counted_by_the_first_key_that_fits(files):
    assert truth.matches(files, "exposures", "sales") == {
        "people_exposures": 5,
        "people_sales": 6,
        "matched": 5,
        "matched_email": 3,
        "matched_phone": 2,
        "matched_loyalty_id": 0,
    }


def test_a_lift_counts_the_window_the_categories_the_bound_and_consented_rows(files):
    (amount,) = truth.lifts(files, outcome="amount").values()
    assert (amount.people, amount.total) == ((2, 2), (1_500_000, 1_500))
    assert amount.realised == 750 - 750_000
    (buyers,) = truth.lifts(files, outcome="buyers").values()
    assert (buyers.people, buyers.total) == ((2, 2), (1, 1))


def test_an_undeclared_city_is_other(files):
    found = truth.lifts(files, outcome="buyers", by=("city",))
    assert list(found) == [("ufa",), ("kazan",), ("samara",), ("other",)]
    assert found["other",].people == (1, 0)
    assert found["kazan",].people == (0, 0)


def test_unmatched_people_count_as_not_buying_in_the_whole_population(files):
    fewer = replace(files, sales=files.sales[files.sales["true_person"] != 1])
    (whole,) = truth.lifts(fewer, outcome="buyers", only_matched=False).values()
    (matched,) = truth.lifts(fewer, outcome="buyers").values()
    assert (whole.people, matched.people) == ((2, 2), (2, 1))
    assert whole.expected == pytest.approx(matched.expected * 3 / 4)


def test_sizes_count_matched_people_by_an_attribute_of_the_left_side(files):
    assert truth.sizes(files, "panel", "sales", "income") == {
        ("low",): 1,
        ("middle",): 0,
        ("high",): 0,
        ("other",): 0,
    }


@pytest.fixture(scope="module")
def dozen():
    return [generate(people=3_000, seed=seed, campaign=CAMPAIGN) for seed in range(12)]


@pytest.mark.parametrize("outcome", ["buyers", "amount"])
def test_what_happened_is_what_was_planted_on_average(dozen, outcome):
    """The mean over many files is unbiased: a wrong planted truth would show here."""
    lifts = [lift for made in dozen for lift in truth.lifts(made, outcome=outcome).values()]
    misses = [(lift.realised - lift.expected) / lift.expected for lift in lifts]
    error = np.std(misses, ddof=1) / len(misses) ** 0.5
    assert abs(np.mean(misses)) < 4 * error
    assert error < 0.25


def test_the_planted_lift_by_city_is_what_the_campaign_says():
    made = generate(people=1_000, seed=1, campaign=CAMPAIGN)
    by_city = truth.lifts(made, outcome="buyers", by=("city",))
    points = [round(100 * lift.expected, 6) for lift in by_city.values()]
    assert points == [6.0, 3.0, 0.0, 1.0]


def test_a_larger_basket_adds_to_the_expected_amount():
    city, segment = np.array([0, 2]), np.array([0, 0])
    ufa, samara = expected_effect("amount", city, segment)
    assert samara == 0
    assert ufa == pytest.approx(2.5 * 1.003 * 230_000 * (0.16 * 1.06 - 0.10))


def test_every_question_has_truths_and_the_refused_one_none():
    made = generate(people=1_000, seed=1, campaign=CAMPAIGN)
    asked = questions(made)
    assert {q.asker for q in asked} == {"acme-brand", "megamart", "fiscal-data"}
    assert all(q.figures for q in asked)
    assert refused(CAMPAIGN).asker == "megamart"
    assert refused(CAMPAIGN).arguments[0] == "sales-lift"

"""A measurement in plain words: what it says, how sure, what it cost, what it does not say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cleanroom_client import CostUnusable, Measurement
from cleanroom_client.cli.output import wrapped
from cleanroom_client.words import costs_in_words
from support import allowances
from support.allowances import BY_CITY
from support.measured import measured

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CITIES = {
    "n:control": (20_000, 21_000, 90),
    "n:test": (20_500, 21_500, 80),
    "s:control": (2_060, 2_300, 7),
    "s:test": (2_520, 2_350, 9),
}
OBSERVED = {
    "absolute_lift": "absolute_difference",
    "relative_lift": "relative_difference",
    "incremental_total": "total_difference",
    "_test": "_exposed",
    "_control": "_unexposed",
}
# What credits a difference to the campaign.
CAUSAL = re.compile(
    r"\b(because of|caus\w+|effect|lifted|raised|led to|work of|thanks|incremental|drove)\b"
)


def buyers(**changed):
    return measured(allowances.sales_lift("buyers", by_city=True), CITIES, **changed)


def of_one_cell(allowance, **changed):
    numbers = {"n:control": 20_000, "n:test": 20_500, "s:control": 2_060, "s:test": 2_520}
    return measured(allowance, {n: (v,) for n, v in numbers.items()}, **changed)


def test_a_lift_by_city_is_told_in_full():
    assert buyers().in_words().splitlines() == [
        (
            "Sales lift on buyers, by exposures.city: people came to the test or the control arm "
            "by chance, so what differs between the arms is the work of the campaign."
        ),
        (
            "ufa: 12.29% of the test arm bought, 10.30% of control: 1.99 percentage points more "
            "(95% interval 1.33 to 2.66 percentage points more). That is 408 more over all of "
            "the test arm (272 to 545 more), and 19.3% more than control (12.5% to 26.7% more)."
        ),
        (
            "kazan: 10.93% of the test arm bought, 10.95% of control; chance and noise alone can "
            "make such a difference (95% interval from 0.66 less to 0.62 percentage points more). "
            "It does not show that there is no difference."
        ),
        "other: withheld, for too few people (the public line is 157, noise included).",
        (
            "How sure: a 95% interval carries chance between people and the noise that protects "
            "them, and misses the truth about once in 20 times; of several cells, expect that many "
            "to miss."
        ),
        (
            "What it cost in privacy budget: rho 0.004 of acme-brand's spring and rho 0.003 of "
            "megamart's loyalty. Reading it again costs nothing."
        ),
        (
            "What it does not say: anything of one person, why they bought, or what comes after "
            "the days that were counted."
        ),
    ]


def test_fewer_is_told_as_fewer():
    numbers = {"n:control": 20_000, "n:test": 20_000, "s:control": 2_600, "s:test": 2_000}
    found = measured(allowances.sales_lift("buyers"), {n: (v,) for n, v in numbers.items()})
    told = found.in_words().splitlines()[1]

    assert told.startswith("10.00% of the test arm bought, 13.00% of control: 3.00 percentage")
    assert "3.00 percentage points less (95% interval 2.33 to 3.67 percentage points less)" in told
    assert "600 less over all of the test arm" in told


def test_money_is_told_in_major_units_per_person():
    people, unit = 50_000, 46

    def squares(mean):
        return people * (mean**2 + 150_000**2) // unit**2

    found = measured(
        allowances.sales_lift(),
        {
            "n:control": (people,),
            "n:test": (people,),
            "s:control": (people * 80_000,),
            "s:test": (people * 86_000,),
            "q:control": (squares(80_000),),
            "q:test": (squares(86_000),),
        },
    )
    told = found.in_words().splitlines()

    assert told[1].startswith(
        "Amount per person was 860.00 in the test arm, 800.00 in control: 60.00 more"
    )
    (costs,) = found.costs(cost_minor=100_000_00, margin=0.3)
    assert costs_in_words(costs) == (
        "For a cost of 100,000.00: iROAS 30 (18 to 42); ROMI 800% (434% to 1,166%)."
    )


def test_a_relative_lift_that_is_undefined_is_told_with_its_reason():
    numbers = {"n:control": 20_000, "n:test": 20_000, "s:control": 60, "s:test": 300}
    found = measured(allowances.sales_lift("buyers"), {n: (v,) for n, v in numbers.items()})

    assert (
        "not given relative to control, because the control mean is too uncertain for a ratio"
        in found.in_words()
    )


def observed(measurement):
    """The same numbers as an observational lift has them, under its own names."""
    text = measurement.text
    for old, new in OBSERVED.items():
        text = text.replace(old, new)
    return Measurement._read(b"", text)


def test_an_observational_answer_credits_nothing_to_the_campaign():
    found = observed(of_one_cell(allowances.sales_lift("buyers"), design="observational"))
    told = found.in_words()

    assert "not assigned by chance" in told
    assert "12.29% of those exposed bought, 10.30% of those not exposed: 1.99" in told
    assert "19.3% more than those not exposed" in told
    assert "what would have been without the campaign" in told
    assert not CAUSAL.search(told), CAUSAL.search(told)
    assert CAUSAL.search(buyers().in_words())


def test_a_match_rate_is_told_over_each_side_and_by_key():
    numbers = {
        "people:exposures": 10_000,
        "people:store-sales": 20_000,
        "matched": 4_000,
        "matched:email": 3_000,
        "matched:phone": 900,
        "matched:loyalty_id": 20,
    }
    found = measured(allowances.match_rate(), {n: (v,) for n, v in numbers.items()})

    assert found.in_words().splitlines()[:2] == [
        "How many people of exposures and store-sales are the same?",
        (
            "About 4,000 people are in both: 40.00% of exposures (39.62% to 40.38%), and "
            "20.00% of store-sales (19.82% to 20.18%). Of these were matched 75.0% by email; "
            "22.5% by phone."
        ),
    ]


def test_a_segment_size_is_told_cell_by_cell():
    found = measured(allowances.segment_size(BY_CITY), {"matched": (10_000, 4, 312)})
    told = found.in_words().splitlines()

    assert told[:4] == [
        "People of exposures who are also in store-sales, by exposures.city.",
        "ufa: about 10,000 people (9,969 to 10,031).",
        "kazan: withheld, for too few people (the public line is 126, noise included).",
        "other: about 312 people (281 to 343).",
    ]


def test_an_overlap_is_told_by_who_knows_whom():
    numbers = {
        "unmatched": 4_200,
        "only_in:panel": 10,
        "only_in:store-sales": 2_800,
        "only_in:panel+store-sales": 1_800,
    }
    found = measured(allowances.overlap(), {n: (v,) for n, v in numbers.items()})
    told = found.in_words().splitlines()

    assert told[0] == "People of exposures by which of panel and store-sales know them."
    assert "in none 4,200 (4,142 to 4,258)" in told[1]
    assert "only in panel not given, because fewer people than the suppression line" in told[1]
    assert told[2].startswith("How sure: a 95% interval carries the noise that protects people,")
    assert told[-1].endswith("or who is in both.")


def test_purchases_after_contacts_are_told_as_a_share_and_credited_to_nothing():
    found = measured(
        allowances.conversion(), {"contacted": (10_000,), "converted": (400,)}
    ).in_words()
    assert found.splitlines()[:2] == [
        "How many people with a contact online purchased within 7 days?",
        "About 400 of 10,000 people with a contact purchased: 4.00% (3.36% to 4.64%).",
    ]
    assert "carries chance between people and the noise" in found
    assert "what would have been purchased without the contacts" in found
    assert not CAUSAL.search(found)


def test_a_share_of_sales_is_told_with_the_reason_where_there_is_none():
    def told(purchases):
        numbers = {"buyers": (5_000,), "purchases": (purchases,), "preceded": (3_000,)}
        return measured(allowances.share_of_sales(), numbers).in_words().splitlines()

    assert told(10_000)[0] == "How much of visits followed a contact online within 7 days?"
    assert told(10_000)[1].startswith("About 3,000 of 10,000 followed a contact: 30% (")
    assert told(10_000)[2].startswith("How sure: a 95% interval carries the noise that protects")
    assert told(5)[1].endswith(
        "no share is given, because the purchases in all are too uncertain for a share of them."
    )


def test_a_contribution_bound_is_told_in_money():
    numbers = {"up_to:100": 900, "up_to:1000": 4_000, "up_to:10000": 600, "up_to:1500000": 20}
    found = measured(allowances.contribution_bound(), {n: (v,) for n, v in numbers.items()})
    told = found.in_words().splitlines()

    assert told[0] == "Where to clip amount of store-sales."
    assert told[1].startswith("Bound 100.00 (100.00 to 100.00); about 5,520 people (")
    assert "share above not given" in told[1]
    assert told[-1].endswith("or what those above it add up to.")


def test_a_cost_is_set_against_lifts_alone():
    found = measured(allowances.conversion(), {"contacted": (10_000,), "converted": (400,)})
    with pytest.raises(CostUnusable, match="this is none"):
        found.costs(cost_minor=100)


def test_the_readme_shows_a_lift_as_it_is_told():
    (block,) = re.findall(r"<!-- words -->\n```\n(.*?)```", README, re.DOTALL)

    assert block.strip() == wrapped(buyers().in_words())
    assert max(map(len, block.splitlines())) <= 80

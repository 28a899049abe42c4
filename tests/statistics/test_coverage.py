"""Coverage of 95 % intervals at small n, through the real plan, mechanism and estimates.

Outcomes are drawn from populations whose mean is known exactly, so that an interval must carry
both the noise and the chance between people.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleanroom.analysis.plan import nano_rho_for_epsilon, plan
from cleanroom.model.allowance import MinimumAggregation
from support import allowances
from support.releases import coverage, release

FEW = 3_000
MANY = 20_000  # a margin of 0.93 % is six standard deviations of the share
MINIMUM = MinimumAggregation(people=20, miss_probability=Fraction(1, 100))
SPEND = np.array([0, 500, 1_500, 4_000, 20_000])  # minor units; the last is at the bound
CHANCE = {
    "control": np.array([0.70, 0.12, 0.10, 0.06, 0.02]),
    "test": np.array([0.65, 0.13, 0.12, 0.07, 0.03]),
}
BUYING = {"control": 0.20, "test": 0.26}

repetitions = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


def margin(count) -> float:
    return 6 * (0.95 * 0.05 / count) ** 0.5


def planned(allowance, epsilon):
    return plan(allowance, nano_rho_for_epsilon(allowance, Fraction(epsilon)))


def spend_releases(count, people, epsilon, seed):
    draw = np.random.default_rng(seed)
    exact = {}
    found = planned(allowances.sales_lift(bound=20_000, stages=2, minimum=MINIMUM), epsilon)
    for arm, chance in CHANCE.items():
        heads = draw.multinomial(people, chance, size=count)
        exact |= {
            f"n:{arm}": np.full(count, people),
            f"s:{arm}": heads @ SPEND,
            f"q:{arm}": heads @ SPEND**2,
        }
    assert found.square_unit == 1
    return release(found, exact)


def buyer_releases(count, people, epsilon, seed):
    draw = np.random.default_rng(seed)
    exact = {}
    for arm, chance in BUYING.items():
        exact[f"n:{arm}"] = np.full(count, people)
        exact[f"s:{arm}"] = draw.binomial(people, chance, size=count)
    return release(
        planned(allowances.sales_lift("buyers", stages=2, minimum=MINIMUM), epsilon), exact
    )


SPEND_MEAN = {arm: float(chance @ SPEND) for arm, chance in CHANCE.items()}


def truths(mean, people):
    lift = mean["test"] - mean["control"]
    return {
        "mean_test": mean["test"],
        "mean_control": mean["control"],
        "absolute_lift": lift,
        "incremental_total": lift * people,
    }


def assert_covers(found, count):
    """Not below 95 % but for chance; a little above is the price of the variance floor."""
    assert 0.95 - margin(count) <= found <= 0.97 + margin(count)


@repetitions
@pytest.mark.parametrize(("people", "epsilon"), [(400, "0.5"), (3000, "0.1")])
@pytest.mark.parametrize(
    ("releases", "mean"), [(buyer_releases, BUYING), (spend_releases, SPEND_MEAN)]
)
def test_intervals_of_a_lift_cover_as_often_as_they_say(count, people, epsilon, releases, mean):
    released = releases(count, people, epsilon, seed=people)

    for name, truth in truths(mean, people).items():
        assert_covers(coverage([r[name] for r in released], truth), count)


@repetitions
def test_intervals_of_a_relative_lift_cover_where_they_are_given(count):
    released = buyer_releases(count, 3000, "0.5", seed=5)
    ratio = BUYING["test"] / BUYING["control"] - 1

    assert_covers(coverage([r["relative_lift"] for r in released], ratio), count)


@repetitions
def test_intervals_of_counts_rates_and_shares_cover_the_people_asked_about(count):
    people = {"exposures": 900, "store-sales": 2_000}
    matched, keys = 500, {"email": 350, "phone": 150}
    exact = {f"people:{d}": np.full(count, n) for d, n in people.items()}
    exact |= {"matched": np.full(count, matched)}
    exact |= {f"matched:{k}": np.full(count, n) for k, n in keys.items()}
    allowance = allowances.match_rate(stages=2, minimum=MINIMUM)
    released = release(planned(allowance, "0.5"), exact)

    truth = {
        "people_exposures": 900,
        "matched": 500,
        "match_rate_exposures": 500 / 900,
        "match_rate_store_sales": 500 / 2000,
        "matched_phone": 150,
        "share_email": 350 / 500,
    }
    for name, value in truth.items():
        assert_covers(coverage([r[name] for r in released], value), count)


def without_noise(figure):
    """The interval of somebody who forgot the noise."""
    half = 1.959964 * figure.sampling_se
    return replace(figure, low=figure.value - half, high=figure.value + half)


def without_sampling(figure):
    half = 1.959964 * figure.noise_sd
    return replace(figure, low=figure.value - half, high=figure.value + half)


@pytest.mark.parametrize("forgets", [without_noise, without_sampling])
def test_an_interval_that_forgets_one_source_of_error_is_caught(forgets):
    released = buyer_releases(FEW, 1500, "0.5", seed=3)
    lift = BUYING["test"] - BUYING["control"]

    assert_covers(coverage([r["absolute_lift"] for r in released], lift), FEW)
    assert coverage([forgets(r["absolute_lift"]) for r in released], lift) < 0.88


def test_a_spend_interval_without_noise_covers_about_half_of_the_time():
    released = spend_releases(FEW, 3000, "0.2", seed=4)
    lift = SPEND_MEAN["test"] - SPEND_MEAN["control"]

    assert coverage([without_noise(r["absolute_lift"]) for r in released], lift) < 0.7

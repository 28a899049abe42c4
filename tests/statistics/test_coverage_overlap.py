"""Coverage of 95 % intervals of overlaps and of purchases after contacts, at small n."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleanroom.analysis.limits import nano_rho_for_epsilon
from cleanroom.analysis.plan import plan
from cleanroom.model.allowance import MinimumAggregation
from support import allowances
from support.releases import coverage, release

FEW = 3_000
MANY = 20_000  # a margin of 0.93 % is six standard deviations of the share
MINIMUM = MinimumAggregation(people=20, miss_probability=Fraction(1, 100))
CONVERTING = 0.12

repetitions = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


def margin(count) -> float:
    return 6 * (0.95 * 0.05 / count) ** 0.5


def planned(allowance, epsilon):
    return plan(allowance, nano_rho_for_epsilon(allowance, Fraction(epsilon)))


def covered(released, name, truth) -> float:
    return coverage([r[name] for r in released], truth)


@repetitions
@pytest.mark.parametrize("stages", [1, 3])
def test_intervals_of_an_overlap_cover_the_people_asked_about(count, stages):
    people = (900, 700, 500, 300)
    allowance = allowances.overlap(stages=stages, minimum=MINIMUM)
    asked = planned(allowance, "0.5")
    exact = {n: np.full(count, p) for n, p in zip(asked.released, people, strict=True)}
    released = release(asked, exact)

    truth = {
        "people": 2400,
        "in_none": 900,
        "in_all": 300,
        "in_any": 1500,
        "matched_panel": 1000,
        "match_rate_panel": 1000 / 2400,
        "match_rate_store_sales": 800 / 2400,
    }
    for name, value in truth.items():
        assert abs(covered(released, name, value) - 0.95) <= margin(count) + 0.005, name


@repetitions
def test_intervals_of_a_share_of_sales_cover_the_purchases_asked_about(count):
    allowance = allowances.share_of_sales(stages=2, bound=20, minimum=MINIMUM)
    exact = {
        "buyers": np.full(count, 2_000),
        "purchases": np.full(count, 9_000),
        "preceded": np.full(count, 2_500),
    }
    released = release(planned(allowance, "0.5"), exact)

    for name, value in (("purchases", 9_000), ("ropo_share_of_sales", 2_500 / 9_000)):
        assert abs(covered(released, name, value) - 0.95) <= margin(count) + 0.005, name


def conversions(count, people, epsilon):
    draw = np.random.default_rng(people)
    exact = {
        "contacted": np.full(count, people),
        "converted": draw.binomial(people, CONVERTING, size=count),
    }
    allowance = allowances.conversion(stages=3, minimum=MINIMUM)
    return release(planned(allowance, epsilon), exact)


@repetitions
@pytest.mark.parametrize(("people", "epsilon"), [(500, "0.5"), (3000, "0.1")])
def test_intervals_of_a_conversion_cover_the_chance_behind_it(count, people, epsilon):
    found = covered(conversions(count, people, epsilon), "ropo_conversion", CONVERTING)

    assert 0.95 - margin(count) <= found <= 0.97 + margin(count)


@pytest.mark.parametrize("kept", ["noise_sd", "sampling_se"])
def test_a_conversions_interval_that_forgets_one_source_of_error_is_caught(kept):
    def narrowed(figure):
        half = 1.959964 * getattr(figure, kept)
        return replace(figure, low=figure.value - half, high=figure.value + half)

    released = conversions(FEW, 3000, "0.5")
    narrow = [narrowed(r["ropo_conversion"]) for r in released]
    assert covered(released, "ropo_conversion", CONVERTING) >= 0.95 - margin(FEW)
    assert coverage(narrow, CONVERTING) < 0.9


def test_a_sum_of_patterns_with_the_noise_of_one_is_caught():
    asked = planned(allowances.overlap(minimum=MINIMUM), "0.5")
    exact = {n: np.full(FEW, 800) for n in asked.released}
    sd = asked.statistic("unmatched").scale
    found = [r["people"] for r in release(asked, exact)]

    narrow = [replace(f, low=f.value - 1.96 * sd, high=f.value + 1.96 * sd) for f in found]
    assert coverage(narrow, 3200) < 0.8

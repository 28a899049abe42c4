"""D5: coverage of 95 % intervals at small n, through the real plan, mechanism and estimates.

Outcomes are drawn from populations whose mean is known exactly, so that an interval must carry
both the noise and the chance between people.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import get_args, get_type_hints

import numpy as np
import pytest
from scipy.stats import binom

from cleanroom.analysis.limits import nano_rho_for_epsilon
from cleanroom.analysis.plan import plan
from cleanroom.model import question
from cleanroom.model.allowance import MinimumAggregation
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import Question, RopoDefinition, SalesLift
from privacy.checks import Check, CheckFailed, hold, sized
from privacy.coverage_cases import EXPERIMENTS
from privacy.report import planting
from support import allowances
from support.releases import coverage, release

COUNT = sized(20_000, 1_500)
WIDEST = 0.97  # a little above 95 % is the price of whole numbers and of floors of a variance
MINIMUM = MinimumAggregation(people=20, miss_probability=Fraction(1, 100))
SPEND = np.array([0, 500, 1_500, 4_000, 20_000])  # minor units; the last is at the bound
CHANCE = {
    "control": np.array([0.70, 0.12, 0.10, 0.06, 0.02]),
    "test": np.array([0.65, 0.13, 0.12, 0.07, 0.03]),
}
BUYING = {"control": 0.20, "test": 0.26}


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


def margin(count):
    """0.93 % of 20,000: six standard deviations; the tails of fewer releases are heavier."""
    return (6 if count >= 20_000 else 6.6) * (0.95 * 0.05 / count) ** 0.5


def holds_as_often_as_it_says(name, figures, truth, widest=0.95):
    """Not below 95 % but for chance, nor above `widest`; a truth may be one of each figure."""
    truths = np.broadcast_to(truth, (len(figures),))
    held = [
        f.low <= t <= f.high for f, t in zip(figures, truths, strict=True) if f.value is not None
    ]
    found, defined = sum(held) / len(held), len(held)
    assert 2 * defined > len(figures), "too few defined to judge"
    spare = margin(defined)
    low, high = (0.95 - spare) * defined, (widest + spare) * defined
    for side, value, bound, chance in (
        ("no less than", -found, spare - 0.95, binom.cdf(low, defined, 0.95)),
        ("no more than", found, widest + spare, binom.sf(high, defined, widest)),
    ):
        hold(
            Check(
                part="D5",
                name=f"{side} 95 %: {name}",
                statistic=value,
                bound=bound,
                draws=defined,
                false_alarm=float(chance),
            )
        )


@pytest.mark.parametrize(("people", "epsilon"), [(400, "0.5"), (3000, "0.1")])
@pytest.mark.parametrize(
    ("releases", "mean"), [(buyer_releases, BUYING), (spend_releases, SPEND_MEAN)]
)
def test_intervals_of_a_lift_cover_as_often_as_they_say(people, epsilon, releases, mean):
    released = releases(COUNT, people, epsilon, seed=people)

    for name, truth in truths(mean, people).items():
        what = f"{name} of {releases.__name__}, {people} an arm, epsilon {epsilon}"
        holds_as_often_as_it_says(what, [r[name] for r in released], truth, WIDEST)


def test_intervals_of_a_relative_lift_cover_where_they_are_given():
    released = buyer_releases(COUNT, 3000, "0.5", seed=5)
    ratio = BUYING["test"] / BUYING["control"] - 1

    figures = [r["relative_lift"] for r in released]
    holds_as_often_as_it_says("relative lift", figures, ratio, WIDEST)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
@pytest.mark.timeout(1800)
def test_intervals_of_every_question_cover_as_often_as_they_say(experiment):
    """Each figure that has an interval has a truth, and holds it."""
    count = int(COUNT) // experiment.fewer
    released, truths = experiment.run(experiment.allowance, count)
    assert {n for r in released for n, f in r.items() if f.low is not None} == set(truths)

    for name, truth in truths.items():
        figures = [r[name] for r in released]
        widest = 1.0 if name in experiment.wider else WIDEST
        holds_as_often_as_it_says(f"{name} of {experiment.name}", figures, truth, widest)


@pytest.mark.parametrize("kind", get_args(Question), ids=lambda k: k.__name__)
def test_every_kind_of_question_has_an_experiment(kind):
    asked = [e.allowance.question for e in EXPERIMENTS if type(e.allowance.question) is kind]
    assert asked, f"add an experiment for {kind.__name__} to coverage_cases.py"
    for choices in (Design, Adjustment, RopoDefinition):
        for name, hint in get_type_hints(kind, vars(question)).items():
            if hint is choices:
                assert {getattr(a, name) for a in asked} == set(choices)


def test_every_kind_of_outcome_has_an_experiment():
    lifts = [e.allowance.question for e in EXPERIMENTS]
    outcomes = {q.outcome for q in lifts if isinstance(q, SalesLift)}
    assert {"amount", "buyers", "average_order"} <= outcomes


def without_noise(figure):
    """The interval of somebody who forgot the noise."""
    half = 1.959964 * figure.sampling_se
    return replace(figure, low=figure.value - half, high=figure.value + half)


def without_sampling(figure):
    half = 1.959964 * figure.noise_sd
    return replace(figure, low=figure.value - half, high=figure.value + half)


@pytest.mark.parametrize("forgets", [without_noise, without_sampling])
def test_an_interval_that_forgets_one_source_of_error_is_caught(forgets):
    released = buyer_releases(COUNT, 1500, "0.5", seed=3)
    lift = BUYING["test"] - BUYING["control"]
    forgetful = [forgets(r["absolute_lift"]) for r in released]

    with planting(f"interval_{forgets.__name__}"), pytest.raises(CheckFailed):
        holds_as_often_as_it_says("absolute lift", forgetful, lift, WIDEST)


def test_a_spend_interval_without_noise_covers_about_half_of_the_time():
    released = spend_releases(COUNT, 3000, "0.2", seed=4)
    lift = SPEND_MEAN["test"] - SPEND_MEAN["control"]

    assert coverage([without_noise(r["absolute_lift"]) for r in released], lift) < 0.7

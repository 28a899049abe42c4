"""D2: what was released tells neighbouring worlds apart no better than what was paid for it.

The exact integers of both worlds come from whole runs of the service; the releases that an
attacker sees are drawn by its own noise and estimates.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import ks_2samp

from privacy.cases import CASES, case
from privacy.checks import ALPHA, Check, hold, sized
from privacy.claim import (
    exact_loss_is_paid,
    lost,
    noise_is_used_once,
    noise_is_what_was_debited,
    paid,
    releases_hardly_differ,
)
from privacy.neighbours import NEIGHBOURS
from privacy.running import ask, draws, known, noise_of, room_of

DRAWS = sized(190_000, 1_500)  # a side, of which a fifth chooses the attack
SAMPLED = sized(4, 1)  # neighbours of each dataset, those first who lose the most
RUNS = sized(1_000, 30)
NOISE = sized(100_000, 3_000)

every_case = pytest.mark.parametrize("one", CASES, ids=lambda c: c.name)


def neighbours_of(one):
    return [n for n in NEIGHBOURS if n.dataset in one.question.datasets]


def most_harmed(one, larger):
    """Return neighbours with different integers, the most harmed of each dataset first."""
    found = defaultdict(dict)
    for neighbour in neighbours_of(one):
        smaller = known(one, neighbour)
        key = tuple(sorted(smaller.exact.values.items()))
        if smaller.exact != larger.exact:
            found[neighbour.dataset].setdefault(key, (neighbour, smaller))
    for pairs in found.values():
        ranked = sorted(pairs.values(), key=lambda p: -lost((larger, p[1])))
        yield from ranked[:SAMPLED]


@every_case
def test_no_neighbour_moves_the_integers_further_than_was_paid_for(one):
    larger = known(one)
    for neighbour in neighbours_of(one):
        exact_loss_is_paid(one, neighbour, (larger, known(one, neighbour)))


@every_case
@pytest.mark.timeout(3600)
def test_no_release_tells_neighbours_apart_better_than_was_paid_for(one):
    larger = known(one)
    seen = draws(larger, DRAWS)
    for neighbour, smaller in most_harmed(one, larger):
        name = f"{one.name}, {neighbour.name}"
        cost = paid(larger, neighbour.dataset)
        releases_hardly_differ(name, (seen, draws(smaller, DRAWS)), cost)


@every_case
def test_the_noise_of_an_answer_is_what_its_debit_was_made_for(one):
    noise_is_what_was_debited(one, known(one), NOISE)


@every_case
def test_no_noise_is_shared_by_two_statistics_or_two_answers(one):
    answer = known(one)
    noise_is_used_once(one.name, noise_of(answer, NOISE), noise_of(answer, NOISE))


@pytest.mark.parametrize(
    "names", [("matched", "people"), ("match rate", "buyers")], ids=" and ".join
)
@pytest.mark.timeout(3600)
def test_two_questions_together_tell_no_more_than_both_were_paid_for(names):
    asked = [case(name) for name in names]
    harmed = next(n for n in NEIGHBOURS if n.name == "at the clip bound, exposed")
    samples = [
        np.hstack([draws(known(one, world), DRAWS) for one in asked]) for world in (None, harmed)
    ]
    cost = sum(paid(known(one), harmed.dataset) for one in asked)
    releases_hardly_differ(" and ".join(names), (samples[0], samples[1]), cost)


@pytest.mark.parametrize("name", ["matched", "people by city", "amount"])
def test_whole_runs_have_the_distribution_of_the_draws(name):
    one = case(name)
    runs = [ask(room_of(one.policy), one.question, rho=one.rho) for _ in range(RUNS)]
    assert all(r.exact == runs[0].exact for r in runs)
    for index, statistic in enumerate(runs[0].plan.released):
        whole = [r.measurement["cells"][0]["statistics"][index][1] for r in runs]
        drawn = noise_of(runs[0], 20 * RUNS)[statistic] + runs[0].exact.values[statistic][0]
        hold(
            Check(
                part="D2",
                name=f"whole runs of {statistic}: {name}",
                statistic=-float(ks_2samp(whole, drawn).pvalue),
                bound=-ALPHA,
                draws=RUNS,
                false_alarm=ALPHA,
            )
        )

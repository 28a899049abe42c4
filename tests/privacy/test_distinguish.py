"""D2: what was released tells neighbouring worlds apart no better than what was paid for it.

The exact integers of both worlds come from whole runs of the service; the releases that an
attacker sees are drawn by its own noise and estimates.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cleanroom.privacy.loss import NANO
from privacy.cases import CASES, case
from privacy.checks import ALPHA, SLOW, Check, hold, sized
from privacy.claim import (
    exact_loss_is_paid,
    lost,
    moved,
    noise_is_used_once,
    noise_is_what_was_debited,
    paid,
    releases_hardly_differ,
    withdrawal_is_removal,
)
from privacy.neighbours import NEIGHBOURS
from privacy.running import ask, draws, known, noise_of, room_of

DRAWS = sized(190_000, 1_500)  # a side, of which a fifth chooses the attack
OF_OTHERS = sized(20_000, 1_500)  # where other datasets' people lose less
RUNS = sized(1_000, 20)
NOISE = sized(100_000, 3_000)

SLACK = 1.05  # of a noise scale over the best possible one

# By module: all tests of a case follow each other and share its runs.
every_case = pytest.mark.parametrize("one", CASES, ids=lambda c: c.name, scope="module")


def neighbours_of(one):
    near = [n for n in NEIGHBOURS if n.dataset in one.question.datasets]
    near = [n for n in near if not n.cases or one.name in n.cases]
    return [n for n in near if SLOW or not n.plain]


def most_harmed(one, larger):
    """Return the most harmed neighbour of each dataset, the most harmed of all first."""
    found = {}
    for neighbour in neighbours_of(one):
        smaller = known(one, neighbour)
        if smaller.integers != larger.integers:
            found.setdefault(neighbour.dataset, []).append((neighbour, smaller))
    worst = [max(pairs, key=lambda p: lost((larger, p[1]))) for pairs in found.values()]
    return sorted(worst, key=lambda p: -lost((larger, p[1])))


@every_case
def test_no_neighbour_moves_the_integers_further_than_was_paid_for(one):
    larger = known(one)
    for neighbour in neighbours_of(one):
        exact_loss_is_paid(one, neighbour, (larger, known(one, neighbour)))


@every_case
def test_the_whole_loss_offered_becomes_noise_no_larger_than_it_must_be(one):
    """A debit that no neighbour loses, or a loss that no ledger is debited, would be slack."""
    larger = known(one)
    pairs = [(n, (larger, known(one, n))) for n in neighbours_of(one)]
    offered = one.rho * NANO
    most = max(cost for _, cost in larger.plan.debits)
    found = [("offered over debited", float(offered / most))]
    if one.tight:
        found += [_slack(s, d, pairs) for s in larger.statistics for d, _ in s.l2_squared]
        lost_most = max(lost(p) * NANO / paid(larger, n.dataset) for n, p in pairs)
        found.append(("debited over lost", float(1 / lost_most)))
    for name, ratio in found:
        hold(
            Check(
                part="no slack",
                name=f"noise over the best possible: {one.name}, {name}",
                statistic=math.sqrt(ratio),
                bound=SLACK,
            )
        )


def _slack(statistic, dataset, pairs):
    """Return the sensitivity charged over the one that a real neighbour attains."""
    charged = dict(statistic.l2_squared)[dataset]
    found = max(moved(p, statistic.released) for n, p in pairs if n.dataset == dataset)
    assert found <= charged
    return f"{statistic.name} of {dataset}", charged / found if charged else 1.0


@pytest.mark.parametrize("one", CASES if SLOW else CASES[:1], ids=lambda c: c.name, scope="module")
def test_who_withdrew_consent_is_counted_no_more_than_who_was_removed(one):
    for neighbour in (n for n in neighbours_of(one) if n.without):
        removed = known(one, replace(neighbour, without=()))
        withdrawal_is_removal(one, neighbour, (known(one, neighbour), removed))


@every_case
@pytest.mark.timeout(3600)
def test_no_release_tells_neighbours_apart_better_than_was_paid_for(one):
    larger = known(one)
    seen = draws(larger, DRAWS)
    for place, (neighbour, smaller) in enumerate(most_harmed(one, larger)):
        name = f"{one.name}, {neighbour.name}"
        cost = paid(larger, neighbour.dataset)
        count = DRAWS if place == 0 else OF_OTHERS
        releases_hardly_differ(name, (seen[:count], draws(smaller, count)), cost)


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


@pytest.mark.parametrize("name", ["matched", "amount"])
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

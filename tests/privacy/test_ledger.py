"""D4: what the ledger says, against Google's privacy loss distributions; and what a budget affords.

`dp-accounting` computes the exact epsilon of composed Gaussian noise, up to its grid; the ledger
adds nano-rho and converts once, by a bound. The bound is within 15 % for the deltas of ledgers
(up to 1e-6) and losses from rho 0.001 up; for larger deltas and smaller losses it is wider.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from dp_accounting import GaussianDpEvent, pld

from cleanroom.privacy.loss import NANO, epsilon_of, nano_rho_of_budget
from privacy.campaigns import QUESTIONS, life_of_a_campaign, naive_questions, planned, together
from privacy.cases import CASES, POLICY
from privacy.checks import Check, hold, sized
from privacy.claim import owner_of
from privacy.running import ask, open_room
from support.rooms import NOON

PLANS = sized(500, 50)
TIGHT = 1.15
GRID = 1e-4
DELTAS = (Fraction(1, 10**6), Fraction(1, 10**7), Fraction(1, 10**9))


def random_campaign(seed):
    """Return cases and plans of one to three random questions, a dataset, and its ledger's delta."""
    draw = random.Random(seed)
    cases = draw.choices(CASES, k=draw.randint(1, 3))
    losses = [int(NANO * 10 ** draw.uniform(-3, 0)) for _ in cases]
    plans = [planned(c.policy, c.question, n) for c, n in zip(cases, losses, strict=True)]
    asked = list(zip(cases, plans, strict=True))
    return asked, draw.choice(plans[0].question.datasets), draw.choice(DELTAS)


def pld_epsilon(asked, dataset, delta):
    """Return Google's epsilon for the people of a dataset over all statistics of all plans.

    Gaussian noise loses by its squared changes over its variances, however these are shared: so
    what one record moves at once is taken of each statistic in proportion.
    """
    accountant = pld.PLDAccountant(value_discretization_interval=GRID)
    for one, found in asked:
        part = dataset in one.question.datasets and together(one.policy, one.question, dataset)
        for statistic in (*found.pooled, *found.statistics):
            squared = part * dict(statistic.l2_squared).get(dataset, 0)
            if squared:
                accountant.compose(GaussianDpEvent(statistic.scale / math.sqrt(squared)))
    return accountant.get_epsilon(float(delta))


@pytest.mark.parametrize("part", range(10))
@pytest.mark.timeout(3600)
def test_the_ledger_covers_the_privacy_loss_distribution_and_not_by_much(part):
    for seed in range(part, PLANS, 10):
        asked, dataset, delta = random_campaign(seed)
        owner = owner_of(dataset)
        debit = sum(c for _, p in asked for ledger, c in p.debits if ledger.owner == owner)
        ours = float(epsilon_of(debit, delta))
        theirs = pld_epsilon(asked, dataset, delta)
        for name, value, bound in (("covers", theirs, ours), ("is tight", ours, TIGHT * theirs)):
            hold(Check(part="D4", name=f"plan {seed} {name}", statistic=value, bound=bound))


BUDGET, DELTA = Fraction(4), Fraction(1, 10**7)  # the example policy's
EACH = nano_rho_of_budget(BUDGET, DELTA) // QUESTIONS


def test_a_campaigns_life_fits_a_budget_that_adding_up_epsilons_would_exhaust():
    spent = {}
    for _, question in life_of_a_campaign():
        for ledger, cost in planned(POLICY, question, EACH).debits:
            spent[ledger] = spent.get(ledger, 0) + cost
    afforded = naive_questions(BUDGET, epsilon_of(EACH, DELTA))
    for name, value, bound in (
        ("200 questions", max(spent.values()), nano_rho_of_budget(BUDGET, DELTA)),
        ("questions that basic composition affords", afforded, 60),
    ):
        hold(Check(part="no slack", name=name, statistic=float(value), bound=float(bound)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_real_ledger_pays_for_a_campaigns_life_and_refuses_what_it_cannot():
    document = POLICY.replace("epsilon: 900, delta: 1e-6", "epsilon: 4, delta: 1e-7")
    room = open_room(
        document.replace("per_question: 50", "per_question: 1"),
        {d: {} for d in ("exposures", "sales", "panel")},
    )
    room.service.clock.now = NOON
    for _, question in life_of_a_campaign():
        ask(room, question, rho=Fraction(EACH, NANO))
    balances = room.service.store.read(lambda tx: tx.ledgers.all())
    assert all(0 < b.spent <= b.budget for b in balances)

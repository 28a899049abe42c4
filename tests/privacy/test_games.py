"""D6: attackers guess who is in the data no better than the debited loss allows; no balance rises."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from scipy.stats import norm

from cleanroom.model.errors import BudgetExhausted, QuestionRefused
from cleanroom.model.question import MatchRate
from cleanroom.policy.parse import parse_policy
from cleanroom.privacy.loss import NANO, epsilon_of
from cleanroom.usecases import collaborate
from privacy import planted_bugs
from privacy.cases import DELTA, PAIR, POLICY
from privacy.checks import Check, CheckFailed, hold, sized
from privacy.games import (
    GAMES,
    MATCHED,
    NAMES,
    averaging,
    differencing,
    played,
    renaming,
    sentinels,
    sentinels_at_the_line,
    world_of,
)
from privacy.neighbours import base, rows_of
from privacy.report import planting
from privacy.running import ask, open_room
from support.rooms import OFFICER

COUNT = sized(20_000, 1_000)
RHO = Fraction(1, 100)


def wins_no_more_than_was_paid_for(game, count=COUNT):
    """Hold the accuracy against what epsilon allows, and against what rho does.

    (epsilon, delta) allows a right guess with (e^epsilon + delta) / (1 + e^epsilon); rho bounds
    the KL divergence, so that Pinsker's inequality allows 1/2 + sqrt(rho / 8).
    """
    accuracy, cost = played(game, count)
    odds = math.exp(float(epsilon_of(cost, DELTA)))
    lines = {
        "epsilon": (odds + float(DELTA)) / (1 + odds),
        "rho": 0.5 + math.sqrt(cost / NANO / 8),
    }
    spread = 0.0232 * (20_000 / count) ** 0.5  # 6.56 standard deviations at most
    for kind, line in lines.items():
        hold(
            Check(
                part="D6",
                name=f"{game.name}, right guesses by {kind}",
                statistic=accuracy,
                bound=line + spread,
                draws=count,
                # The share's standard deviation is at most 1 / (2 sqrt(count)).
                false_alarm=float(norm.sf(spread * 2 * count**0.5)),
            )
        )


@pytest.mark.parametrize("game", GAMES, ids=lambda g: g.__name__)
@pytest.mark.timeout(1800)
def test_no_attacker_guesses_better_than_was_paid_for(game):
    wins_no_more_than_was_paid_for(game(RHO))


@pytest.mark.parametrize(
    "game",
    [differencing, averaging, sentinels_at_the_line, renaming],
    ids=lambda g: g.__name__,
)
def test_an_attacker_who_pays_enough_wins(game):
    """Else the games would show nothing."""
    accuracy, _ = played(game(Fraction(4)), 200)
    assert accuracy > 0.75


@pytest.mark.parametrize(
    ("bug", "game"),
    [
        (planted_bugs.threshold_on_the_exact_count, sentinels),
        (planted_bugs.noise_reused_by_questions, differencing),
    ],
)
def test_an_attacker_wins_against_a_planted_bug(bug, game, monkeypatch):
    with monkeypatch.context() as patch, planting(bug.__name__):
        bug(patch)
        with pytest.raises(CheckFailed):
            wins_no_more_than_was_paid_for(game(RHO), 1_000)


def balances(room):
    found = room.service.store.read(lambda tx: tx.ledgers.all())
    return {str(b.ledger): b.budget - b.spent for b in found}


def falls_or_stays(histories):
    """Hold that no balance ever rises, and return how often one fell."""
    rises = falls = 0
    for before, after in pairwise(histories):
        rises += sum(after[ledger] > left for ledger, left in before.items())
        falls += sum(after[ledger] < left for ledger, left in before.items())
    hold(Check(part="D6", name="a balance that rose", statistic=float(rises), bound=0.0))
    return falls


def test_twenty_names_of_the_same_people_draw_on_one_budget():
    game = renaming(RHO)
    budget = "epsilon: 900, delta: 1e-6, per_question: 50"
    few = game.policy.replace(budget, "epsilon: 1, delta: 1e-6, per_question: 1")
    room = open_room(few, world_of(game))
    answered, history = 0, []
    for _, question, _ in game.steps:
        history.append(balances(room))
        try:
            ask(room, question, epsilon=Fraction(1, 4))
            answered += 1
        except BudgetExhausted:
            pass
    history.append(balances(room))
    assert 1 < answered < NAMES
    assert falls_or_stays(history) > answered
    left = sum(v for name, v in history[-1].items() if "megamart" in name)
    hold(Check(part="D6", name="overdrawn by twenty names", statistic=-float(left), bound=0.0))


def test_nothing_that_a_party_may_do_gives_budget_back():
    room = open_room(POLICY, base())
    history = [balances(room)]

    def step(do, refused=()):
        try:
            return do()
        except refused:
            return None
        finally:
            history.append(balances(room))

    first = step(lambda: room.ask("acme-brand", MATCHED, "q-0000001", rho=RHO))
    same = [
        step(lambda: room.ask("acme-brand", MATCHED, "q-0000001", rho=RHO)),
        step(lambda: room.ask("acme-brand", MATCHED, "q-0000002", rho=RHO)),
    ]
    assert falls_or_stays(history) == 2  # two ledgers paid, once
    hold(
        Check(
            part="D6",
            name="a repeat with other bytes",
            statistic=float(sum(answer != first for answer in same)),
            bound=0.0,
        )
    )
    step(lambda: room.ask("megamart", MATCHED, "q-0000003", rho=RHO), QuestionRefused)
    step(lambda: ask(room, MatchRate(datasets=PAIR), rho=1000), QuestionRefused)
    step(lambda: room.fill(sales=rows_of(base(), "sales")[:-1]))  # a new version
    step(lambda: ask(room, MATCHED, rho=RHO))
    changed = POLICY.replace("measurements_days: 730", "measurements_days: 700")
    step(lambda: collaborate.propose(room.service, OFFICER, changed.encode()))
    room.policy = parse_policy(changed.encode())
    for member in room.policy.parties:
        step(lambda name=member.name: room.accept(name))
    falls_or_stays(history)

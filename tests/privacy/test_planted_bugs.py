"""D3: each planted bug makes the suite's own checks fail, and without it they hold."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from privacy import planted_bugs as bugs
from privacy.cases import case
from privacy.checks import SLOW, CheckFailed, sized
from privacy.claim import (
    exact_loss_is_paid,
    noise_is_used_once,
    noise_is_what_was_debited,
    paid,
    releases_hardly_differ,
    withdrawal_is_removal,
)
from privacy.neighbours import NEIGHBOURS
from privacy.report import planting
from privacy.running import draws, noise_of, run

DRAWS = sized(20_000, 2_000)


def neighbour(name):
    return next(n for n in NEIGHBOURS if n.name == name)


def exact(name, world):
    one, near = case(name), neighbour(world)
    exact_loss_is_paid(one, near, (run(one), run(one, near)))


def told_apart(name, world, count=DRAWS):
    one, near = case(name), neighbour(world)
    larger = run(one)
    samples = draws(larger, count), draws(run(one, near), count)
    releases_hardly_differ(f"{name}, {world}", samples, paid(larger, near.dataset))


def noise(name):
    noise_is_what_was_debited(case(name), run(case(name)), DRAWS)


def shared(*names):
    noise_is_used_once(" and ".join(names), *(noise_of(run(case(n)), DRAWS) for n in names))


def consent(name, world):
    one, near = case(name), neighbour(world)
    removed = replace(near, without=())
    withdrawal_is_removal(one, near, (run(one, near), run(one, removed)))


PLANTED = [
    (bugs.scale_too_small, noise, ("amount",)),
    (bugs.cell_bound_ignored, exact, ("matched by both", "most cells moved")),
    (bugs.rows_counted_for_people, exact, ("people", "1,000 duplicate exposures")),
    (bugs.rows_counted_for_people, told_apart, ("people", "1,000 duplicate exposures")),
    (bugs.clipped_row_by_row, exact, ("amount", "1,000 duplicate purchases")),
    (bugs.clipped_row_by_row, told_apart, ("amount", "1,000 duplicate purchases")),
    (bugs.lower_bound_forgotten, exact, ("amount", "far below zero")),
    (bugs.noise_reused_by_statistics, shared, ("buyers",)),
    (bugs.noise_reused_by_statistics, told_apart, ("buyers", "in one side only")),
    (bugs.noise_reused_by_questions, shared, ("matched", "people")),
    (bugs.threshold_on_the_exact_count, told_apart, ("amount by city", "near the minimum")),
    (bugs.matched_twice, exact, ("match rate", "rows in every cell")),
    (bugs.first_stage_not_debited, exact, ("buyers adjusted in two stages", "the chain residual")),
    (
        bugs.residuals_not_clipped,
        exact,
        ("amount by city adjusted in two stages", "the chain residual"),
    ),
    (bugs.one_pair_for_a_chain, exact, ("amount with refunds", "the chain swing")),
    (bugs.no_noise_for_empty_cells, told_apart, ("a single buyer", "the only buyer")),
    (bugs.no_consent_asked, consent, ("people", "consent ended")),
]


@pytest.mark.parametrize(
    ("bug", "check", "about"), PLANTED, ids=lambda v: getattr(v, "__name__", None)
)
def test_a_planted_bug_is_caught_by_a_check_that_holds_without_it(bug, check, about, monkeypatch):
    check(*about)
    with monkeypatch.context() as patch, planting(bug.__name__):
        bug(patch)
        with pytest.raises(CheckFailed):
            check(*about)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_noise_that_is_a_little_too_small_is_seen_in_the_releases_themselves(monkeypatch):
    assert SLOW
    with monkeypatch.context() as patch, planting("scale_too_small"):
        bugs.scale_too_small(patch)
        with pytest.raises(CheckFailed):
            told_apart("people", "a person removed", 190_000)


def test_every_bug_is_planted():
    functions = [v for n, v in vars(bugs).items() if inspect.isfunction(v) and n[0] != "_"]
    written = {f for f in functions if f.__module__ == bugs.__name__}
    assert written == {bug for bug, _, _ in PLANTED}

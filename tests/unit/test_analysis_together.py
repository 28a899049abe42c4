"""What one record moves together: against every chain, every value, and random neighbours."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product

import pytest

from cleanroom.analysis.parts import split
from cleanroom.analysis.request import POOLED
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import Population
from cleanroom.privacy.sensitivity import MAX_STAGES, Removed, links
from support import allowances
from support.allowances import PAIR
from support.stages import chain, labellings, match_in_stages, without

ALL_STAGES = range(1, MAX_STAGES + 1)
HIGH = 2
WORST = Fraction(1, 1) / Fraction(105, 100) ** 2  # noise 5 % above the best possible
ENCOURAGED = {"design": Design.RANDOMIZED_ENCOURAGEMENT, "exposed_by": "impressions"}
CUPED = allowances.before(Adjustment.CUPED)
CHANGE = allowances.before(Adjustment.CHANGE_SCORE)
TWO_STAGES = allowances.before(Adjustment.CUPED_TWO_STAGE)
MATCHED = Population.MATCHED


def weighted(parts, moved) -> Fraction:
    """Add up squared changes by name, each as its weight's part of its largest sensitivity."""
    return sum(
        (
            c.share.weight * Fraction(moved.get(c.name, 0), c.share.largest)
            for part in parts.releases
            for c in part.charges
        ),
        Fraction(0),
    )


def match_rate_moved(stages, removed, grouped):
    """Yield the squared changes of a match rate along every chain, by attributes of one side."""
    for pairs in range(1, stages + 1):
        own, partner = chain(pairs, first_is_own=removed is Removed.OWN)
        less = (without(own, 0), partner) if removed is Removed.OWN else (own, without(partner, 0))
        worlds = match_in_stages(own, partner, pairs), match_in_stages(*less, pairs)
        for cells in labellings(len(own)) if grouped else [(0,) * len(own)]:
            cell = dict(zip(sorted(own), cells, strict=True))
            changed, by_key = Counter(), Counter()
            for sign, pairs_ in zip((1, -1), worlds, strict=True):
                for pair in pairs_:
                    changed[cell[pair.own]] += sign
                    by_key[pair.stage, cell[pair.own]] += sign
            keys = {f"matched:{allowances.KEYS[s]}": n * n for (s, _), n in by_key.items() if n}
            own_people = {"people:exposures": int(removed is Removed.OWN)}
            other_people = {"people:store-sales": int(removed is Removed.PARTNER)}
            people = own_people if grouped else own_people | other_people
            yield people | keys | {"matched": sum(n * n for n in changed.values())}


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("stages", ALL_STAGES)
def test_a_match_rate_is_charged_what_its_worst_record_moves(stages, grouped):
    parts = split(allowances.match_rate(stages=stages, by_city=grouped), Fraction(1))
    found = {
        dataset: max(weighted(parts, m) for m in match_rate_moved(stages, removed, grouped))
        for dataset, removed in zip(PAIR, Removed, strict=True)
    }

    assert found == parts.moves


def test_two_key_types_are_never_both_lost_with_the_match():
    """One pair changes one key type and the total; two pairs change both types and no total."""
    assert split(allowances.match_rate(stages=2), Fraction(1)).moves["exposures"] == Fraction(
        85, 100
    )


def of_values(question, value, theta):
    """What a person whose partner has such values adds to each statistic, by name."""
    y, x, v = value
    if question.adjustment is Adjustment.CHANGE_SCORE:
        y = max(-HIGH, min(HIGH, y - x))
    kinds = {"s": y, "q": y * y, "r": y, "x": x, "qx": x * x, "px": x * y}
    kinds |= {"v": v, "qv": v * v, "pv": v * y}
    if question.adjustment is not Adjustment.CUPED_TWO_STAGE:
        return kinds
    residual = y - theta * x
    inside, wider = (max(-b, min(b, residual)) for b in (1, 2))  # a clip of one
    return {f"{k}:{POOLED}": n for k, n in kinds.items()} | {
        "s": inside,
        "q": inside * inside,
        "w": wider - inside,
    }


def lift_moved(question, stages, removed, values, thetas):
    """Yield the squared changes of a lift along every chain for all values, cells and thetas."""
    for pairs in range(1, stages + 1):
        steps = links(pairs, removed)
        people = 1 + max(link.person for link in steps)
        partners = 1 + max(link.partner for link in steps)
        for theta, chosen in product(thetas, product(values, repeat=partners)):
            added = [of_values(question, value, theta) for value in chosen]
            changes = [Counter() for _ in range(people)]
            for person, partner, sign in steps:
                for name, n in added[partner].items():
                    changes[person][name] += sign * n
            _count_heads(question, changes, pairs, removed)
            for cells in _cells(people, question):
                yield _squared(changes, cells)


def _count_heads(question, changes, pairs, removed):
    matched = question.population is MATCHED
    heads = {"n": 1, "e": 1, f"n:{POOLED}": 1}
    if removed is Removed.OWN:
        changes[0].update(heads)
        if matched and pairs % 2 == 0:
            changes[-1].subtract(heads)
    elif matched and pairs % 2:
        changes[-1].update(heads)


def _cells(people, question):
    """Every way to put people into two arms, or into none where all are pooled."""
    labels = (0, 1, None) if question.adjustment is Adjustment.CUPED_TWO_STAGE else (0, 1)
    return product(labels, repeat=people)


def _squared(changes, cells):
    summed = Counter()
    for change, cell in zip(changes, cells, strict=True):
        if cell is not None:
            for name, n in change.items():
                summed[name, None if name.endswith(POOLED) else cell] += n
    squared = Counter()
    for (name, _), n in summed.items():
        squared[name] += n * n
    return squared


LIFTS = {
    "amount": {},
    "buyers": {"outcome": "buyers", "high": 1},
    "amount of the matched": {"population": MATCHED},
    "as assigned": {"asked": ENCOURAGED},
    "as assigned, of the matched": {"asked": ENCOURAGED, "population": MATCHED},
    "with refunds": {"low": -HIGH},
    "with refunds of half": {"low": -1},
    "with refunds of the matched": {"low": -HIGH, "population": MATCHED},
    "as assigned, with refunds": {"low": -HIGH, "asked": ENCOURAGED},
    "change": {"low": -HIGH, "asked": CHANGE},
    "cuped": {"asked": CUPED},
    "cuped with refunds": {"low": -HIGH, "asked": CUPED},
    "average order": {"outcome": "average_order", "visits_bound": 3},
    "average order with refunds": {"outcome": "average_order", "visits_bound": 3, "low": -HIGH},
}


def asked_of(stages, *, high=HIGH, low=0, outcome="amount", **options):
    allowance = allowances.sales_lift(outcome, bound=HIGH, low=low, stages=stages, **options)
    before = {low, 0, high} if allowance.question.looks_before else {0}
    visits = {0, options.get("visits_bound", 0)}
    return allowance, list(product(sorted({low, 0, high}), sorted(before), sorted(visits)))


def worst(allowance, values, stages, removed, thetas=(0,)):
    parts = split(allowance, Fraction(1), 1)
    found = lift_moved(allowance.question, stages, removed, values, thetas)
    return max(weighted(parts, moved) for moved in found)


@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("asked", LIFTS.values(), ids=LIFTS)
def test_a_lift_is_charged_hardly_more_than_its_worst_record_moves(asked, stages):
    allowance, values = asked_of(stages, **asked)
    moves = split(allowance, Fraction(1)).moves
    found = {d: worst(allowance, values, stages, r) for d, r in zip(PAIR, Removed, strict=True)}

    assert all(found[dataset] <= moves[dataset] for dataset in PAIR)
    assert max(found.values()) >= WORST * max(moves.values())


@pytest.mark.parametrize("stages", [4, 5, 6])
@pytest.mark.parametrize("name", ["amount", "amount of the matched", "with refunds"])
def test_so_it_is_with_more_key_types(name, stages):
    allowance, values = asked_of(stages, **LIFTS[name])
    moves = split(allowance, Fraction(1)).moves
    found = {d: worst(allowance, values, stages, r) for d, r in zip(PAIR, Removed, strict=True)}

    assert all(found[dataset] <= moves[dataset] for dataset in PAIR)
    assert max(found.values()) >= WORST * max(moves.values())


@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("low", [0, -HIGH])
@pytest.mark.parametrize("population", Population)
def test_two_stages_are_charged_hardly_more_than_their_worst_record_moves(stages, low, population):
    """A person's outcome and what was before may be anything, and so may theta."""
    allowance, values = asked_of(stages, low=low, asked=TWO_STAGES, population=population)
    moves = split(allowance, Fraction(1)).moves
    found = {
        d: worst(allowance, values, stages, r, thetas=(0, 2, -2))
        for d, r in zip(PAIR, Removed, strict=True)
    }

    assert all(found[dataset] <= moves[dataset] for dataset in PAIR)
    assert max(found.values()) >= WORST * max(moves.values())


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_so_are_two_stages_of_yes_and_no(stages):
    allowance, values = asked_of(stages, outcome="buyers", high=1, asked=TWO_STAGES)
    moves = split(allowance, Fraction(1)).moves
    found = {
        d: max(worst(allowance, values, stages, r, thetas=(theta,)) for theta in range(-3, 4))
        for d, r in zip(PAIR, Removed, strict=True)
    }

    assert all(found[dataset] <= moves[dataset] for dataset in PAIR)
    assert max(found.values()) >= WORST * max(moves.values())

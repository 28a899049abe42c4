"""Sensitivities of values of pairs and of patterns of matchings, against enumeration."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.privacy import sensitivity
from cleanroom.privacy.sensitivity import MAX_STAGES, Removed
from support.stages import chain, labellings, match_in_stages, without

ALL_STAGES = range(1, MAX_STAGES + 1)


def squared(moved: Counter) -> int:
    return sum(v * v for v in moved.values())


# Values of pairs


def changed_pairs(stages, removed):
    """The signed pairs of a chain of that length, +1 only in the larger world."""
    is_own = removed is Removed.OWN
    own, partner = chain(stages, first_is_own=is_own)
    smaller = (without(own, 0), partner) if is_own else (own, without(partner, 0))
    larger, fewer = match_in_stages(own, partner, stages), match_in_stages(*smaller, stages)
    changes = [(p, 1) for p in larger if p not in fewer]
    return changes + [(p, -1) for p in fewer if p not in larger]


def largest_pair_sum(changes, bound) -> int:
    """Every value for every pair, whatever the other pairs of its records have."""
    people = sorted({p.own for p, _ in changes})
    worst = 0
    for values in product(range(bound + 1), repeat=len(changes)):
        for cells in labellings(len(people)):
            cell = dict(zip(people, cells, strict=True))
            moved: Counter = Counter()
            for (pair, sign), value in zip(changes, values, strict=True):
                moved[cell[pair.own]] += sign * value
            worst = max(worst, squared(moved))
    return worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
def test_pair_sum_is_the_exact_maximum(stages, removed):
    worst = max(largest_pair_sum(changed_pairs(k, removed), 1) for k in range(1, stages + 1))

    assert sensitivity.pair_sum(stages, 1, removed) == worst
    assert sensitivity.pair_sum(stages, 7, removed) == 49 * worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", range(1, 5))
def test_values_between_the_bounds_never_move_a_pair_sum_further(stages, removed):
    worst = max(largest_pair_sum(changed_pairs(k, removed), 3) for k in range(1, stages + 1))

    assert sensitivity.pair_sum(stages, 3, removed) == worst


def test_a_sum_over_pairs_moves_at_least_as_far_as_one_of_partners_values():
    for stages, removed in product(ALL_STAGES, Removed):
        pairs = sensitivity.pair_sum(stages, 1, removed)
        assert pairs >= sensitivity.partner_sum(stages, 1, removed)


def test_the_tables_are_those_of_the_privacy_guarantee():
    assert [sensitivity.pair_sum(k, 1, Removed.OWN) for k in ALL_STAGES] == [1, 2, 4, 5, 9, 10]
    partner = [sensitivity.pair_sum(k, 1, Removed.PARTNER) for k in ALL_STAGES]
    assert partner == [1, 1, 4, 4, 9, 9]
    own = {k: [sensitivity.overlap_patterns(k, m, Removed.OWN) for m in (2, 3, 4)] for k in (1, 2)}
    assert own == {1: [1, 1, 1], 2: [7, 13, 21]}


@pytest.mark.parametrize(
    "moved",
    [
        lambda k: sensitivity.pair_sum(k, 1, Removed.OWN),
        lambda k: sensitivity.overlap_patterns(k, 2, Removed.OWN),
    ],
    ids=["pair_sum", "overlap_patterns"],
)
def test_what_has_no_proof_is_refused(moved):
    for stages in (0, MAX_STAGES + 1):
        with pytest.raises(ValueError, match="stages"):
            moved(stages)
    with pytest.raises(ValueError, match="not negative"):
        sensitivity.pair_sum(1, -1, Removed.OWN)
    with pytest.raises(ValueError, match="at least one"):
        sensitivity.overlap_patterns(1, 0, Removed.OWN)


# Patterns of matchings

Matched = frozenset[int]
Effect = tuple[Matched, Matched]


def partner_sides(people, stages, records):
    """Every dataset of up to so many records whose tokens are unique at each stage.

    Person i of the hub holds token i at every stage, which names tokens without loss.
    """
    tokens = list(product((None, *range(people)), repeat=stages))
    for count in range(records + 1):
        for chosen in combinations(tokens, count):
            columns = zip(*chosen, strict=True)
            held = ([t for t in column if t is not None] for column in columns)
            if all(len(set(column)) == len(column) for column in held):
                yield dict(enumerate(chosen))


def matched(own, partner, stages) -> Matched:
    return frozenset(pair.own for pair in match_in_stages(own, partner, stages))


def hub_effects(people, stages, records) -> set[Effect]:
    """Whom one matching reaches with and without person 0 of the hub."""
    hub = {i: (i,) * stages for i in range(people)}
    return {
        (matched(hub, side, stages), matched(without(hub, 0), side, stages))
        for side in partner_sides(people, stages, records)
    }


def partner_effects(people, stages, records) -> set[Effect]:
    """Whom one matching reaches with and without one of its partner's records."""
    hub = {i: (i,) * stages for i in range(people)}
    return {
        (matched(hub, side, stages), matched(hub, without(side, gone), stages))
        for side in partner_sides(people, stages, records)
        for gone in side
    }


def patterns(effects, which, present) -> Counter:
    return Counter(
        (cell, tuple(person in effect[which] for effect in effects)) for person, cell in present
    )


def moved_by(effects, cells, removed) -> int:
    people = list(enumerate(cells))
    moved = patterns(effects, 0, people)
    moved.subtract(patterns(effects, 1, people[1:] if removed is Removed.OWN else people))
    return squared(moved)


HUB_CASES = [(1, 2, 2), (1, 3, 1), (2, 2, 2), (2, 3, 1), (2, 4, 1), (3, 2, 1)]


@pytest.mark.parametrize(("stages", "others", "records"), HUB_CASES)
def test_patterns_move_with_a_hub_record_by_the_exact_maximum(stages, others, records):
    """One more person for each matching is all that can move, so the hub has no more people."""
    people = others + 1
    effects = hub_effects(people, stages, records)
    cells = labellings(people) if others < 4 else [(0,) * people]
    worst = max(
        moved_by(chosen, labels, Removed.OWN)
        for labels in cells
        for chosen in product(effects, repeat=others)
    )

    assert sensitivity.overlap_patterns(stages, others, Removed.OWN) == worst


@pytest.mark.parametrize(("stages", "records"), [(1, 2), (2, 2), (3, 1)])
def test_patterns_move_with_a_partners_record_by_the_exact_maximum(stages, records):
    still = [(m, m) for m in map(frozenset, [(), (0,), (1, 2), (0, 1, 2)])]
    worst = max(
        moved_by((effect, *others), labels, Removed.PARTNER)
        for effect in partner_effects(3, stages, records)
        for others in product(still, repeat=2)
        for labels in labellings(3)
    )

    assert sensitivity.overlap_patterns(stages, 3, Removed.PARTNER) == worst


@st.composite
def worlds(draw):
    """A hub, two or three others, and the record that only the larger world has."""
    stages, others = draw(st.integers(1, 4)), draw(st.integers(2, 3))
    sides = [draw(random_sides(stages)) for _ in range(others + 1)]
    place = draw(st.integers(0, others))
    return stages, sides, place, draw(st.sampled_from(sorted(sides[place])))


@st.composite
def random_sides(draw, stages):
    count = draw(st.integers(1, 6))
    columns = [draw(st.permutations([*range(7), None, None]))[:count] for _ in range(stages)]
    return {i: tuple(column[i] for column in columns) for i in range(count)}


@given(case=worlds(), data=st.data())
@settings(max_examples=300)
def test_neighbouring_worlds_keep_to_the_patterns_sensitivity(case, data):
    stages, sides, place, record = case
    fewer = [without(s, record) if n == place else s for n, s in enumerate(sides)]
    cell = {person: data.draw(st.integers(0, 1)) for person in sides[0]}

    moved: Counter = Counter()
    for (hub, *others), sign in ((sides, 1), (fewer, -1)):
        reached = [matched(hub, other, stages) for other in others]
        for person in hub:
            moved[cell[person], tuple(person in m for m in reached)] += sign
    removed = Removed.PARTNER if place else Removed.OWN
    assert squared(moved) <= sensitivity.overlap_patterns(stages, len(sides) - 1, removed)


@given(case=worlds(), data=st.data())
@settings(max_examples=300)
def test_neighbouring_worlds_keep_to_the_pair_sums_sensitivity(case, data):
    stages, (own, partner, *_), place, record = case
    place %= 2
    record %= len((own, partner)[place])
    smaller = (own, without(partner, record)) if place else (without(own, record), partner)
    cell = {person: data.draw(st.integers(0, 1)) for person in own}
    value = {p: data.draw(st.sampled_from((0, 2, 5))) for p in product(own, partner)}

    moved: Counter = Counter()
    for world, sign in (((own, partner), 1), (smaller, -1)):
        for pair in match_in_stages(*world, stages):
            moved[cell[pair.own]] += sign * value[pair.own, pair.partner]
    removed = Removed.PARTNER if place else Removed.OWN
    assert squared(moved) <= sensitivity.pair_sum(stages, 5, removed)

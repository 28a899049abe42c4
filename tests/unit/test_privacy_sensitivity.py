"""The table of sensitivities against exhaustive enumeration and random neighbouring worlds."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.privacy import sensitivity
from cleanroom.privacy.sensitivity import MAX_STAGES, Removed
from support.stages import Pair, World, chain, labellings, match_in_stages, without

ALL_STAGES = range(1, MAX_STAGES + 1)
# For values in [-1, 1], in the columns of the guarantee.
SIGNED_OWN = [1, 2, 5, 8, 13, 18]
SIGNED_PARTNER = [1, 4, 5, 8, 13, 20]
OWN_REMOVED = {Removed.OWN: True, Removed.PARTNER: False}


def changed_pairs(stages, removed):
    """The signed pairs of the longest chain: +1 only in the larger world, -1 only in the other."""
    own, partner = chain(stages, first_is_own=OWN_REMOVED[removed])
    smaller = (without(own, 0), partner) if OWN_REMOVED[removed] else (own, without(partner, 0))
    return difference(match_in_stages(own, partner, stages), match_in_stages(*smaller, stages))


def difference(larger: list[Pair], smaller: list[Pair]) -> list[tuple[Pair, int]]:
    return [(p, 1) for p in larger if p not in smaller] + [
        (p, -1) for p in smaller if p not in larger
    ]


def chains_up_to(stages, removed):
    return [changed_pairs(k, removed) for k in range(1, stages + 1)]


def squared(cells: Counter) -> int:
    return sum(v * v for v in cells.values())


def largest_matched_by_own(changes) -> int:
    people = sorted({p.own for p, _ in changes})
    worst = 0
    for cells in labellings(len(people)):
        cell = dict(zip(people, cells, strict=True))
        moved: Counter = Counter()
        for pair, sign in changes:
            moved[cell[pair.own]] += sign
        worst = max(worst, squared(moved))
    return worst


def largest_by_both(changes) -> int:
    people = sorted({p.own for p, _ in changes}), sorted({p.partner for p, _ in changes})
    worst = 0
    for rows, columns in product(*(list(labellings(len(side))) for side in people)):
        row, column = (
            dict(zip(people[0], rows, strict=True)),
            dict(zip(people[1], columns, strict=True)),
        )
        moved: Counter = Counter()
        for pair, sign in changes:
            moved[row[pair.own], column[pair.partner]] += sign
        worst = max(worst, squared(moved))
    return worst


def largest_partner_sum(changes, bound) -> int:
    people = sorted({p.own for p, _ in changes})
    partners = sorted({p.partner for p, _ in changes})
    worst = 0
    for values in product(range(bound + 1), repeat=len(partners)):
        value = dict(zip(partners, values, strict=True))
        for cells in labellings(len(people)):
            cell = dict(zip(people, cells, strict=True))
            moved: Counter = Counter()
            for pair, sign in changes:
                moved[cell[pair.own]] += sign * value[pair.partner]
            worst = max(worst, squared(moved))
    return worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
def test_a_chain_changes_one_pair_a_stage_by_turns_in_one_world(stages, removed):
    changes = sorted(changed_pairs(stages, removed), key=lambda c: c[0].stage)

    assert [p.stage for p, _ in changes] == list(range(stages))
    assert [sign for _, sign in changes] == [(-1) ** s for s in range(stages)]


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
def test_matched_by_own_attributes_is_the_exact_maximum(stages, removed):
    worst = max(largest_matched_by_own(c) for c in chains_up_to(stages, removed))

    assert sensitivity.matched_by_own_attributes(stages, removed) == worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
def test_pairs_by_both_attributes_is_the_exact_maximum(stages, removed):
    worst = max(largest_by_both(c) for c in chains_up_to(stages, removed))

    assert sensitivity.pairs_by_both_attributes(stages) == worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
def test_partner_sum_is_the_exact_maximum(stages, removed):
    worst = max(largest_partner_sum(c, 1) for c in chains_up_to(stages, removed))

    assert sensitivity.partner_sum(stages, 1, removed) == worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", range(1, 6))
def test_values_between_the_bounds_never_move_a_partner_sum_further(stages, removed):
    worst = max(largest_partner_sum(c, 3) for c in chains_up_to(stages, removed))

    assert sensitivity.partner_sum(stages, 3, removed) == worst


def test_the_tables_are_those_of_the_privacy_guarantee():
    assert [sensitivity.pairs_by_both_attributes(k) for k in ALL_STAGES] == [1, 2, 3, 4, 7, 10]
    assert [sensitivity.partner_sum(k, 1, Removed.OWN) for k in ALL_STAGES] == [1, 2, 2, 2, 5, 8]
    partner = [sensitivity.partner_sum(k, 1, Removed.PARTNER) for k in ALL_STAGES]
    assert partner == [1, 1, 2, 2, 5, 5]


@pytest.mark.parametrize("stages", [0, MAX_STAGES + 1])
def test_a_number_of_stages_without_a_proof_is_refused(stages):
    with pytest.raises(ValueError, match="stages"):
        sensitivity.pairs_by_both_attributes(stages)
    with pytest.raises(ValueError, match="stages"):
        sensitivity.partner_sum(stages, 1, Removed.OWN)
    with pytest.raises(ValueError, match="stages"):
        sensitivity.matched_by_own_attributes(stages, Removed.OWN)


# A token is unique on its side: each stage deals its few tokens to different records.
@st.composite
def sides(draw, stages):
    count = draw(st.integers(1, 6))
    columns = [
        draw(
            st.lists(
                st.one_of(st.none(), st.integers(0, 6)), min_size=count, max_size=count
            ).filter(
                lambda ts: len({t for t in ts if t is not None}) == sum(t is not None for t in ts)
            )
        )
        if draw(st.booleans())
        else draw(st.permutations(range(count)))
        for _ in range(stages)
    ]
    return {i: tuple(c[i] for c in columns) for i in range(count)}


@st.composite
def neighbours(draw):
    """Two sides, the stages, and the record that only the larger world has."""
    stages = draw(st.integers(1, 5))
    own, partner = draw(sides(stages)), draw(sides(stages))
    removed = draw(st.sampled_from(Removed))
    record = draw(st.sampled_from(sorted(own if removed is Removed.OWN else partner)))
    return stages, own, partner, removed, record


def in_both_worlds(case) -> tuple[list[Pair], list[Pair]]:
    stages, own, partner, removed, record = case
    own_less = without(own, record) if removed is Removed.OWN else own
    partner_less = without(partner, record) if removed is Removed.PARTNER else partner
    return match_in_stages(own, partner, stages), match_in_stages(own_less, partner_less, stages)


@given(case=neighbours())
@settings(max_examples=300)
def test_neighbouring_worlds_differ_by_at_most_one_pair_a_stage_and_one_pair_in_all(case):
    larger, smaller = in_both_worlds(case)
    changes = difference(larger, smaller)

    by_stage: Counter = Counter(p.stage for p, _ in changes)
    assert max(by_stage.values(), default=0) <= sensitivity.PAIRS_OF_ONE_STAGE
    assert abs(len(larger) - len(smaller)) <= sensitivity.PAIRS_IN_ONE_CELL


@given(case=neighbours(), data=st.data())
@settings(max_examples=300)
def test_neighbouring_worlds_keep_to_every_sensitivity(case, data):
    stages, own, partner, removed, _ = case
    changes = difference(*in_both_worlds(case))
    row = {i: data.draw(st.integers(0, 2)) for i in own}
    column = {i: data.draw(st.integers(0, 2)) for i in partner}
    value = {i: data.draw(st.sampled_from((0, 2, 5))) for i in partner}

    by_own, by_both, total = Counter(), Counter(), Counter()
    for pair, sign in changes:
        by_own[row[pair.own]] += sign
        by_both[row[pair.own], column[pair.partner]] += sign
        total[row[pair.own]] += sign * value[pair.partner]
    assert squared(by_own) <= sensitivity.matched_by_own_attributes(stages, removed)
    assert squared(by_both) <= sensitivity.pairs_by_both_attributes(stages)
    assert squared(total) <= sensitivity.partner_sum(stages, 5, removed)


def small_sides() -> list[World]:
    """Every side of two records over two stages with tokens 0, 1 or none."""
    column = [(a, b) for a, b in product((None, 0, 1), repeat=2) if a is None or a != b]
    return [{i: (x[i], y[i]) for i in range(2)} for x, y in product(column, repeat=2)]


def test_every_small_world_keeps_to_the_lemma():
    worst = 0
    for own, partner in product(small_sides(), repeat=2):
        for record in own:
            larger = match_in_stages(own, partner, 2)
            smaller = match_in_stages(without(own, record), partner, 2)
            changes = difference(larger, smaller)
            worst = max(worst, len(changes))
            assert len({p.stage for p, _ in changes}) == len(changes)
            assert abs(len(larger) - len(smaller)) <= 1

    assert worst == 2  # the lemma is tight


def largest_signed_sum(changes, values) -> int:
    """The exact maximum for partners' values of a list, over all cells."""
    people = sorted({p.own for p, _ in changes})
    partners = sorted({p.partner for p, _ in changes})
    worst = 0
    for chosen in product(values, repeat=len(partners)):
        value = dict(zip(partners, chosen, strict=True))
        for cells in labellings(len(people)):
            cell = dict(zip(people, cells, strict=True))
            moved: Counter = Counter()
            for pair, sign in changes:
                moved[cell[pair.own]] += sign * value[pair.partner]
            worst = max(worst, squared(moved))
    return worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-2, 1), (-1, 3), (-2, 0), (0, 2)])
def test_partner_sum_of_signed_values_is_the_exact_maximum(stages, removed, low, high):
    values = sorted({low, 0, high})
    worst = max(largest_signed_sum(c, values) for c in chains_up_to(stages, removed))

    assert sensitivity.partner_sum(stages, high, removed, low=low) == worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", range(1, 6))
def test_signed_values_between_the_ends_never_move_a_partner_sum_further(stages, removed):
    values = range(-1, 3)
    worst = max(largest_signed_sum(c, values) for c in chains_up_to(stages, removed))

    assert sensitivity.partner_sum(stages, 2, removed, low=-1) == worst


def test_the_table_of_signed_values_is_that_of_the_privacy_guarantee():
    def found(removed):
        return [sensitivity.partner_sum(k, 1, removed, low=-1) for k in ALL_STAGES]

    assert found(Removed.OWN) == SIGNED_OWN
    assert found(Removed.PARTNER) == SIGNED_PARTNER


@pytest.mark.parametrize(("low", "high"), [(1, 2), (-2, -1)])
def test_values_that_cannot_be_zero_are_refused(low, high):
    with pytest.raises(ValueError, match="zero"):
        sensitivity.partner_sum(2, high, Removed.OWN, low=low)


def largest_in_one_cell(changes, values) -> int:
    """The exact maximum where some people, whoever they are, are counted and others are not."""
    people = sorted({p.own for p, _ in changes})
    partners = sorted({p.partner for p, _ in changes})
    worst = 0
    for chosen in product(values, repeat=len(partners)):
        value = dict(zip(partners, chosen, strict=True))
        for counted in product((False, True), repeat=len(people)):
            here = {p for p, yes in zip(people, counted, strict=True) if yes}
            moved = sum(sign * value[p.partner] for p, sign in changes if p.own in here)
            worst = max(worst, moved * moved)
    return worst


@pytest.mark.parametrize("removed", Removed)
@pytest.mark.parametrize("stages", ALL_STAGES)
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (-2, 1), (-1, 3)])
def test_partner_sum_in_one_cell_is_the_exact_maximum(stages, removed, low, high):
    values = sorted({low, 0, high})
    worst = max(largest_in_one_cell(c, values) for c in chains_up_to(stages, removed))

    assert sensitivity.partner_sum_in_one_cell(stages, high, removed, low=low) == worst

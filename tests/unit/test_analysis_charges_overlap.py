"""Planned sensitivities of overlaps and of purchases after contacts, on neighbouring datasets."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.analysis.charges import charges
from cleanroom.analysis.request import pattern_name
from cleanroom.privacy import sensitivity
from cleanroom.privacy.sensitivity import Removed
from support import allowances
from support.allowances import CITY, TIER
from support.stages import match_in_stages, without

STAGES = 5
BOUND = 3
DAYS = 7
CITIES, TIERS = len(CITY.values), len(TIER.values)
times = st.lists(st.integers(0, 4).map(lambda step: step * (DAYS + 1)), max_size=4)


@st.composite
def sides(draw, people=5):
    """Records with tokens unique on their side at every stage, a cell and times of events."""
    columns = [draw(st.permutations([*range(people), None, None])) for _ in range(STAGES)]
    tokens = {i: tuple(c[i] for c in columns) for i in range(people)}
    return tokens, [(draw(st.integers(0, 1)), draw(times)) for _ in range(people)]


def after_a_contact(contacts, purchases) -> int:
    return sum(any(0 <= bought - seen <= DAYS for seen in contacts) for bought in purchases)


def count_ropo(own, partner, mine, theirs) -> Counter:
    """Every statistic of both definitions by (name, cell), straight from its meaning."""
    exact: Counter = Counter()
    for person in own:
        cell, contacts = mine[person]
        exact["contacted", cell] += bool(contacts)
    for person in partner:
        cell, bought = theirs[person]
        exact["buyers", cell] += bool(bought)
        exact["purchases", cell] += min(BOUND, len(bought))
    for pair in match_in_stages(own, partner, STAGES):
        cell, contacts = mine[pair.own]
        where, bought = theirs[pair.partner]
        followed = after_a_contact(contacts, bought)
        exact["converted", cell] += bool(followed)
        exact["preceded", where] += min(BOUND, followed)
    return exact


@given(own_side=sides(), partner_side=sides(), record=st.integers(0, 4), place=st.integers(0, 1))
@settings(max_examples=200)
def test_one_record_moves_no_ropo_statistic_further_than_planned(
    own_side, partner_side, record, place
):
    (own, mine), (partner, theirs) = own_side, partner_side
    dataset = allowances.PAIR[place]
    fewer = (own, without(partner, record)) if place else (without(own, record), partner)

    moved = count_ropo(own, partner, mine, theirs)
    moved.subtract(count_ropo(*fewer, mine, theirs))
    for allowance in (
        allowances.conversion(stages=STAGES, by_city=True),
        allowances.share_of_sales(stages=STAGES, bound=BOUND, by_tier=True),
    ):
        for charge in charges(allowance):
            squared = sum(v * v for (name, _), v in moved.items() if name == charge.name)
            assert squared <= charge.share.l2_squared[dataset], charge.name


def count_overlap(datasets, others, cells) -> Counter:
    hub, *rest = datasets
    reached = [{p.own for p in match_in_stages(hub, other, STAGES)} for other in rest]
    exact: Counter = Counter()
    for person in hub:
        pattern = tuple(o for o, m in zip(others, reached, strict=True) if person in m)
        exact[pattern_name(pattern), cells[person]] += 1
    return exact


@given(data=st.data(), others=st.integers(2, 4))
@settings(max_examples=150)
def test_one_record_moves_an_overlap_no_further_than_planned(data, others):
    allowance = allowances.overlap(others=others, stages=STAGES, by_city=True)
    question = allowance.question
    drawn = [data.draw(sides()) for _ in question.datasets]
    datasets, cells = [tokens for tokens, _ in drawn], [cell for cell, _ in drawn[0][1]]
    place, record = data.draw(st.integers(0, others)), data.draw(st.integers(0, 4))
    fewer = [without(d, record) if n == place else d for n, d in enumerate(datasets)]

    moved = count_overlap(datasets, question.others, cells)
    moved.subtract(count_overlap(fewer, question.others, cells))
    (charge,) = charges(allowance)
    assert {name for name, _ in moved} <= set(charge.released)
    assert sum(v * v for v in moved.values()) <= charge.share.l2_squared[question.datasets[place]]


@pytest.mark.parametrize(
    ("allowance", "statistic", "l2_squared"),
    [
        (allowances.overlap(stages=1), "patterns", (1, 2, 2)),
        (allowances.overlap(stages=3), "patterns", (7, 2, 2)),
        (allowances.overlap(others=4, stages=2), "patterns", (21, 2, 2, 2, 2)),
        (allowances.conversion(stages=3), "contacted", (1, 0)),
        (allowances.conversion(stages=1), "converted", (1, 1)),
        (allowances.conversion(stages=2), "converted", (2, 1)),
        (allowances.conversion(stages=6), "converted", (10, 9)),
        (allowances.share_of_sales(stages=3), "buyers", (0, 1)),
        (allowances.share_of_sales(stages=3, bound=5), "purchases", (0, 25)),
        (allowances.share_of_sales(stages=1, bound=5), "preceded", (25, 25)),
        (allowances.share_of_sales(stages=2, bound=5), "preceded", (25, 50)),
        (allowances.share_of_sales(stages=6, bound=5), "preceded", (9 * 25, 10 * 25)),
    ],
)
def test_each_statistic_is_charged_the_table_of_the_guarantee(allowance, statistic, l2_squared):
    by_name = {c.name: c.share.l2_squared for c in charges(allowance)}

    assert tuple(by_name[statistic][d] for d in allowance.question.datasets) == l2_squared


def test_real_contacts_and_purchases_reach_the_sensitivity_of_a_pair_sum():
    """Three stages: the chain's last person is converted in both worlds by one partner alone."""
    # Contacts and purchases at one time of their own for each pair that shall count.
    blank = (None, None)
    own = {0: (0, None, None, *blank), 1: (None, 1, 2, *blank)}
    partner = {10: (0, 1, None, *blank), 11: (None, None, 2, *blank)}
    mine, theirs = {0: (0, [0]), 1: (0, [100])}, {10: (0, [0] * BOUND), 11: (0, [100] * BOUND)}

    moved = count_ropo(own, partner, mine, theirs)
    moved.subtract(count_ropo(without(own, 0), partner, mine, theirs))
    assert moved["converted", 0] ** 2 == sensitivity.pair_sum(3, 1, Removed.OWN)

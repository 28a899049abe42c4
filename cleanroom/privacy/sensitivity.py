"""How far one person record can move each statistic: squared L2 sensitivities, exact integers.

Must not know noise, losses or questions. Every number is for adding or removing one record of
one side of a matching in stages (docs/privacy-guarantee.md, "Stability of matching", proves
them; tests/unit/test_privacy_sensitivity.py finds the same numbers by exhaustive enumeration).

Why few records change: at each stage the records whose state (free or matched) differs between
the two worlds are at most one, because it leaves that set only by taking a partner who enters it.
So at most one pair changes at each stage, and the changed pairs form a chain whose links are by
turns only in one world and only in the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cache
from itertools import product
from typing import NamedTuple

# Longest walk proven by enumeration; one stage for each key type.
MAX_STAGES = 6

# The count of people of one dataset, its cells being disjoint: its own record moves one cell by
# one, a record of the other dataset moves none.
OWN_PEOPLE = 1
OTHER_PEOPLE = 0

# The number of pairs moves by at most one: the links of a chain cancel by turns. The same holds
# for the pairs made in one stage, in however many cells they fall.
PAIRS_IN_ONE_CELL = 1
PAIRS_OF_ONE_STAGE = 1

# Largest squared length of a sum of unit vectors of alternating sign along a walk on a grid that
# turns at every step, for 1 to MAX_STAGES steps.
_PAIRS_BY_BOTH_SIDES = (1, 2, 3, 4, 7, 10)


class Removed(Enum):
    """Whose record is added or removed, seen from the side that carries the statistic."""

    OWN = "own"  # of the dataset whose attributes or people make the cells
    PARTNER = "partner"  # of the dataset matched to it


def matched_by_own_attributes(stages: int, removed: Removed) -> int:
    """Matched people of a side, in cells by attributes of that side.

    Along a chain every record of the side but its ends is matched in both worlds: removing an
    own record can lose that record and gain another; removing a partner moves one.
    """
    check_stages(stages)
    match removed:
        case Removed.OWN:
            return min(stages, 2)
        case Removed.PARTNER:
            return 1


def matched_along(pairs: int, removed: Removed) -> int:
    """Matched people in cells by own attributes, along a chain of exactly so many pairs."""
    check_stages(pairs)
    match removed:
        case Removed.OWN:
            return 2 - pairs % 2
        case Removed.PARTNER:
            return pairs % 2


def pairs_by_both_attributes(stages: int) -> int:
    """Pairs, in cells by attributes of both records, whichever side loses one."""
    check_stages(stages)
    return _PAIRS_BY_BOTH_SIDES[stages - 1]


@cache
def partner_sum(stages: int, bound: int, removed: Removed, *, low: int = 0) -> int:
    """Sum over people of their partner's value in [low, bound], in cells by their own attributes.

    Zero for people without a partner, so `low` is not above zero. The squared length is convex in
    the partners' values, so they sit at the ends of their range; it is longest with all gains in
    one cell and all losses in another. Every chain of up to `stages` pairs is looked at.
    """
    return max(
        gains * gains + losses * losses
        for gains, losses in _gains_and_losses(stages, (low, bound), removed)
    )


@cache
def partner_sum_in_one_cell(stages: int, bound: int, removed: Removed, *, low: int = 0) -> int:
    """The same where one cell is counted, of people chosen by their own attributes.

    Of the people who gain and those who lose, only the ones may be counted.
    """
    return max(
        max(gains, losses) ** 2
        for gains, losses in _gains_and_losses(stages, (low, bound), removed)
    )


def _gains_and_losses(
    stages: int, ends: tuple[int, int], removed: Removed
) -> Iterator[tuple[int, int]]:
    """Yield what the people along each chain gain in all, and what they lose."""
    check_stages(stages)
    if not ends[0] <= 0 <= ends[1]:
        raise ValueError("values range from at most zero to at least zero")
    for pairs in range(1, stages + 1):
        for changes in _chains(pairs, ends, removed):
            yield sum(c for c in changes if c > 0), -sum(c for c in changes if c < 0)


def pair_sum(stages: int, bound: int, removed: Removed) -> int:
    """Sum over pairs of a value in [0, bound] of both records, in cells by the own record.

    The values of the pairs of a chain are free of each other, so an own record that is in two of
    them, one in each world, changes by any amount up to the bound either way. The worst is that
    all such changes go one way in one cell, `(K + 1) // 2` of them; an even chain after an own removal begins with a gain
    and ends with a loss, of which one goes to another cell.
    """
    check_stages(stages)
    if bound < 0:
        raise ValueError("a bound is not negative")
    odd = ((stages + 1) // 2) ** 2
    even = (stages // 2) ** 2 + 1 if stages > 1 else 0
    match removed:
        case Removed.OWN:
            return bound * bound * max(odd, even)
        case Removed.PARTNER:
            return bound * bound * odd


def overlap_patterns(stages: int, others: int, removed: Removed) -> int:
    """People of a hub by the set of `others` datasets they are matched in, and own attributes.

    A record of another dataset flips one bit of at most one person, who leaves a cell for
    another. A hub record leaves its cell, and with several stages can free, in each matching, a
    partner for one more person, whose bit it sets: at worst all leave one cell for different ones.
    """
    check_stages(stages)
    if others < 1:
        raise ValueError("an overlap has at least one other dataset")
    match removed:
        case Removed.OWN:
            return 1 if stages == 1 else others * others + others + 1
        case Removed.PARTNER:
            return 2


class Link(NamedTuple):
    """A pair of a chain: its person, its partner, and whether it is only in the larger world."""

    person: int
    partner: int
    sign: int


@cache
def links(pairs: int, removed: Removed) -> tuple[Link, ...]:
    """Return the pairs along a chain, by turns only in the larger world and only in the smaller.

    When an own record is removed, each partner is in two neighbouring pairs, its person losing in
    one what the next one gains; when a partner is, each own record is in two, and its value
    changes from one partner's to the next one's. Who stands at the end of the chain is in one pair.
    """
    first = 0 if removed is Removed.OWN else 1
    return tuple(
        Link(person=(pair + 1 - first) // 2, partner=(pair + first) // 2, sign=1 - 2 * (pair % 2))
        for pair in range(pairs)
    )


def _chains(pairs: int, ends: tuple[int, int], removed: Removed) -> Iterator[list[int]]:
    """Yield the changes of the people along a chain of so many pairs, for all values at the ends."""
    partners = 1 + max(link.partner for link in links(pairs, removed))
    for values in product(ends, repeat=partners):
        changes: dict[int, int] = {}
        for person, partner, sign in links(pairs, removed):
            changes[person] = changes.get(person, 0) + sign * values[partner]
        yield list(changes.values())


def check_stages(stages: int) -> None:
    """Raise ValueError for a number of stages without a proof."""
    if not 1 <= stages <= MAX_STAGES:
        raise ValueError(f"stages are from 1 to {MAX_STAGES}")

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

from enum import Enum

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
    _check_stages(stages)
    match removed:
        case Removed.OWN:
            return min(stages, 2)
        case Removed.PARTNER:
            return 1


def pairs_by_both_attributes(stages: int) -> int:
    """Pairs, in cells by attributes of both records, whichever side loses one."""
    _check_stages(stages)
    return _PAIRS_BY_BOTH_SIDES[stages - 1]


def partner_sum(stages: int, bound: int, removed: Removed) -> int:
    """Sum over people of their partner's value in [0, bound], in cells by their own attributes.

    Zero for people without a partner. The changes of the people along a chain are differences of
    neighbouring values, so their running sums stay within one bound; the worst is +bound,
    -bound, ... over `turns` people, all gains in one cell and all losses in another.
    """
    _check_stages(stages)
    if bound < 0:
        raise ValueError("a bound is not negative")
    turns = _turns(stages, removed)
    gains, losses = (turns + 1) // 2, turns // 2
    return bound * bound * (gains * gains + losses * losses)


def pair_sum(stages: int, bound: int, removed: Removed) -> int:
    """Sum over pairs of a value in [0, bound] of both records, in cells by the own record.

    The values of the pairs of a chain are free of each other, so an own record that is in two of
    them, one in each world, changes by any amount up to the bound either way. The worst is that
    all such changes go one way in one cell, `(K + 1) // 2` of them; an even chain after an own removal begins with a gain
    and ends with a loss, of which one goes to another cell.
    """
    _check_stages(stages)
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
    _check_stages(stages)
    if others < 1:
        raise ValueError("an overlap has at least one other dataset")
    match removed:
        case Removed.OWN:
            return 1 if stages == 1 else others * others + others + 1
        case Removed.PARTNER:
            return 2


def _turns(stages: int, removed: Removed) -> int:
    """Return how many people can change by a whole bound, by turns up and down."""
    match removed:
        case Removed.OWN:
            # A chain of an odd number m of pairs changes (m + 1) / 2 people, in any pattern. An
            # even one ends on a person without a partner in the larger world: 1 + m / 2 people,
            # whose changes add up to zero, so that gains and losses are equally many.
            odd = (stages + 1) // 2
            even = (1 + stages // 2) // 2 * 2
            return max(odd, even)
        case Removed.PARTNER:
            return (stages + 1) // 2


def _check_stages(stages: int) -> None:
    if not 1 <= stages <= MAX_STAGES:
        raise ValueError(f"stages are from 1 to {MAX_STAGES}")

"""What one record moves in several statistics at once, weighted; must not know noise or questions.

Each statistic has a worst neighbour of its own (sensitivity.py). Released together they lose only
what one and the same neighbour moves, which is less where two of them cannot be at their worst at
once. Every chain of changed pairs is looked at, with every way to put its people into cells and,
for what their partners bring, every corner of a polytope around the values that a partner may
have: a sum of squares of sums is convex in them, so that no value inside moves more
(docs/privacy-guarantee.md, "Released together").
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product

from cleanroom.privacy.sensitivity import Removed, check_stages, links

Labels = tuple[int | None, ...]  # of each person along a chain: a cell, or None where not counted
Row = tuple[int, ...]  # how often a cell gains the value of each partner


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """A count of people in cells by own attributes: of all people, or of the `matched` alone.

    `pooled` counts them in one cell; with `part` only some are counted, whoever they are.
    """

    weight: Fraction  # of one squared person
    matched: bool = False
    pooled: bool = False
    part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums of what partners bring, in one cell or in cells by own attributes.

    `points` are the corners, each with one integer for each statistic; `weights` those of one
    squared unit. A value may lie up to `slacks` units beside the polytope.
    """

    weights: tuple[Fraction, ...]
    points: tuple[tuple[int, ...], ...]
    slacks: tuple[int, ...]
    pooled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSum:
    """A sum of partners' values from `low` to `high` over some of the people, whoever they are."""

    weight: Fraction
    low: int
    high: int


Moved = Heads | Sums | PartSum


@lru_cache(maxsize=1024)  # plans of one search ask for the same again and again
def moved_together(stages: int, removed: Removed, moved: tuple[Moved, ...]) -> Fraction:
    """Return the most that one removed record moves all of them, weighted and added up.

    Raises ValueError for a number of stages without a proof.
    """
    check_stages(stages)
    some_uncounted = any(isinstance(m, Heads | Sums) and m.pooled for m in moved)
    return max(
        sum((_most(m, pairs, removed, labels) for m in moved), Fraction(0))
        for pairs in range(1, stages + 1)
        for labels in _labellings(_people(pairs, removed), some_uncounted)
    )


def _most(moved: Moved, pairs: int, removed: Removed, labels: Labels) -> Fraction:
    match moved:
        case Heads():
            return moved.weight * _heads(moved, pairs, removed, labels)
        case Sums():
            return _sums(moved, pairs, _rows(pairs, removed, labels, moved.pooled))
        case PartSum():
            return moved.weight * _part_sum(moved, pairs, removed)


def _heads(heads: Heads, pairs: int, removed: Removed, labels: Labels) -> int:
    """Return how far a count moves: who is removed, or loses a match, and who gains one."""
    last, changed = len(labels) - 1, Counter[int]()
    if removed is Removed.OWN:
        changed[0] -= 1
        changed[last] += heads.matched and pairs % 2 == 0
    else:
        changed[last] -= heads.matched and pairs % 2 == 1
    if heads.part:
        return sum(abs(c) for c in changed.values())
    cells = Counter[int]()
    for person, change in changed.items():
        label = labels[person]
        if label is not None:
            cells[0 if heads.pooled else label] += change
    return sum(c * c for c in cells.values())


def _part_sum(moved: PartSum, pairs: int, removed: Removed) -> int:
    """Return the squared length with all gains in one cell and all losses in another."""
    most = 0
    partners = 1 + max(link.partner for link in links(pairs, removed))
    for values in product((moved.low, moved.high), repeat=partners):
        changes = Counter[int]()
        for person, partner, sign in links(pairs, removed):
            changes[person] += sign * values[partner]
        gains = sum(c for c in changes.values() if c > 0)
        losses = sum(c for c in changes.values() if c < 0)
        most = max(most, gains * gains + losses * losses)
    return most


@lru_cache(maxsize=4096)  # many labellings give the same rows
def _sums(moved: Sums, pairs: int, rows: frozenset[Row]) -> Fraction:
    """Return the most over all corners that each partner of a chain may sit at."""
    if not rows:
        return Fraction(0)
    whole = math.lcm(*(w.denominator for w in moved.weights))
    kinds = [
        (int(w * whole), slack * pairs, [point[k] for point in moved.points])
        for k, (w, slack) in enumerate(zip(moved.weights, moved.slacks, strict=True))
    ]
    partners = len(next(iter(rows)))
    places = product(range(len(moved.points)), repeat=partners)
    return Fraction(max(_lost(kinds, rows, at) for at in places), whole)


def _lost(
    kinds: Sequence[tuple[int, int, Sequence[int]]], rows: frozenset[Row], at: Sequence[int]
) -> int:
    total = 0
    for weight, slack, values in kinds:
        for row in rows:
            moved = sum(times * values[place] for times, place in zip(row, at, strict=True))
            total += weight * (abs(moved) + slack) ** 2
    return total


def _rows(pairs: int, removed: Removed, labels: Labels, pooled: bool) -> frozenset[Row]:  # noqa: FBT001 - a field of its caller
    """Return of each cell how often it gains each partner's value; cells that gain none are left out.

    No two cells are alike: they would gain of a partner more than once.
    """
    partners = 1 + max(link.partner for link in links(pairs, removed))
    cells: dict[int, list[int]] = {}
    for person, partner, sign in links(pairs, removed):
        label = labels[person]
        if label is not None:
            cells.setdefault(0 if pooled else label, [0] * partners)[partner] += sign
    return frozenset(tuple(row) for row in cells.values() if any(row))


def _people(pairs: int, removed: Removed) -> int:
    return 1 + max(link.person for link in links(pairs, removed))


def _labellings(count: int, some_uncounted: bool, so_far: Labels = ()) -> Iterator[Labels]:  # noqa: FBT001
    """Yield every way to put so many people into cells, up to renaming the cells."""
    if len(so_far) == count:
        yield so_far
        return
    cells = 1 + max((label for label in so_far if label is not None), default=-1)
    for label in (*range(cells + 1), *((None,) if some_uncounted else ())):
        yield from _labellings(count, some_uncounted, (*so_far, label))

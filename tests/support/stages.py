"""Matching in stages as plainly as it can be written, for sensitivities; knows no engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

Tokens = tuple[int | None, ...]
World = dict[int, Tokens]  # record id -> one token or none for each stage


class Pair(NamedTuple):
    own: int
    partner: int
    stage: int


def match_in_stages(own: World, partner: World, stages: int) -> list[Pair]:
    """Join, stage by stage, the records that are still free and hold the same token."""
    pairs: list[Pair] = []
    free_own, free_partner = dict(own), dict(partner)
    for stage in range(stages):
        holders = {t[stage]: b for b, t in free_partner.items() if t[stage] is not None}
        found = [
            Pair(a, holders[t[stage]], stage) for a, t in free_own.items() if t[stage] in holders
        ]
        for pair in found:
            del free_own[pair.own], free_partner[pair.partner]
        pairs += found
    return pairs


def chain(stages: int, *, first_is_own: bool) -> tuple[World, World]:
    """Return the worlds in which removing record 0 changes one pair at every stage.

    Record i and i + 1, on sides by turns, share the token of stage i.
    """
    sides: tuple[dict[int, list[int | None]], ...] = ({}, {})
    side = 0 if first_is_own else 1
    sides[side][0] = [None] * stages
    for stage in range(stages):
        sides[side][stage][stage] = stage
        side = 1 - side
        sides[side][stage + 1] = [None] * stages
        sides[side][stage + 1][stage] = stage
    own, partner = ({i: tuple(t) for i, t in s.items()} for s in sides)
    return own, partner


def without(world: World, record: int) -> World:
    return {i: t for i, t in world.items() if i != record}


def labellings(count: int, so_far: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield every way to put `count` records into cells, up to renaming the cells."""
    if len(so_far) == count:
        yield so_far
        return
    for cell in range(max(so_far, default=-1) + 2):
        yield from labellings(count, (*so_far, cell))

"""From noisy statistics to released cells with intervals, by post-processing alone.

Must not know exact values: its inputs are noisy integers and a public plan, so nothing it does
costs privacy. Does not force a figure into its possible range: a cut would bias sums over cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from cleanroom.analysis import contribution, lift, match, overlap, reach, ropo
from cleanroom.analysis.consistency import blank, consistent
from cleanroom.analysis.lift_strata import is_kept, suffix
from cleanroom.analysis.plan import Plan, StatisticPlan
from cleanroom.analysis.request import BY_KEY, ONLY_IN, UNMATCHED, UP_TO, Statistics
from cleanroom.model.dataset import Cell
from cleanroom.model.measurement import CellResult, Figure
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Ropo,
    SalesLift,
    SegmentSize,
)


def estimate(
    plan: Plan, noisy: Statistics, pooled: Mapping[str, int] = MappingProxyType({})
) -> tuple[CellResult, ...]:
    """Return one result for each cell of `plan`, in its order.

    A cell is suppressed unless every noisy count of people that makes it reaches the line: the
    people of each dataset, the matched people, the people of each arm, those pooled over all
    cells, all people of a grid. A count per key type, pattern or grid point is a part of a cell,
    not a cell: below the line it is withheld alone; so is a stratum, with all its statistics. A
    cell where nothing else is left is withheld, but for a grid, whose figures read all of it.
    """
    names = names_of_a_cell(plan)
    everywhere = dict.fromkeys((*names, *_pooled_names(plan)), max(1, plan.line))
    shape = figures_of_cell(plan, everywhere)
    cells = tuple(
        _cell(
            plan,
            cell,
            {n: noisy.values[k][j] for n, k, j in places_of_a_cell(plan, i)} | dict(pooled),
            shape,
        )
        for i, cell in enumerate(plan.cells)
    )
    return reach.with_reach(plan, cells)


def pooled_statistics(plan: Plan, pooled: Mapping[str, int]) -> tuple[tuple[str, int | None], ...]:
    """Return the statistics of a first stage as they are released; below the line, without values."""
    few = any(pooled[name] < plan.line for name in _counts(plan.pooled))
    return tuple((name, None if few else pooled[name]) for name in _pooled_names(plan))


def names_of_a_cell(plan: Plan) -> tuple[str, ...]:
    """Return the names of a cell's statistics: one of each, or one of each for each stratum."""
    return tuple(name for name, _, _ in places_of_a_cell(plan, 0))


def places_of_a_cell(plan: Plan, cell: int) -> Iterator[tuple[str, str, int]]:
    """Yield each statistic's name in a cell, its name as released, and its place among all."""
    strata = plan.strata or ((),)
    for released in plan.released:
        for position, stratum in enumerate(strata):
            yield f"{released}{suffix(stratum)}", released, cell * len(strata) + position


def _cell(
    plan: Plan, cell: Cell, values: Mapping[str, int], shape: tuple[Figure, ...]
) -> CellResult:
    names = names_of_a_cell(plan)
    kept = kept_of_cell(plan, values)
    if kept is None:
        return CellResult(
            cell=cell,
            suppressed=True,
            statistics=tuple((name, None) for name in names),
            consistent=blank(names),
            figures=tuple(_blank(figure) for figure in shape),
        )
    figured = values if isinstance(plan.question, ContributionBound) else kept
    return CellResult(
        cell=cell,
        suppressed=False,
        statistics=tuple((name, kept.get(name)) for name in names),
        consistent=consistent(plan, names, kept),
        figures=figures_of_cell(plan, figured),
    )


def kept_of_cell(plan: Plan, values: Mapping[str, int]) -> dict[str, int] | None:
    """Return the statistics that may be shown; None where the cell is suppressed."""
    if any(values[name] < plan.line for name in _counts(plan.pooled)):
        return None
    if plan.strata:
        strata = [suffix(s) for s in plan.strata if is_kept(plan, values, s)]
        shown = {f"{name}{stratum}" for name in plan.released for stratum in strata}
        return {n: v for n, v in values.items() if n in shown} or None
    if any(people < plan.line for people in _people_of_a_cell(plan, values)):
        return None
    kept = {n: v for n, v in values.items() if not _is_part(n) or v >= plan.line}
    # A bound is read off the whole grid, of which each point alone may be withheld.
    return kept if kept or isinstance(plan.question, ContributionBound) else None


def figures_of_cell(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return the figures of a cell; names and units depend on the plan alone."""
    match plan.question:
        case MatchRate():
            return match.match_rate(plan, values)
        case SegmentSize():
            return match.segment_size(plan, values)
        case SalesLift():
            return lift.sales_lift(plan, values)
        case ContributionBound() as question:
            return contribution.contribution_bound(plan, question, values)
        case Overlap() as question:
            return overlap.overlap(plan, question, values)
        case Ropo() as question:
            return ropo.ropo(plan, question, values)


def _counts(statistics: tuple[StatisticPlan, ...]) -> tuple[str, ...]:
    counted = (s for s in statistics if s.counts_people)
    return tuple(name for s in counted for name in s.released if not _is_part(name))


def _people_of_a_cell(plan: Plan, values: Mapping[str, int]) -> tuple[int, ...]:
    """Return the noisy numbers of people that a cell is made of."""
    if isinstance(plan.question, ContributionBound):
        return (sum(values.values()),)
    return tuple(values[name] for name in _counts(plan.statistics))


def _pooled_names(plan: Plan) -> tuple[str, ...]:
    return tuple(name for s in plan.pooled for name in s.released)


def _is_part(name: str) -> bool:
    return name.startswith((BY_KEY, UP_TO, ONLY_IN)) or name == UNMATCHED


def _blank(figure: Figure) -> Figure:
    return replace(
        figure,
        value=None,
        low=None,
        high=None,
        noise_sd=None,
        sampling_se=None,
        undefined=None,
    )

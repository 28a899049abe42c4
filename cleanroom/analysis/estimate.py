"""From noisy statistics to released cells with intervals, by post-processing alone.

Must not know exact values: its inputs are noisy integers and a public plan, so nothing it does
costs privacy. Does not force a figure into its possible range: a cut would bias sums over cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cleanroom.analysis import contribution, lift, match, overlap, reach, ropo
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import ONLY_IN, UNMATCHED, UP_TO, Statistics
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

KEY_PREFIX = match.KEY_PREFIX


def estimate(plan: Plan, noisy: Statistics) -> tuple[CellResult, ...]:
    """Return one result for each cell of `plan`, in its order.

    A cell is suppressed unless every noisy count of people that makes it reaches the line: the
    people of each dataset, the matched people, the people of each arm, all people of a grid. A
    count per key type, pattern or grid point is a part of a cell, not a cell: below the line it is
    withheld alone, and the cell where nothing else is left.
    """
    shape = _figures(plan, dict.fromkeys(plan.released, max(1, plan.line)))
    cells = tuple(
        _cell(plan, cell, {n: noisy.values[n][i] for n in plan.released}, shape)
        for i, cell in enumerate(plan.cells)
    )
    return reach.with_reach(plan, cells)


def _cell(
    plan: Plan, cell: Cell, values: Mapping[str, int], shape: tuple[Figure, ...]
) -> CellResult:
    kept = _without_few(plan, values)
    if not kept or any(people < plan.line for people in _people_of_a_cell(plan, values)):
        return CellResult(
            cell=cell,
            suppressed=True,
            statistics=tuple((name, None) for name in plan.released),
            figures=tuple(_blank(figure) for figure in shape),
        )
    return CellResult(
        cell=cell,
        suppressed=False,
        statistics=tuple((name, kept.get(name)) for name in plan.released),
        figures=_figures(plan, values),
    )


def _figures(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return the figures of a cell; names and units depend on the plan alone."""
    match plan.question:
        case MatchRate():
            return match.match_rate(plan, _without_few(plan, values))
        case SegmentSize():
            return match.segment_size(plan, values)
        case SalesLift():
            return lift.sales_lift(plan, values)
        case ContributionBound() as question:
            return contribution.contribution_bound(plan, question, values)
        case Overlap() as question:
            return overlap.overlap(plan, question, _without_few(plan, values))
        case Ropo() as question:
            return ropo.ropo(plan, question, values)


def _people_of_a_cell(plan: Plan, values: Mapping[str, int]) -> tuple[int, ...]:
    """Return the noisy numbers of people that a cell is made of."""
    if isinstance(plan.question, ContributionBound):
        return (sum(values.values()),)
    counted = (s for s in plan.statistics if s.counts_people)
    return tuple(values[name] for s in counted for name in s.released if not _is_part(name))


def _without_few(plan: Plan, values: Mapping[str, int]) -> dict[str, int]:
    """Return the statistics without the parts of a cell that miss the line."""
    return {n: v for n, v in values.items() if not _is_part(n) or v >= plan.line}


def _is_part(name: str) -> bool:
    return name.startswith((KEY_PREFIX, UP_TO, ONLY_IN)) or name == UNMATCHED


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

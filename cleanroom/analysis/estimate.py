"""From noisy statistics to released cells with intervals, by post-processing alone.

Must not know exact values: its inputs are noisy integers and a public plan, so nothing it does
costs privacy. Does not force a figure into its possible range: a cut would bias sums over cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cleanroom.analysis import lift, match
from cleanroom.analysis.consistency import blank, consistent
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import Statistics
from cleanroom.model.dataset import Cell
from cleanroom.model.measurement import CellResult, Figure
from cleanroom.model.question import MatchRate, SalesLift, SegmentSize

KEY_PREFIX = match.KEY_PREFIX


def estimate(plan: Plan, noisy: Statistics) -> tuple[CellResult, ...]:
    """Return one result for each cell of `plan`, in its order.

    A cell is suppressed unless every noisy count of people that makes it reaches the line: the
    people of each dataset, the matched people, the people of each arm. A count per key type is a
    part of a cell, not a cell: below the line it is withheld alone.
    """
    shape = figures_of_cell(plan, dict.fromkeys(plan.released, max(1, plan.line)))
    return tuple(
        _cell(plan, cell, {n: noisy.values[n][i] for n in plan.released}, shape)
        for i, cell in enumerate(plan.cells)
    )


def _cell(
    plan: Plan, cell: Cell, values: Mapping[str, int], shape: tuple[Figure, ...]
) -> CellResult:
    suppressed = any(values[name] < plan.line for name in counts_of_a_cell(plan))
    if suppressed:
        return CellResult(
            cell=cell,
            suppressed=True,
            statistics=tuple((name, None) for name in plan.released),
            consistent=blank(plan),
            figures=tuple(_blank(figure) for figure in shape),
        )
    kept = {n: v for n, v in values.items() if not _is_key(n) or v >= plan.line}
    return CellResult(
        cell=cell,
        suppressed=False,
        statistics=tuple((name, kept.get(name)) for name in plan.released),
        consistent=consistent(plan, kept),
        figures=figures_of_cell(plan, kept),
    )


def figures_of_cell(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return the figures of a cell; names and units depend on the plan alone."""
    match plan.question:
        case MatchRate():
            return match.match_rate(plan, values)
        case SegmentSize():
            return match.segment_size(plan, values)
        case SalesLift():
            return lift.sales_lift(plan, values)


def counts_of_a_cell(plan: Plan) -> tuple[str, ...]:
    """Return the names of the statistics that must reach the line, or a cell is suppressed."""
    counted = (s for s in plan.statistics if s.counts_people)
    return tuple(name for s in counted for name in s.released if not _is_key(name))


def _is_key(name: str) -> bool:
    return name.startswith(KEY_PREFIX)


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

"""People with at least a number, from noisy counts of people in buckets; must not know events.

Sums over released buckets from one on, as they come: noise may make a later sum the larger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cleanroom.analysis.figures import counted, undefined
from cleanroom.analysis.plan import Plan
from cleanroom.model.measurement import CellResult, Figure
from cleanroom.model.question import SegmentSize

NAME = "people_at_least"
# The sum would tell a suppressed cell: it is the difference to the sum from the next bucket on.
_TELLS = "one of the cells from here on is suppressed"


def with_reach(plan: Plan, cells: Sequence[CellResult]) -> tuple[CellResult, ...]:
    """Return the cells of a segment size with one more figure for each bucketed dimension.

    It counts people in that bucket or a higher one, the other dimensions being as in the cell.
    """
    if not isinstance(plan.question, SegmentSize):
        return tuple(cells)
    found = tuple(_names(plan))
    return tuple(
        replace(one, figures=(*one.figures, *(_figure(plan, cells, i, p, n) for p, n in found)))
        for i, one in enumerate(cells)
    )


def _names(plan: Plan) -> Iterator[tuple[int, str]]:
    """Yield the place among the dimensions and the figure's name of each bucketed one."""
    bucketed = [(p, g) for p, g in enumerate(plan.groupings) if g.buckets is not None]
    columns = Counter(g.domain.name for _, g in bucketed)
    for place, grouping in bucketed:
        column = grouping.domain.name
        if columns[column] > 1:
            column = f"{grouping.dataset.replace('-', '_')}_{column}"
        yield place, NAME if len(bucketed) == 1 else f"{NAME}_{column}"


def _figure(
    plan: Plan, cells: Sequence[CellResult], position: int, place: int, name: str
) -> Figure:
    if cells[position].suppressed:
        return replace(undefined(name, "people", ""), undefined=None)
    summed = [cells[i] for i in _from_here_on(plan, position, place)]
    if any(cell.suppressed for cell in summed):
        return undefined(name, "people", _TELLS)
    (released,) = plan.released
    people = [number for cell in summed for _, number in cell.statistics if number is not None]
    scale = plan.statistic(released).scale
    return counted(name, "people", sum(people), scale, plan.level, len(people))


def _from_here_on(plan: Plan, position: int, place: int) -> range:
    """Return the positions of a cell and those of higher buckets; the last dimension is fastest."""
    sizes = [len(g.domain.values) for g in plan.groupings]
    step = 1
    for size in sizes[place + 1 :]:
        step *= size
    bucket = position // step % sizes[place]
    return range(position, position + step * (sizes[place] - bucket), step)

"""Exact match rates and segment sizes: counts of people and pairs; must not know lifts."""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.cells import cell_columns, per_cell
from cleanroom.engine.matching import Side, pairs
from cleanroom.engine.session import Session

Values = dict[str, tuple[int, ...]]


def match_rate(session: Session, request: ExactRequest, sides: Sequence[Side]) -> Values:
    """Return `people:<dataset>` where it has the cells, `matched`, and `matched:<key type>`.

    A dataset has the cells when it owns all groupings. Key types are told apart when there are
    several stages.
    """
    values: Values = {}
    for one in sides:
        if all(g.dataset == one.schema.name for g in request.groupings):
            values |= _people(session, request, one)
    return values | _matched(session, request, sides, by_key=len(request.stages) > 1)


def segment_size(session: Session, request: ExactRequest, sides: Sequence[Side]) -> Values:
    """Return `people:<dataset>` of one dataset, or `matched` of two."""
    if len(sides) == 1:
        return _people(session, request, sides[0])
    return _matched(session, request, sides, by_key=False)


def _people(session: Session, request: ExactRequest, one: Side) -> Values:
    cells = cell_columns(request.groupings, one.schema.name)
    rows = one.persons.select(**{c: one.persons[d] for c, d in cells.items()}, person="person")
    return per_cell(session, rows, request.domains, {f"people:{one.schema.name}": rows.count()})


def _matched(
    session: Session, request: ExactRequest, sides: Sequence[Side], *, by_key: bool
) -> Values:
    left, right = sides
    cells = tuple(cell_columns(request.groupings, one.schema.name) for one in (left, right))
    rows = pairs(session, left, right, request.stages, (cells[0], cells[1]))
    statistics = {"matched": rows.count()}
    if by_key:
        for number, key in enumerate(request.stages):
            statistics[f"matched:{key}"] = rows.stage.count(where=rows.stage == number)
    return per_cell(session, rows, request.domains, statistics)

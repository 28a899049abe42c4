"""Exact sums of a sales lift by arm; must not know how a lift is estimated from them.

A person's outcome is summed over their events, then clipped to [0, bound]: one person adds at
most the bound, however many events they have.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cleanroom.analysis.request import ARMS, ExactRequest
from cleanroom.engine.cells import WIDE, cell_columns, per_cell
from cleanroom.engine.layout import NO_ARM, filter_column, measure_column
from cleanroom.engine.matching import Side, pairs
from cleanroom.engine.session import Session
from cleanroom.model.dataset import DatasetSchema, Unit
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import Population, SalesLift

BUYERS = "buyers"


@ibis.udf.scalar.builtin(name="divide")  # type: ignore[untyped-decorator]  # Ibis is untyped
def _divided(amount: int, by: int) -> int:  # type: ignore[empty-body]
    """DuckDB's integer division; Ibis's `//` would go through floating point."""


def sales_lift(
    session: Session, request: ExactRequest, question: SalesLift, exposures: Side, sales: Side
) -> dict[str, tuple[int, ...]]:
    """Return `n:<arm>`, `s:<arm>` and, unless the outcome is buyers, `q:<arm>` by exposure cell.

    People without an arm, or with a contradicted one, are matched like all others and then left
    out. Unmatched people have the outcome 0 (population ALL) or are left out (MATCHED).
    """
    bound = 1 if question.outcome == BUYERS else request.bound
    only_matched = question.population is Population.MATCHED
    found = pairs(session, exposures, sales, request.stages)
    partners = _partners(found, _outcomes(sales, question, bound), every=only_matched)
    rows = _rows(request, exposures, partners, how="inner" if only_matched else "left")
    half = request.square_unit // 2
    root = _divided(rows.y + half, request.square_unit)  # y in square units, half rounded up
    statistics: dict[str, ir.IntegerScalar] = {}
    for code, arm in enumerate(ARMS):
        here = rows.arm == code
        statistics[f"n:{arm}"] = rows.arm.count(where=here)
        statistics[f"s:{arm}"] = rows.y.sum(where=here)
        if question.outcome != BUYERS:
            statistics[f"q:{arm}"] = (root * root).sum(where=here)
    return per_cell(session, rows, request.domains, statistics)


def _partners(found: ir.Table, outcomes: ir.Table, *, every: bool) -> ir.Table:
    """Return `left` and their partner's `y`: of every pair, or of those with an outcome."""
    return found.join(
        outcomes, found.right == outcomes.person, how="left" if every else "inner"
    ).select("left", "y")


def _rows(request: ExactRequest, exposures: Side, partners: ir.Table, how: str) -> ir.Table:
    """Return one row for each person in an arm: `arm`, `y` and the cell columns."""
    people = exposures.persons.filter(exposures.persons.arm != NO_ARM)
    cells = cell_columns(request.groupings, exposures.schema.name)
    return people.join(partners, people.person == partners.left, how=how).select(
        arm=people.arm,
        y=partners.y.fill_null(0),
        **{cell: people[dimension] for cell, dimension in cells.items()},
    )


def _outcomes(sales: Side, question: SalesLift, bound: int) -> ir.Table:
    """Return `person` and `y` (int64, 0..bound) of everybody with a counted event."""
    events = _counted(sales, question)
    amount = _amount(events, sales.schema, question.outcome)
    total = events.group_by("person").agg(total=amount.sum().cast(WIDE))
    clipped = ibis.least(ibis.greatest(total.total, 0), bound)
    return total.select("person", y=clipped.cast("int64"))


def _counted(sales: Side, question: SalesLift) -> ir.Table:
    """Return the events that the question's window and filters keep."""
    events = sales.events
    if question.window is not None:
        at = events.occurred_at
        events = events.filter(at >= question.window.from_s, at < question.window.until_s)
    domains = {domain.name: domain for domain in sales.schema.filters}
    for name, wanted in question.filters:
        if name not in domains or not set(wanted) <= set(domains[name].values):
            raise FieldInvalid(field=f"filters.{name}", expected="a declared filter and values")
        codes = [domains[name].values.index(value) for value in wanted]
        events = events.filter(events[filter_column(name)].isin(codes))
    return events


def _amount(events: ir.Table, schema: DatasetSchema, outcome: str) -> ir.IntegerColumn:
    """Return what an event adds; for buyers, 1 when it makes its person a buyer."""
    if outcome == BUYERS:
        return (events[measure_column(_buying(schema))] > 0).cast("int64")
    if schema.measure(outcome) is None:
        raise FieldInvalid(field="outcome", expected="a declared measure, or 'buyers'")
    return events[measure_column(outcome)]


def _buying(schema: DatasetSchema) -> str:
    """Return the measure whose positive amount makes a buyer: money first, else the first."""
    money = (m for m in schema.measures if m.unit is Unit.MINOR)
    measure = next(money, next(iter(schema.measures), None))
    if measure is None:
        raise FieldInvalid(field="outcome", expected="a sales dataset that declares a measure")
    return measure.name

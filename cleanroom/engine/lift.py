"""Exact sums of a sales lift by arm; must not know how a lift is estimated from them.

A person's outcome is summed over their events, then clipped to [0, bound]: one person adds at
most the bound, however many events they have.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cleanroom.analysis.request import ARMS, ExactRequest
from cleanroom.engine.cells import cell_columns, per_cell
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
    cells = cell_columns(request.groupings, exposures.schema.name)
    wanted = {"arm": "arm", **cells}
    found = pairs(session, exposures, sales, request.stages, (wanted, {"partner": "person"}))
    outcomes = _outcomes(sales, question, bound)
    squares = question.outcome != BUYERS
    if question.population is Population.MATCHED:
        rows = _with_outcomes(found, outcomes, how="left")
        statistics = _people(rows) | _sums(rows, request, squares=squares)
        return per_cell(session, rows, request.domains, statistics)
    # Whoever has no outcome adds nothing to a sum: only the people are counted without a join.
    everybody = exposures.persons.select(**wanted)
    rows = _with_outcomes(found, outcomes, how="inner")
    return per_cell(session, everybody, request.domains, _people(everybody)) | per_cell(
        session, rows, request.domains, _sums(rows, request, squares=squares)
    )


def _with_outcomes(found: ir.Table, outcomes: ir.Table, how: str) -> ir.Table:
    """Add `y` to pairs in an arm: to all of them, or to those with an outcome alone."""
    pairs_in_arms = found.filter(found.arm != NO_ARM).drop("stage")
    joined = pairs_in_arms.join(outcomes, pairs_in_arms.partner == outcomes.person, how=how)
    return joined.select(*pairs_in_arms.columns, y=outcomes.y.fill_null(0))


def _people(rows: ir.Table) -> dict[str, ir.IntegerScalar]:
    return {f"n:{arm}": rows.arm.count(where=rows.arm == code) for code, arm in enumerate(ARMS)}


def _sums(rows: ir.Table, request: ExactRequest, *, squares: bool) -> dict[str, ir.IntegerScalar]:
    half = request.square_unit // 2
    root = _divided(rows.y.cast("int64") + half, request.square_unit)  # half rounded up
    sums: dict[str, ir.IntegerScalar] = {}
    for code, arm in enumerate(ARMS):
        sums[f"s:{arm}"] = rows.y.sum(where=rows.arm == code)
        if squares:
            sums[f"q:{arm}"] = (root * root).sum(where=rows.arm == code)
    return sums


def _outcomes(sales: Side, question: SalesLift, bound: int) -> ir.Table:
    """Return `person` and `y` (int32, 0..bound) of everybody with a counted event."""
    events = _counted(sales, question)
    amount = _amount(events, sales.schema, question.outcome)
    total = events.group_by("person").agg(total=amount.sum())  # 128 bits, see cells.WIDE
    clipped = ibis.least(ibis.greatest(total.total, 0), bound)
    return total.select("person", y=clipped.cast("int32"))  # a bound is at most MAX_BOUND, 2^30


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

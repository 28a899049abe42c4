"""What each buyer adds to a lift's sums: outcome, the same before, visits, residual.

A person's values are summed over their events, then clipped: one person adds at most the bound,
however many events they have. Must not know arms, nor who is matched with whom.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cleanroom.analysis.request import THETA_ONE, ExactRequest, Residual
from cleanroom.engine.events import counted
from cleanroom.engine.layout import measure_column
from cleanroom.engine.matching import Side
from cleanroom.model.dataset import DatasetSchema, Unit
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.lift import (
    AVERAGE_ORDER,
    NEW_BUYERS,
    REPEAT_BUYERS,
    SHARES,
    Adjustment,
)
from cleanroom.model.question import SalesLift, Window

VALUES = ("y", "x", "v", "w")  # columns that `values` may return beside `person`
_LIFT_UP = 2**36  # above any residual in whole units, so that nothing divided is negative


@ibis.udf.scalar.builtin(name="divide")  # type: ignore[untyped-decorator]  # Ibis is untyped
def _divided(amount: int, by: int) -> int:  # type: ignore[empty-body]
    """DuckDB's integer division; Ibis's `//` would go through floating point."""


def root(value: ir.IntegerColumn, low: int, unit: int) -> ir.IntegerColumn:
    """Return value / unit, half rounded up, for values not below `low`.

    Nothing negative is divided: which way that rounds differs between databases.
    """
    up = -(low // unit)
    return _divided(value.cast("int64") + (unit // 2 + up * unit), unit) - up


def values(sales: Side, question: SalesLift, request: ExactRequest) -> ir.Table:
    """Return `person` and the columns of VALUES that the question needs, of all with an event."""
    events = _kept(sales, question)
    sums = {
        "after": _amount(events, sales.schema, question.outcome).sum(where=_after(events, question))
    }
    if question.before is not None:
        in_before = _within(events, question.before)
        sums["earlier"] = _amount(events, sales.schema, question.outcome).sum(where=in_before)
    if question.outcome == AVERAGE_ORDER:
        visits = events[_column(sales.schema, Unit.ROWS)]
        sums["visits"] = visits.sum(where=_after(events, question))
    # Sums have 128 bits, see cells.WIDE; over no row of a window they are null.
    total = events.group_by("person").agg(**sums)
    total = total.mutate(**{name: total[name].fill_null(0) for name in sums})
    columns = _columns(total, question, request)
    # No value is beyond MAX_BOUND, 2^30; half as wide is quicker to join.
    return total.select("person", **{n: c.cast("int32") for n, c in columns.items()})


def _columns(
    total: ir.Table, question: SalesLift, request: ExactRequest
) -> dict[str, ir.IntegerColumn]:
    low, high = (0, 1) if question.is_share else (request.low, request.bound)
    if question.adjustment is Adjustment.CHANGE_SCORE:
        return {"y": _change(total, question, request)}
    if question.outcome in (NEW_BUYERS, REPEAT_BUYERS):
        before = total.earlier > 0 if question.outcome == REPEAT_BUYERS else total.earlier == 0
        return {"y": ((total.after > 0) & before).cast("int64")}
    y = _clipped(total.after, low, high)
    if question.outcome == AVERAGE_ORDER:
        return {"y": y, "v": _clipped(total.visits, 0, request.visits_bound)}
    if not question.looks_before:
        return {"y": y}
    x = _clipped(total.earlier, low, high)
    return {"y": y, "x": x} if request.residual is None else _residual(y, x, request.residual)


def _change(total: ir.Table, question: SalesLift, request: ExactRequest) -> ir.IntegerColumn:
    """Return the clipped change; somebody who buys in both windows has none, however often."""
    if question.is_share:
        return _clipped(total.after, 0, 1) - _clipped(total.earlier, 0, 1)
    return _clipped(total.after - total.earlier, request.low, request.bound)


def _residual(
    y: ir.IntegerColumn, x: ir.IntegerColumn, residual: Residual
) -> dict[str, ir.IntegerColumn]:
    parts = y * THETA_ONE - x * residual.theta
    whole = _divided(parts + (THETA_ONE // 2 + _LIFT_UP * THETA_ONE), THETA_ONE) - _LIFT_UP
    inside = _clipped(whole, -residual.bound, residual.bound)
    wider = _clipped(whole, -2 * residual.bound, 2 * residual.bound)
    return {"y": inside, "w": wider - inside}


def _clipped(value: ir.IntegerColumn, low: int, high: int) -> ir.IntegerColumn:
    return ibis.least(ibis.greatest(value, low), high).cast("int64")


def _kept(sales: Side, question: SalesLift) -> ir.Table:
    """Return the events of either window that the question's filters keep."""
    if question.window is None or question.before is None:
        return counted(sales, question.window, question.filters)
    events = counted(sales, None, question.filters)
    return events.filter(_within(events, question.window) | _within(events, question.before))


def _after(events: ir.Table, question: SalesLift) -> ir.BooleanValue | None:
    """Return which of the kept events are of the window; None for all of them."""
    if question.window is None or question.before is None:
        return None
    return _within(events, question.window)


def _within(events: ir.Table, window: Window) -> ir.BooleanValue:
    return (events.occurred_at >= window.from_s) & (events.occurred_at < window.until_s)


def _amount(events: ir.Table, schema: DatasetSchema, outcome: str) -> ir.IntegerColumn:
    """Return what an event adds; where buyers count, 1 when it makes its person a buyer."""
    if outcome == AVERAGE_ORDER:
        return events[_column(schema, Unit.MINOR)]
    if schema.measure(outcome) is not None:
        return events[measure_column(outcome)]
    if outcome not in SHARES:
        raise FieldInvalid(field="outcome", expected="a declared measure, or a word for one")
    if schema.buying is None:
        raise FieldInvalid(field="outcome", expected="a sales dataset that declares a measure")
    return (events[measure_column(schema.buying.name)] > 0).cast("int64")


def _column(schema: DatasetSchema, unit: Unit) -> str:
    measure = schema.measure_in(unit)
    if measure is None:
        raise FieldInvalid(field="outcome", expected=f"a sales dataset with a measure in {unit}")
    return measure_column(measure.name)

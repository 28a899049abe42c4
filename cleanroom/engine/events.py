"""A person's number from their events: which count, and their sum; must not know who is matched."""

from __future__ import annotations

import ibis.expr.types as ir

from cleanroom.engine.layout import count_column, filter_column, measure_column
from cleanroom.engine.matching import Side
from cleanroom.model.dataset import DatasetSchema
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters, Window


def counted(one: Side, window: Window | None, filters: Filters) -> ir.Table:
    """Return the events that `window` and `filters` keep; raises FieldInvalid."""
    events = one.events
    if window is not None:
        at = events.occurred_at
        events = events.filter(at >= window.from_s, at < window.until_s)
    domains = {domain.name: domain for domain in one.schema.filters}
    for name, wanted in filters:
        if name not in domains or not set(wanted) <= set(domains[name].values):
            raise FieldInvalid(field=f"filters.{name}", expected="a declared filter and values")
        codes = [domains[name].values.index(value) for value in wanted]
        events = events.filter(events[filter_column(name)].isin(codes))
    return events


def totals(one: Side, name: str, window: Window | None, filters: Filters) -> ir.Table:
    """Return `holder` and `total`, the sum of a count or measure, of everybody with such an event.

    DuckDB's sum has 128 bits; compare it, or clip it before it is cast.
    """
    events = counted(one, window, filters)
    column = events[_column(one.schema, name)]
    return events.group_by(holder="person").agg(total=column.sum())


def _column(schema: DatasetSchema, name: str) -> str:
    if any(count.name == name for count in schema.counts):
        return count_column(name)
    if schema.measure(name) is not None:
        return measure_column(name)
    raise FieldInvalid(field=name, expected="a declared count or measure")

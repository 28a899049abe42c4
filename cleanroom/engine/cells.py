"""From grouped rows to one integer for each declared cell; must not know what is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir

from cleanroom.engine.layout import dimension_column
from cleanroom.engine.session import Session
from cleanroom.model.allowance import Grouping
from cleanroom.model.dataset import Domain, cells

_I64 = 2**63
# DuckDB sums 64-bit integers into 128 bits, which Ibis believes to be 64: say what they are.
WIDE = "decimal(38, 0)"


class StatisticTooLarge(OverflowError):
    """A statistic does not fit 64 bits; names the statistic only."""


def cell_columns(groupings: Sequence[Grouping], dataset: str) -> dict[str, str]:
    """Return, for the groupings of one dataset, the cell column and the people's column of it."""
    return {
        f"cell_{position}": _column(position, grouping)
        for position, grouping in enumerate(groupings)
        if grouping.dataset == dataset
    }


def bucket_column(position: int) -> str:
    """Return the column of people that holds the bucket of the grouping at `position`."""
    return f"bucket_{position}"


def _column(position: int, grouping: Grouping) -> str:
    if grouping.buckets is not None:
        return bucket_column(position)
    return dimension_column(grouping.domain.name)


def per_cell(
    session: Session,
    rows: ir.Table,
    domains: tuple[Domain, ...],
    statistics: Mapping[str, ir.IntegerScalar],
) -> dict[str, tuple[int, ...]]:
    """Return each statistic over the cells of `domains`, in order, zero where there are no rows.

    `rows` hold one code for each domain as `cell_0`, `cell_1`, … Raises StatisticTooLarge.
    """
    columns = [f"cell_{position}" for position in range(len(domains))]
    exact = {name: value.cast(WIDE) for name, value in statistics.items()}
    grouped = rows.group_by(columns).agg(**exact) if columns else rows.agg(**exact)
    answer = session.fetch(grouped)
    codes = [answer[column].to_pylist() for column in columns]
    positions = [_position(code, domains) for code in zip(*codes, strict=True)] or [0]
    size = len(cells(domains))
    return {name: _dense(name, positions, answer[name].to_pylist(), size) for name in exact}


def _position(codes: Sequence[int], domains: tuple[Domain, ...]) -> int:
    """Return the place of a cell in the cross product, whose last domain moves fastest."""
    position = 0
    for code, domain in zip(codes, domains, strict=True):
        if not 0 <= code < len(domain.values):
            raise ValueError(f"{domain.name}: a sealed code lies outside the declared domain")
        position = position * len(domain.values) + code
    return position


def _dense(
    name: str, positions: Sequence[int], values: Sequence[object], size: int
) -> tuple[int, ...]:
    dense = [0] * size
    for position, value in zip(positions, values, strict=False):  # no rows: [0] against []
        number = int(str(value)) if value is not None else 0  # a sum over nobody is null
        if not -_I64 <= number < _I64:
            raise StatisticTooLarge(name)
        dense[position] = number
    return tuple(dense)

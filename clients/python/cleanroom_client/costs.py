"""What an effect cost, from a public cost and a released answer; the cost is sent to nobody.

Post-processing of a verified measurement: intervals are those of its figures, scaled where the
cost figure is linear in them and inverted where it is their reciprocal. The cost and the margin
are taken as exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from cleanroom_client.errors import CostUnusable
from cleanroom_client.measurement import CellResult, Figure, Measurement

Cost: TypeAlias = int | Mapping[str, int]
"""Minor units of the whole campaign, or of each cell by its values: `ufa`, `ufa,cooks`."""

MONEY = "minor"
_INCREMENTAL = ("incremental_total",)
_TOTALS = ("buyers_test", "total_test", "buyers_exposed", "total_exposed")
_ONE = {"people": "buyer", "rows": "visit", "count": "unit"}
_SUPPRESSED = "the cell is suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCosts:
    """The cost of one cell in minor units, and what was had for it."""

    cell: tuple[str, ...]
    cost_minor: int
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Figure:
        """Return the figure called `name`; raises KeyError."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def costs(
    measurement: Measurement, cost_minor: Cost, margin: float | None = None
) -> tuple[CellCosts, ...]:
    """Return the cost figures of each cell that has a cost.

    On revenue: `iroas`, incremental revenue over cost, and with a margin `romi`, (incremental
    revenue x margin - cost) / cost. On anything counted: the cost of one, and of one that would
    not have been without the campaign. Where nobody assigned people to arms, nothing is said to
    be incremental: there is `roas`, all revenue of those exposed over cost, or the cost of one.
    Raises CostUnusable for another family, for a lift without totals, for a cost that fits no
    cell, and for a breakdown with a single cost.
    """
    check_cost(cost_minor, margin)
    if measurement.question["kind"] != "sales_lift":
        raise CostUnusable("a cost is set against a sales lift, and this is none")
    by_cell = _by_cell(measurement, cost_minor)
    cells = {",".join(cell.cell): cell for cell in measurement.cells}
    return tuple(
        CellCosts(
            cell=cells[name].cell, cost_minor=cost, figures=_figures(cells[name], cost, margin)
        )
        for name, cost in by_cell.items()
    )


def check_cost(cost_minor: Cost, margin: float | None) -> None:
    """Refuse a cost or a margin that is none; raises CostUnusable."""
    every = cost_minor.values() if isinstance(cost_minor, Mapping) else (cost_minor,)
    if any(cost <= 0 for cost in every):
        raise CostUnusable("a cost is more than zero")
    if margin is not None and not 0 < margin <= 1:
        raise CostUnusable("a margin is a share of revenue, as in 0.3")


def _by_cell(measurement: Measurement, cost: Cost) -> dict[str, int]:
    names = [",".join(cell.cell) for cell in measurement.cells]
    if isinstance(cost, Mapping):
        unknown = [name for name in cost if name not in names]
        if unknown:
            raise CostUnusable(
                f"{unknown[0]} is no cell: expected {'; '.join(names) or 'one cost'}"
            )
        return {name: cost[name] for name in names if name in cost}
    if measurement.dimensions:
        raise CostUnusable("a breakdown has a cost for each cell: give them by cell, as in ufa=N")
    return {"": cost}


def _figures(cell: CellResult, cost: int, margin: float | None) -> tuple[Figure, ...]:
    added, total = cell.first(*_INCREMENTAL), cell.first(*_TOTALS)
    known = added or total
    if known is None:
        raise CostUnusable("this lift has no totals that a cost could be set against")
    if known.unit == MONEY:
        return _returns(cell, added, total, cost, margin)
    one = _ONE.get(known.unit, known.unit)
    each = ((f"cost_per_{one}", total), (f"cost_per_incremental_{one}", added))
    return tuple(_each(name, cell, figure, cost) for name, figure in each if figure is not None)


def _returns(
    cell: CellResult, added: Figure | None, total: Figure | None, cost: int, margin: float | None
) -> tuple[Figure, ...]:
    if added is None:
        return () if total is None else (_scaled("roas", "times", cell, total, lambda r: r / cost),)
    found = [_scaled("iroas", "times", cell, added, lambda r: r / cost)]
    if margin is not None:
        found.append(_scaled("romi", "ratio", cell, added, lambda r: (r * margin - cost) / cost))
    return tuple(found)


def _scaled(
    name: str, unit: str, cell: CellResult, figure: Figure, rule: Callable[[float], float]
) -> Figure:
    """Return a linear, rising function of a figure: its interval is the interval's image."""
    if figure.value is None or figure.low is None or figure.high is None:
        return _undefined(name, unit, _why(cell, figure))
    slope = rule(1.0) - rule(0.0)
    return Figure(
        name=name,
        unit=unit,
        value=rule(figure.value),
        low=rule(figure.low),
        high=rule(figure.high),
        noise_sd=None if figure.noise_sd is None else slope * figure.noise_sd,
        sampling_se=None if figure.sampling_se is None else slope * figure.sampling_se,
        undefined=None,
    )


def _each(name: str, cell: CellResult, figure: Figure, cost: int) -> Figure:
    """Return the cost of one of a figure, with the interval inverted.

    1/x falls where x > 0, so that {cost / x: low <= x <= high} is an interval with the same
    confidence; where x may be zero it has no end.
    """
    if figure.value is None or figure.low is None or figure.high is None:
        return _undefined(name, MONEY, _why(cell, figure))
    words = figure.name.replace("_", " ")
    if figure.high < 0:
        return _undefined(name, MONEY, f"{words} is below zero: there is none to pay for")
    if figure.low <= 0:
        return _undefined(name, MONEY, f"the interval of {words} contains zero")
    return Figure(
        name=name,
        unit=MONEY,
        value=cost / figure.value,
        low=cost / figure.high,
        high=cost / figure.low,
        noise_sd=None,
        sampling_se=None,
        undefined=None,
    )


def _why(cell: CellResult, figure: Figure) -> str:
    return _SUPPRESSED if cell.suppressed else figure.undefined or "it has no interval"


def _undefined(name: str, unit: str, why: str) -> Figure:
    return Figure(
        name=name,
        unit=unit,
        value=None,
        low=None,
        high=None,
        noise_sd=None,
        sampling_se=None,
        undefined=why,
    )

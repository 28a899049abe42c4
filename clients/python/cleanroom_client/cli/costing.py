"""Reading a campaign's cost from options, and showing what was had for it; the service sees none.

Amounts are typed in major units with up to two decimals, and are minor units from here on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from cleanroom_client.costs import CellCosts, Cost, check_cost
from cleanroom_client.errors import CostUnusable
from cleanroom_client.measurement import CellResult, Measurement

Costs = Annotated[
    list[str] | None,
    typer.Option(
        "--cost",
        metavar="[CELL=]AMOUNT",
        help="What it cost, 150000.00, kept here; adds iROAS or cost per buyer, visit.",
    ),
]
Margin = Annotated[float | None, typer.Option(help="Share of revenue that is margin: adds ROMI.")]

_AMOUNT = re.compile(r"(?P<whole>[0-9]{1,15})(?:\.(?P<part>[0-9]{1,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costing:
    """A cost for the whole or for each cell, and perhaps a margin."""

    cost: Cost
    margin: float | None

    def of(self, measurement: Measurement) -> tuple[CellCosts, ...]:
        """Return the cost figures of a measurement; raises CostUnusable."""
        return measurement.costs(cost_minor=self.cost, margin=self.margin)


def costing_of(
    texts: Sequence[str], margin: float | None, *, by: Sequence[str] | None = None
) -> Costing | None:
    """Return what the options say, or None without a cost.

    With `by` known, refuses a single cost of a breakdown before anything is asked and paid for.
    """
    if not texts:
        if margin is not None:
            raise typer.BadParameter("--margin needs a --cost")
        return None
    parsed = dict(_cell_and_cost(text) for text in texts)
    if len(parsed) != len(texts) or ("" in parsed and len(parsed) > 1):
        raise typer.BadParameter("--cost: expected one, or one for each cell")
    cost: Cost = parsed.get("", parsed)
    if by is not None and bool(by) == isinstance(cost, int):
        wanted = "CELL=AMOUNT for each cell" if by else "one AMOUNT, as there is no --by"
        raise typer.BadParameter(f"--cost: expected {wanted}")
    try:
        check_cost(cost, margin)
    except CostUnusable as error:
        raise typer.BadParameter(str(error)) from error
    return Costing(cost=cost, margin=margin)


def _cell_and_cost(text: str) -> tuple[str, int]:
    cell, _, amount = text.rpartition("=")
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise typer.BadParameter(f"--cost {text}: expected an amount such as 150000.00")
    return cell, int(found["whole"]) * 100 + int((found["part"] or "").ljust(2, "0"))


def with_costs(measurement: Measurement, costs: Sequence[CellCosts]) -> Measurement:
    """Return the measurement with the cost figures among the others, for a table of both."""
    by_cell = {c.cell: c.figures for c in costs}

    def both(cell: CellResult) -> CellResult:
        return replace(cell, figures=(*cell.figures, *by_cell.get(cell.cell, ())))

    return replace(measurement, cells=tuple(map(both, measurement.cells)))


def costs_json(measurement: Measurement, costs: Sequence[CellCosts]) -> dict[str, Any]:
    """Return the measurement as released, and the costs beside it."""
    return {"measurement": measurement.to_dict(), "costs": [c.to_dict() for c in costs]}

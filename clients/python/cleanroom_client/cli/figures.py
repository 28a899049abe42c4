"""Measurements and plans as tables for people; knows no service.

Money travels in minor units and is shown with two decimals.
"""

from __future__ import annotations

from rich.table import Table

from cleanroom_client.cli.output import add_row, table_of
from cleanroom_client.measurement import CellResult, Figure, Measurement
from cleanroom_client.plan import Plan
from cleanroom_client.values import Balance

_NANO = 10**9
_MINOR_PER_MAJOR = 100
_PERCENT_UNITS = ("share", "ratio")
_SMALL = 100


def measurement_table(measurement: Measurement) -> Table:
    """Return one row for each figure of each cell, suppressed cells as one row."""
    level = f"{measurement.level:.0%} interval"
    numbers = ("value", level, "noise sd")
    columns = (*measurement.dimensions, "figure", *numbers, "unit")
    table = table_of(measurement.family.replace("_", " "), columns, numbers=numbers)
    for cell in measurement.cells:
        _add_cell(table, measurement, cell)
    return table


def _add_cell(table: Table, measurement: Measurement, cell: CellResult) -> None:
    if cell.suppressed:
        line = f"suppressed (under public line {measurement.suppression_line})"
        add_row(table, *cell.cell, line, "", "", "", "")
        return
    for figure in cell.figures:
        name, unit = figure.name.replace("_", " "), _shown_unit(figure.unit)
        if figure.value is None:
            add_row(table, *cell.cell, f"{name}: {figure.undefined or 'no value'}", "", "", "", "")
            continue
        sd = number(figure, figure.noise_sd)
        add_row(table, *cell.cell, name, number(figure, figure.value), _interval(figure), sd, unit)


def footer(measurement: Measurement) -> str:
    """Return what else a reader of the figures should know, in one sentence a line."""
    paid = "; ".join(f"{ledger}: rho {rho_text(cost)}" for ledger, cost in measurement.debits)
    return "\n".join(
        (
            f"Noise: {measurement.mechanism.replace('_', ' ')}; intervals carry sampling and noise.",
            (
                f"Cells under {measurement.suppression_line} noisy people are suppressed "
                f"(the policy's minimum is {measurement.minimum_people})."
            ),
            f"Debited: {paid or 'nothing'}.",
            f"Policy {measurement.policy_digest[:16]}, receipt verified against the log's key.",
        )
    )


def number(figure: Figure, value: float | None) -> str:
    """Return a value in the figure's unit as text."""
    if value is None:
        return ""
    if figure.unit.startswith("minor"):
        return f"{value / _MINOR_PER_MAJOR:,.2f}"
    if figure.unit in _PERCENT_UNITS:
        return f"{value:.3%}"
    if figure.unit == "probability":
        return f"{value:.4f}"
    return f"{value:,.0f}" if abs(value) >= _SMALL or value == int(value) else f"{value:,.3f}"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{number(figure, figure.low)} .. {number(figure, figure.high)}"


def _shown_unit(unit: str) -> str:
    if unit.startswith("minor"):
        return unit.replace("minor", "money", 1)
    return {"share": "", "ratio": "", "probability": ""}.get(unit, unit)


def plan_table(plan: Plan) -> Table:
    """Return one row for each statistic of a plan."""
    numbers = ("noise sd", "most per person")
    title = f"plan: {plan.family.replace('_', ' ')}, {plan.cells} cells"
    table = table_of(title, ("statistic", *numbers), numbers=numbers)
    for statistic in plan.statistics:
        add_row(table, statistic.name, f"{statistic.noise_sd:,.2f}", statistic.contribution_bound)
    return table


def plan_footer(plan: Plan) -> str:
    """Return the costs of a plan, a sentence a line."""
    lines = [
        f"Would debit {d.ledger}: rho {rho_text(d.nano_rho)} (epsilon {d.epsilon} at delta {d.delta})."
        for d in plan.debits
    ]
    lines.append(
        f"Cells under {plan.suppression_line} noisy people would be suppressed "
        f"(the policy's minimum is {plan.minimum_people})."
    )
    return "\n".join((*lines, "Nothing was asked or debited."))


def budget_table(balances: tuple[Balance, ...]) -> Table:
    """Return one row for each ledger."""
    numbers = ("budget rho", "spent rho", "remaining rho", "spent epsilon", "budget epsilon")
    table = table_of("privacy budget", ("ledger", *numbers, "at delta"), numbers=numbers)
    for b in balances:
        rhos = (b.budget_nano_rho, b.spent_nano_rho, b.remaining_nano_rho)
        shown = (rho_text(rho) for rho in rhos)
        add_row(table, b.ledger, *shown, b.spent_epsilon, b.budget_epsilon, b.delta)
    return table


def rho_text(nano_rho: int) -> str:
    """Return 1e-9 of rho as exact decimal text."""
    sign, value = ("-", -nano_rho) if nano_rho < 0 else ("", nano_rho)
    return f"{sign}{value // _NANO}.{value % _NANO:09d}"

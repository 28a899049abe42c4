"""Measurements and plans as tables for people; knows no service.

Money travels in minor units and is shown with two decimals.
"""

from __future__ import annotations

import math

from rich.table import Table

from cleanroom_client.cli.output import add_row, table_of
from cleanroom_client.measurement import CellResult, Figure, Measurement
from cleanroom_client.plan import Plan
from cleanroom_client.values import Balance

_NANO = 10**9
_MINOR_PER_MAJOR = 100
_PERCENT_UNITS = ("share", "ratio")
_WHOLE_UNITS = ("people", "rows", "count", "strata")
_NONE = "-"
_DECIMALS, _MOST_DECIMALS = 4, 6
_LEAST = 0.0001  # of a p value
_STATISTICS = {  # as the protocol names them
    "n": "people",
    "e": "exposed",
    "s": "total",
    "q": "squares",
    "r": "total of exposed",
    "x": "before",
    "qx": "squares before",
    "px": "products with before",
    "v": "visits",
    "qv": "squares of visits",
    "pv": "products with visits",
    "w": "cut by the clip",
}


def measurement_table(measurement: Measurement) -> Table:
    """Return a table of figures, grouped by cell; it fits 80 columns.

    A cell of one figure is one row; of several, a heading and a row for each.
    """
    numbers = ("value", f"{measurement.level:.0%} interval", "noise sd")
    table = table_of(_title(measurement), ("figure", *numbers), numbers=numbers)
    for cell in measurement.cells:
        _add_cell(table, cell)
    return table


def _title(measurement: Measurement) -> str:
    outcome = measurement.question.get("outcome") or measurement.question.get("measure")
    on = f" on {outcome}" if outcome else ""
    if measurement.design == "observational":
        on += " (observational: exposed against unexposed)"
    if measurement.adjustment not in (None, "none"):
        on += f", {words_of(str(measurement.adjustment))}"
    by = f" by {', '.join(measurement.dimensions)}" if measurement.dimensions else ""
    return f"{words_of(str(measurement.question.get('kind', measurement.family)))}{on}{by}"


def words_of(name: str) -> str:
    """Return a name as words."""
    return name.replace("_", " ")


def _add_cell(table: Table, cell: CellResult) -> None:
    label = ", ".join(cell.cell)
    if cell.suppressed:
        add_row(table, label or "all", "suppressed", "", "")
        return
    if len(cell.figures) == 1:
        (figure,) = cell.figures
        add_row(table, label or words_of(figure.name), *figure_numbers(figure))
        return
    if label:
        add_row(table, label, "", "", "")
    for figure in cell.figures:
        add_row(table, f"{'  ' if label else ''}{words_of(figure.name)}", *figure_numbers(figure))


def figure_numbers(figure: Figure) -> tuple[str, str, str]:
    """Return a figure's value, interval and noise as texts."""
    if figure.value is None:
        return _NONE, "", ""
    sd = number(figure, figure.noise_sd, decimals_of(figure, whole=False))
    return number(figure, figure.value, decimals_of(figure)), _interval(figure), sd


def footer(measurement: Measurement) -> str:
    """Return what else a reader of the figures should know, in one sentence a line."""
    paid = [f"Debited rho {rho_text(c)} from {ledger}." for ledger, c in measurement.debits]
    return "\n".join(
        (
            *_reasons(measurement),
            *_label(measurement),
            f"Noise: {words_of(measurement.mechanism)}; intervals carry sampling and noise.",
            (
                f"Cells under {measurement.suppression_line} noisy people are suppressed "
                f"(the policy's minimum is {measurement.minimum_people})."
            ),
            *(paid or ["Debited nothing."]),
            f"Policy {measurement.policy_digest[:16]}, receipt verified against the log's key.",
        )
    )


def _label(measurement: Measurement) -> list[str]:
    if measurement.design != "observational":
        return []
    return ["Nobody was assigned: the two groups may differ in more than exposure."]


def _reasons(measurement: Measurement) -> list[str]:
    """Return why figures of cells that are shown have no value, each reason once."""
    names: dict[str, dict[str, None]] = {}
    for cell in measurement.cells:
        for figure in () if cell.suppressed else cell.figures:
            if figure.value is None:
                why = figure.undefined or "no value"
                names.setdefault(why, {})[words_of(figure.name)] = None
    return [f"{_NONE} {', '.join(found)}: {why}." for why, found in names.items()]


def number(figure: Figure, value: float | None, decimals: int) -> str:
    """Return a value in the figure's unit as text."""
    if value is None:
        return ""
    if figure.unit.startswith("minor"):
        return f"{value / _MINOR_PER_MAJOR:,.2f}"
    if figure.unit in _PERCENT_UNITS:
        return f"{value:.{decimals}%}"
    if figure.unit == "probability" and value < _LEAST:
        return f"< {_LEAST}"
    return f"{value:,.{decimals}f}"


def decimals_of(figure: Figure, *, whole: bool = True) -> int:
    """Return how many decimals the noise leaves a meaning: two digits of its sd.

    With `whole`, numbers of people and rows are shown as such where the sd is one or more.
    """
    sd = figure.noise_sd or 0.0
    if figure.unit == "strata":
        return 0
    if figure.unit == "probability" or sd <= 0:
        return _DECIMALS
    if figure.unit in _PERCENT_UNITS:
        sd *= 100
    if whole and figure.unit in _WHOLE_UNITS and sd >= 1:
        return 0
    return min(max(0, 1 - math.floor(math.log10(sd))), _MOST_DECIMALS)


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    decimals = decimals_of(figure)
    return f"{number(figure, figure.low, decimals)} .. {number(figure, figure.high, decimals)}"


def plan_table(plan: Plan) -> Table:
    """Return one row for each statistic of a plan, totals in units as they travel."""
    numbers = ("noise sd", "most per person")
    cells = "1 cell" if plan.cells == 1 else f"{plan.cells} cells"
    title = f"plan: {words_of(plan.family)}, {cells}"
    table = table_of(title, ("statistic", *numbers), numbers=numbers)
    for statistic in plan.statistics:
        bound = f"{statistic.contribution_bound:,}"
        add_row(table, _statistic(statistic.name), f"{statistic.noise_sd:,.2f}", bound)
    return table


def _statistic(name: str) -> str:
    kind, _, of = name.partition(":")
    return f"{_STATISTICS.get(kind, words_of(kind))} {of.replace('_', ' ')}".rstrip()


def plan_footer(plan: Plan) -> str:
    """Return the costs of a plan, a sentence a line."""
    lines = [
        f"Would debit {d.ledger}:\n"
        f"  rho {rho_text(d.nano_rho)} (epsilon {d.epsilon} at delta {d.delta})."
        for d in plan.debits
    ]
    if plan.family in {"sales_lift", "contribution_bound"}:
        lines.insert(0, "Amounts of money are in minor units, 1250 for 12.50.")
    lines.append(
        f"Cells under {plan.suppression_line} noisy people would be suppressed "
        f"(the policy's minimum is {plan.minimum_people})."
    )
    return "\n".join((*lines, "Nothing was asked or debited."))


def budget_text(balances: tuple[Balance, ...]) -> str:
    """Return three lines for each ledger. Only rho adds up; epsilon is what it amounts to."""
    return "\n".join(_balance(b) for b in balances) or "no privacy budget: no people of yours"


def _balance(b: Balance) -> str:
    spent, left, budget = map(rho_text, (b.spent_nano_rho, b.remaining_nano_rho, b.budget_nano_rho))
    return (
        f"{b.ledger}\n"
        f"  rho      {spent} spent, {left} left of {budget}\n"
        f"  epsilon  {b.spent_epsilon} spent of {b.budget_epsilon}, at delta {b.delta}"
    )


def rho_text(nano_rho: int) -> str:
    """Return 1e-9 of rho as exact decimal text."""
    sign, value = ("-", -nano_rho) if nano_rho < 0 else ("", nano_rho)
    return f"{sign}{value // _NANO}.{value % _NANO:09d}"

"""Comparisons of providers as tables for people; knows no service."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from cleanroom_client.cli.figures import figure_numbers, rho_text, words_of
from cleanroom_client.cli.output import add_row, table_of
from cleanroom_client.comparing import Comparison, PlannedComparison, figures_of
from cleanroom_client.errors import RoomError
from cleanroom_client.measurement import Figure

_Numbers = tuple[str, str, str]
_SUPPRESSED = ("suppressed", "", "")


def comparison_table(comparison: Comparison) -> Table:
    """Return a table of figures, a heading for each and below it a row for each provider."""
    level = next(iter(comparison.answered.values())).level
    numbers = ("value", f"{level:.0%} interval", "noise sd")
    table = table_of("providers compared", ("figure", *numbers), numbers=numbers)
    for heading, by_provider in _rows(comparison).items():
        add_row(table, heading, "", "", "")
        for provider, row in by_provider.items():
            add_row(table, f"  {provider}", *row)
    return table


def _rows(comparison: Comparison) -> dict[str, dict[str, _Numbers]]:
    """Return the numbers of each provider under the heading of their cell and figure."""
    rows: dict[str, dict[str, _Numbers]] = {}
    for provider, measurement in comparison.answered.items():
        for cell in measurement.cells:
            label = ", ".join(cell.cell)
            for figure in figures_of(cell, provider):
                heading = f"{label}: {words_of(figure.name)}" if label else words_of(figure.name)
                row = _SUPPRESSED if cell.suppressed else _row(figure)
                rows.setdefault(heading, {})[provider] = row
    return rows


def _row(figure: Figure) -> _Numbers:
    if figure.value is None:
        return ("-", figure.undefined or "", "")
    return figure_numbers(figure)


def comparison_footer(comparison: Comparison) -> str:
    """Return refusals and the debits of all answers together, a sentence a line."""
    lines = _refusals(comparison.refused)
    lines += [
        f"Debited rho {rho_text(c)} from {ledger}." for ledger, c in comparison.debits.items()
    ]
    lines.append(
        "Different providers' people differ; intervals are not adjusted for being several."
    )
    lines.append("Every receipt was verified against the log's key.")
    return "\n".join(lines)


def planned_comparison_text(planned: PlannedComparison) -> str:
    """Return what each provider's question would cost and all together."""
    lines: list[str] = []
    for of in planned.providers:
        if of.answer is not None:
            lines += [f"{of.provider}: cells under {of.answer.suppression_line} noisy people"]
            lines += [f"  rho {rho_text(d.nano_rho)} from {d.ledger}" for d in of.answer.debits]
    lines += _refusals({of.provider: of.refusal for of in planned.providers if of.refusal})
    lines += [
        f"Would debit rho {rho_text(cost)} from {ledger} in all."
        for ledger, cost in planned.debits.items()
    ]
    return "\n".join((*lines, "Nothing was asked or debited."))


def _refusals(refused: Mapping[str, RoomError]) -> list[str]:
    return [f"Refused for {provider}: {error.sentence}" for provider, error in refused.items()]

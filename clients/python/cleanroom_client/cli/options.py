"""Options that several question commands share; reads none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom_client.designs import ADJUSTMENTS, DESIGNS

Datasets = Annotated[str, typer.Option(help="Datasets, as in exposures,sales.")]
By = Annotated[str, typer.Option(help="Dimensions, as in city,segment.")]
Epsilon = Annotated[str | None, typer.Option(help="The most to spend, as epsilon: 0.5.")]
Rho = Annotated[str | None, typer.Option(help="The most to spend, as zCDP rho: 0.004.")]
Exposures = Annotated[str, typer.Option(help="The dataset with the arms.")]
Sales = Annotated[str, typer.Option(help="The dataset with the outcome.")]
Outcome = Annotated[
    str,
    typer.Option(help="A measure, buyers, new_buyers, repeat_buyers or average_order."),
]
Bound = Annotated[
    str | None, typer.Option(help="Clip a person's sum to this: 60, or 5000.00 for money.")
]
From = Annotated[str | None, typer.Option("--from", help="First day that counts, 2026-03-01.")]
Until = Annotated[str | None, typer.Option("--until", help="First day that no longer counts.")]
Filters = Annotated[
    list[str] | None, typer.Option("--filter", metavar="COLUMN=V1,V2", help="Only such events.")
]
People = Annotated[str, typer.Option("--population", help="all, or matched.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV, one row for each cell and figure.")]
AsWords = Annotated[bool, typer.Option("--words", help="Plain words in place of a table.")]
RequestId = Annotated[
    str | None, typer.Option(help="Repeat a question that failed under the id it had.")
]
Receipt = Annotated[Path | None, typer.Option(help="Keep the receipt in this file.")]
DesignWord = Annotated[str, typer.Option("--design", help=", ".join(DESIGNS) + ".")]
ExposedBy = Annotated[str, typer.Option(help="The count above zero for the exposed: impressions.")]
BeforeFrom = Annotated[str | None, typer.Option("--before-from", help="First day of before.")]
BeforeUntil = Annotated[
    str | None, typer.Option("--before-until", help="First day no longer before.")
]
AdjustmentWord = Annotated[str, typer.Option("--adjustment", help=", ".join(ADJUSTMENTS) + ".")]
Strata = Annotated[str, typer.Option(help="Dimensions for post_stratified, as in city.")]
Product = Annotated[
    str, typer.Option(help="total, focus:category=V1,V2, or halo:category=V1,V2 for all others.")
]

"""Commands about contribution bounds: plan and ask where to clip a measure."""

from __future__ import annotations

from typing import Annotated

import typer

from cleanroom_client.cli.cutting import whole_numbers
from cleanroom_client.cli.options import (
    AsCsv,
    AsJson,
    AsWords,
    Epsilon,
    Filters,
    From,
    Receipt,
    RequestId,
    Rho,
    Until,
)
from cleanroom_client.cli.planning import Aimed, Assumed, Wished, plan_and_show
from cleanroom_client.cli.questioning import Answer, ask_and_show, filters_of, window_of
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.question import ContributionBound, Loss

Dataset = Annotated[str, typer.Option(help="The dataset with the measure.")]
Measure = Annotated[str, typer.Option(help="A measure of it, such as amount.")]
Quantile = Annotated[str, typer.Option(help="The share of people to keep whole: 0.95.")]
Grid = Annotated[str, typer.Option(help="Values to choose from: 500.00,1000.00 for money.")]


def register(plan: typer.Typer, ask: typer.Typer) -> None:
    """Add the commands."""
    plan.command("contribution-bound")(plan_contribution_bound)
    ask.command("contribution-bound")(ask_contribution_bound)


@guarded
def plan_contribution_bound(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    dataset: Dataset,
    measure: Measure,
    quantile: Quantile,
    grid: Grid,
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    as_json: AsJson = False,
) -> None:
    """Plan: where to clip a measure, by a quantile of people's sums.

    Example: cleanroom-client --profile acme.toml plan contribution-bound --dataset sales
    --measure amount --quantile 0.95 --grid 100.00,500.00,1000.00,5000.00
    """
    question = _question(dataset, measure, quantile, grid, (since, until), filters)
    aimed = Aimed(assume=assume, wish=wish)
    plan_and_show(context, question, Loss(epsilon=epsilon, rho=rho), aimed, as_json=as_json)


@guarded
def ask_contribution_bound(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    dataset: Dataset,
    measure: Measure,
    quantile: Quantile,
    grid: Grid,
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    request_id: RequestId = None,
    receipt: Receipt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_words: AsWords = False,
) -> None:
    """Ask where to clip a measure, by a quantile of people's sums.

    Example: cleanroom-client --profile acme.toml ask contribution-bound --dataset sales
    --measure amount --quantile 0.95 --grid 100.00,500.00,1000.00,5000.00
    """
    question = _question(dataset, measure, quantile, grid, (since, until), filters)
    answer = Answer(
        request_id=request_id, receipt=receipt, as_json=as_json, as_csv=as_csv, as_words=as_words
    )
    ask_and_show(settings_of(context), question, Loss(epsilon=epsilon, rho=rho), answer)


def _question(
    dataset: str,
    measure: str,
    quantile: str,
    grid: str,
    span: tuple[str | None, str | None],
    filters: list[str] | None,
) -> ContributionBound:
    return ContributionBound(
        dataset=dataset,
        measure=measure,
        quantile=quantile,
        grid=whole_numbers(grid, "--grid"),
        window=window_of(*span),
        filters=filters_of(filters or []),
    )

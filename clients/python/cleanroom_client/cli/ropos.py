"""Commands about purchases offline after contacts online: plan and ask ropo."""

from __future__ import annotations

from typing import Annotated

import typer

from cleanroom_client.cli.options import (
    AsCsv,
    AsJson,
    AsWords,
    By,
    Epsilon,
    Filters,
    From,
    Receipt,
    RequestId,
    Rho,
    Until,
)
from cleanroom_client.cli.planning import Aimed, Assumed, Wished, plan_and_show
from cleanroom_client.cli.questioning import (
    Answer,
    ask_and_show,
    filters_of,
    names_of,
    window_of,
)
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.question import Loss, Ropo

Definition = Annotated[
    str, typer.Option(help="share-of-sales (of purchases), or conversion (of people).")
]
Exposures = Annotated[str, typer.Option(help="The dataset with the contacts; it needs times.")]
Sales = Annotated[str, typer.Option(help="The dataset with the purchases; it needs times.")]
Days = Annotated[int, typer.Option(help="Longest time from contact to purchase.")]
Measure = Annotated[
    str | None, typer.Option(help="What a share of sales is of: visits, or amount.")
]


def register(plan: typer.Typer, ask: typer.Typer) -> None:
    """Add the commands."""
    plan.command("ropo")(plan_ropo)
    ask.command("ropo")(ask_ropo)


@guarded
def plan_ropo(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    definition: Definition,
    exposures: Exposures,
    sales: Sales,
    days: Days,
    measure: Measure = None,
    by: By = "",
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    as_json: AsJson = False,
) -> None:
    """Plan: purchases offline that follow a contact online.

    Example: cleanroom-client --profile acme.toml plan ropo --definition conversion
    --exposures exposures --sales sales --days 14 --assume people=50000,rate=0.04
    """
    question = Ropo(
        definition=_definition(definition),
        exposures=exposures,
        sales=sales,
        days=days,
        measure=measure,
        by=names_of(by),
        window=window_of(since, until),
        filters=filters_of(filters or []),
    )
    aimed = Aimed(assume=assume, wish=wish)
    plan_and_show(context, question, Loss(epsilon=epsilon, rho=rho), aimed, as_json=as_json)


@guarded
def ask_ropo(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    definition: Definition,
    exposures: Exposures,
    sales: Sales,
    days: Days,
    measure: Measure = None,
    by: By = "",
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
    """Ask for purchases offline that follow a contact online, as a share of sales or of people.

    Example: cleanroom-client --profile acme.toml ask ropo --definition share-of-sales
    --measure amount --exposures exposures --sales sales --days 14 --from 2026-03-01
    --until 2026-04-01
    """
    question = Ropo(
        definition=_definition(definition),
        exposures=exposures,
        sales=sales,
        days=days,
        measure=measure,
        by=names_of(by),
        window=window_of(since, until),
        filters=filters_of(filters or []),
    )
    answer = Answer(
        request_id=request_id, receipt=receipt, as_json=as_json, as_csv=as_csv, as_words=as_words
    )
    ask_and_show(settings_of(context), question, Loss(epsilon=epsilon, rho=rho), answer)


def _definition(text: str) -> str:
    """Return a definition as it is or as options are usually written."""
    return text.replace("-", "_")

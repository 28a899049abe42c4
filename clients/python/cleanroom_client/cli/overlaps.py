"""Commands about people known to several datasets: plan and ask overlap."""

from __future__ import annotations

from typing import Annotated

import typer

from cleanroom_client.cli.options import (
    AsCsv,
    AsJson,
    AsWords,
    By,
    Epsilon,
    Receipt,
    RequestId,
    Rho,
)
from cleanroom_client.cli.planning import Aimed, Assumed, Wished, plan_and_show
from cleanroom_client.cli.questioning import Answer, ask_and_show, names_of
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.question import Loss, Overlap

Datasets = Annotated[
    str,
    typer.Option(help="Three to five, as in exposures,panel,sales; people of the first."),
]


def register(plan: typer.Typer, ask: typer.Typer) -> None:
    """Add the commands."""
    plan.command("overlap")(plan_overlap)
    ask.command("overlap")(ask_overlap)


@guarded
def plan_overlap(
    context: typer.Context,
    *,
    datasets: Datasets,
    by: By = "",
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    as_json: AsJson = False,
) -> None:
    """Plan: people of the first dataset by which of the others know them.

    Example: cleanroom-client --profile acme.toml plan overlap --datasets exposures,panel,sales
    --assume people=100000,matched=40000 --wish in_all=500
    """
    loss = Loss(epsilon=epsilon, rho=rho)
    aimed = Aimed(assume=assume, wish=wish)
    plan_and_show(context, _question(datasets, by), loss, aimed, as_json=as_json)


@guarded
def ask_overlap(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    datasets: Datasets,
    by: By = "",
    epsilon: Epsilon = None,
    rho: Rho = None,
    request_id: RequestId = None,
    receipt: Receipt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_words: AsWords = False,
) -> None:
    """Ask for people of the first dataset by which of the others know them.

    Example: cleanroom-client --profile acme.toml ask overlap --datasets exposures,panel,sales
    --by city
    """
    answer = Answer(
        request_id=request_id, receipt=receipt, as_json=as_json, as_csv=as_csv, as_words=as_words
    )
    loss = Loss(epsilon=epsilon, rho=rho)
    ask_and_show(settings_of(context), _question(datasets, by), loss, answer)


def _question(datasets: str, by: str) -> Overlap:
    hub, *others = names_of(datasets) or ("",)
    return Overlap(hub=hub, others=tuple(others), by=names_of(by))

"""Commands that put one question to several providers: plan and ask compare-providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from cleanroom_client.cli.comparison_tables import (
    comparison_footer,
    comparison_table,
    planned_comparison_text,
)
from cleanroom_client.cli.options import (
    AsCsv,
    AsJson,
    By,
    Epsilon,
    Filters,
    From,
    People,
    Rho,
    Until,
)
from cleanroom_client.cli.output import remark, say, say_json, show
from cleanroom_client.cli.planning import (
    POWER,
    SIGNIFICANCE,
    Aimed,
    Assumed,
    Power,
    Significance,
    Wished,
    assumption_of,
    show_expected,
    wish_of,
)
from cleanroom_client.cli.questioning import filters_of, names_of, repeatable, window_of
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.comparing import Compared, Comparison, of_provider
from cleanroom_client.question import MatchRate, SalesLift

Dataset = Annotated[str, typer.Option(help="Your dataset, as in exposures.")]
Providers = Annotated[str, typer.Option(help="The datasets to compare, as in panel,sales.")]
Outcome = Annotated[
    str | None, typer.Option(help="Compare lifts on it, amount or buyers; else match rates.")
]
RequestId = Annotated[
    str | None, typer.Option(help="Repeat a comparison that failed under the id it had.")
]


def register(plan: typer.Typer, ask: typer.Typer) -> None:
    """Add the commands."""
    plan.command("compare-providers")(plan_compare_providers)
    ask.command("compare-providers")(ask_compare_providers)


@guarded
def plan_compare_providers(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    dataset: Dataset,
    providers: Providers,
    outcome: Outcome = None,
    by: By = "",
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    population: People = "all",
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    power: Power = POWER,
    significance: Significance = SIGNIFICANCE,
    as_json: AsJson = False,
) -> None:
    """Plan: the same match rate or lift with each of several datasets.

    What is assumed is assumed of each alike.

    Example: cleanroom-client --profile acme.toml plan compare-providers --dataset exposures
    --providers panel,sales --assume people=10000,matched=4000
    """
    options = _Options(
        dataset=dataset,
        providers=names_of(providers),
        outcome=outcome,
        by=names_of(by),
        window=window_of(since, until),
        filters=filters_of(filters or []),
        population=population,
    )
    aimed = Aimed(assume=assume, wish=wish, power=power, significance=significance)
    assumed, question = assumption_of(assume), options.question()
    with settings_of(context).room() as room:
        planned = room.plan_comparison(
            question,
            options.providers,
            epsilon=epsilon,
            rho=rho,
            assume=assumed,
            wish=wish_of(wish),
            power=power if assumed else None,
            significance=significance if assumed else None,
        )
    if as_json:
        say_json(planned.to_dict())
        return
    for of in planned.providers if assumed else ():
        if of.answer is not None:
            say(f"{of.provider}:")
            show_expected(of.answer, of_provider(question, options.providers, of.provider), aimed)
    say(planned_comparison_text(planned))


@guarded
def ask_compare_providers(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    dataset: Dataset,
    providers: Providers,
    outcome: Outcome = None,
    by: By = "",
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    population: People = "all",
    epsilon: Epsilon = None,
    rho: Rho = None,
    request_id: RequestId = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Ask the same match rate or lift of several datasets, side by side in one table.

    Each answer is paid for; what is refused for one stands beside the answers of the others.

    Example: cleanroom-client --profile acme.toml ask compare-providers --dataset exposures
    --providers panel,sales
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    options = _Options(
        dataset=dataset,
        providers=names_of(providers),
        outcome=outcome,
        by=names_of(by),
        window=window_of(since, until),
        filters=filters_of(filters or []),
        population=population,
    )
    question, settings = options.question(), settings_of(context)
    with settings.room() as room:
        base = request_id or room.new_request_id()
        with repeatable(base):
            found = room.compare_providers(
                question, options.providers, epsilon=epsilon, rho=rho, request_id=base
            )
    remark(f"request id {base}", quiet=settings.quiet)
    _show(found, as_json=as_json, as_csv=as_csv)
    if not found.answered:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The question of a comparison, as typed."""

    dataset: str
    providers: tuple[str, ...]
    outcome: str | None
    by: tuple[str, ...]
    window: tuple[str, str] | None
    filters: Mapping[str, tuple[str, ...]]
    population: str

    def question(self) -> Compared:
        """Return a lift where there is an outcome, else a match rate, of the first provider."""
        if not self.providers:
            raise typer.BadParameter("--providers: expected datasets, as in panel,sales")
        first = self.providers[0]
        if self.outcome is None:
            if self.window or self.filters or self.population != "all":
                raise typer.BadParameter("a window, filters and a population need an --outcome")
            return MatchRate(datasets=(self.dataset, first), by=self.by)
        return SalesLift(
            exposures=self.dataset,
            sales=first,
            outcome=self.outcome,
            by=self.by,
            window=self.window,
            filters=self.filters,
            population=self.population,
        )


def _show(found: Comparison, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        say_json(found.to_dict())
    elif as_csv:
        say(found.to_pandas().to_csv(index=False).rstrip("\n"))
    else:
        if found.answered:
            show(comparison_table(found))
        say(comparison_footer(found))

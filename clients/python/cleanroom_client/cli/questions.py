"""Commands about questions: plan and ask for each family, budget, list, get."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cleanroom_client.cli import bounds, comparisons, overlaps, ropos
from cleanroom_client.cli.costing import Costs, Margin, costing_of
from cleanroom_client.cli.cutting import CutFilters, Cuts, CutWindows, buckets_from, whole_number
from cleanroom_client.cli.figures import budget_text
from cleanroom_client.cli.options import (
    AdjustmentWord,
    AsCsv,
    AsJson,
    AsWords,
    BeforeFrom,
    BeforeUntil,
    Bound,
    By,
    Datasets,
    DesignWord,
    Epsilon,
    ExposedBy,
    Exposures,
    Filters,
    From,
    Outcome,
    People,
    Product,
    Receipt,
    RequestId,
    Rho,
    Sales,
    Strata,
    Until,
)
from cleanroom_client.cli.output import add_row, say, say_json, show, table_of
from cleanroom_client.cli.planning import (
    POWER,
    SIGNIFICANCE,
    Aimed,
    Assumed,
    Power,
    Significance,
    Wished,
    plan_and_show,
)
from cleanroom_client.cli.questioning import (
    Answer,
    ask_and_show,
    filters_of,
    names_of,
    product_of,
    show_measurement,
    window_of,
)
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.question import Loss, MatchRate, SalesLift, SegmentSize


def register(app: typer.Typer) -> None:
    """Add the commands."""
    plan = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    plan.command("match-rate")(plan_match_rate)
    plan.command("segment-size")(plan_segment_size)
    plan.command("sales-lift")(plan_sales_lift)
    app.add_typer(plan, name="plan", help="Say what a question would cost; asks nothing.")
    ask = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    ask.command("match-rate")(ask_match_rate)
    ask.command("segment-size")(ask_segment_size)
    ask.command("sales-lift")(ask_sales_lift)
    for more in (bounds, overlaps, ropos, comparisons):
        more.register(plan, ask)
    app.add_typer(ask, name="ask", help="Ask a question; it is paid for from privacy budgets.")
    app.command()(budget)
    app.command("list")(list_requests)
    app.command()(get)


@guarded
def plan_match_rate(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    datasets: Datasets,
    by: By = "",
    cuts: Cuts = None,
    cut_windows: CutWindows = None,
    cut_filters: CutFilters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    power: Power = POWER,
    significance: Significance = SIGNIFICANCE,
    as_json: AsJson = False,
) -> None:
    """Plan: matched people over the people of each of two datasets.

    Example: cleanroom-client --profile acme.toml plan match-rate --datasets exposures,sales
    --assume people=100000,matched=40000 --wish match_rate_exposures=0.001
    """
    question = MatchRate(
        datasets=names_of(datasets),
        by=names_of(by),
        buckets=buckets_from(cuts, cut_windows, cut_filters),
    )
    aimed = Aimed(assume=assume, wish=wish, power=power, significance=significance)
    plan_and_show(context, question, Loss(epsilon=epsilon, rho=rho), aimed, as_json=as_json)


@guarded
def plan_segment_size(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    datasets: Datasets,
    by: By,
    cuts: Cuts = None,
    cut_windows: CutWindows = None,
    cut_filters: CutFilters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    power: Power = POWER,
    significance: Significance = SIGNIFICANCE,
    as_json: AsJson = False,
) -> None:
    """Plan: people per cell of dimensions.

    Example: cleanroom-client --profile acme.toml plan segment-size --datasets exposures --by city
    --assume people=5000
    """
    question = SegmentSize(
        datasets=names_of(datasets),
        by=names_of(by),
        buckets=buckets_from(cuts, cut_windows, cut_filters),
    )
    aimed = Aimed(assume=assume, wish=wish, power=power, significance=significance)
    plan_and_show(context, question, Loss(epsilon=epsilon, rho=rho), aimed, as_json=as_json)


@guarded
def plan_sales_lift(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    exposures: Exposures,
    sales: Sales,
    outcome: Outcome,
    by: By = "",
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    population: People = "all",
    design: DesignWord = "randomized",
    exposed_by: ExposedBy = "",
    before_since: BeforeFrom = None,
    before_until: BeforeUntil = None,
    adjustment: AdjustmentWord = "none",
    strata: Strata = "",
    product: Product = "total",
    cuts: Cuts = None,
    cut_windows: CutWindows = None,
    cut_filters: CutFilters = None,
    bound: Bound = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    assume: Assumed = None,
    wish: Wished = None,
    power: Power = POWER,
    significance: Significance = SIGNIFICANCE,
    as_json: AsJson = False,
) -> None:
    """Plan: test against control, or exposed against unexposed, on an outcome.

    Example: cleanroom-client --profile acme.toml plan sales-lift --exposures exposures
    --sales sales --outcome buyers --assume people=10000,rate=0.02 --wish absolute_lift=0.005
    """
    question = SalesLift(
        exposures=exposures,
        sales=sales,
        outcome=outcome,
        by=names_of(by),
        window=window_of(since, until),
        filters=filters_of(filters or []) | product_of(context, sales, product),
        population=population,
        design=design,
        exposed_by=exposed_by,
        before=window_of(before_since, before_until, "before-"),
        adjustment=adjustment,
        strata=names_of(strata),
        buckets=buckets_from(cuts, cut_windows, cut_filters),
        bound=None if bound is None else whole_number(bound, "--bound"),
    )
    aimed = Aimed(assume=assume, wish=wish, power=power, significance=significance)
    plan_and_show(context, question, Loss(epsilon=epsilon, rho=rho), aimed, as_json=as_json)


@guarded
def ask_match_rate(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    datasets: Datasets,
    by: By = "",
    cuts: Cuts = None,
    cut_windows: CutWindows = None,
    cut_filters: CutFilters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    request_id: RequestId = None,
    receipt: Receipt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_words: AsWords = False,
) -> None:
    """Ask for matched people over the people of each of two datasets.

    Example: cleanroom-client --profile acme.toml ask match-rate --datasets exposures,sales
    """
    question = MatchRate(
        datasets=names_of(datasets),
        by=names_of(by),
        buckets=buckets_from(cuts, cut_windows, cut_filters),
    )
    answer = Answer(
        request_id=request_id, receipt=receipt, as_json=as_json, as_csv=as_csv, as_words=as_words
    )
    ask_and_show(settings_of(context), question, Loss(epsilon=epsilon, rho=rho), answer)


@guarded
def ask_segment_size(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    datasets: Datasets,
    by: By,
    cuts: Cuts = None,
    cut_windows: CutWindows = None,
    cut_filters: CutFilters = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    request_id: RequestId = None,
    receipt: Receipt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_words: AsWords = False,
) -> None:
    """Ask for people per cell of one dataset, or of those matched between two.

    Example: cleanroom-client --profile acme.toml ask segment-size --datasets exposures,sales
    --by city,segment
    """
    question = SegmentSize(
        datasets=names_of(datasets),
        by=names_of(by),
        buckets=buckets_from(cuts, cut_windows, cut_filters),
    )
    answer = Answer(
        request_id=request_id, receipt=receipt, as_json=as_json, as_csv=as_csv, as_words=as_words
    )
    ask_and_show(settings_of(context), question, Loss(epsilon=epsilon, rho=rho), answer)


@guarded
def ask_sales_lift(  # noqa: PLR0913 - the options of one command
    context: typer.Context,
    *,
    exposures: Exposures,
    sales: Sales,
    outcome: Outcome,
    by: By = "",
    since: From = None,
    until: Until = None,
    filters: Filters = None,
    population: People = "all",
    design: DesignWord = "randomized",
    exposed_by: ExposedBy = "",
    before_since: BeforeFrom = None,
    before_until: BeforeUntil = None,
    adjustment: AdjustmentWord = "none",
    strata: Strata = "",
    product: Product = "total",
    cuts: Cuts = None,
    cut_windows: CutWindows = None,
    cut_filters: CutFilters = None,
    bound: Bound = None,
    epsilon: Epsilon = None,
    rho: Rho = None,
    cost: Costs = None,
    margin: Margin = None,
    request_id: RequestId = None,
    receipt: Receipt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_words: AsWords = False,
) -> None:
    """Ask for test against control, or exposed against unexposed, on an outcome.

    Example: cleanroom-client --profile acme.toml ask sales-lift --exposures exposures
    --sales sales --outcome amount --from 2026-03-01 --until 2026-04-01
    --adjustment cuped_two_stage --before-from 2026-01-29 --before-until 2026-03-01 --cost 150000.00
    """
    question = SalesLift(
        exposures=exposures,
        sales=sales,
        outcome=outcome,
        by=names_of(by),
        window=window_of(since, until),
        filters=filters_of(filters or []) | product_of(context, sales, product),
        population=population,
        design=design,
        exposed_by=exposed_by,
        before=window_of(before_since, before_until, "before-"),
        adjustment=adjustment,
        strata=names_of(strata),
        buckets=buckets_from(cuts, cut_windows, cut_filters),
        bound=None if bound is None else whole_number(bound, "--bound"),
    )
    loss, costing = Loss(epsilon=epsilon, rho=rho), costing_of(cost or [], margin, by=names_of(by))
    formats = {"as_json": as_json, "as_csv": as_csv, "as_words": as_words}
    answer = Answer(request_id=request_id, receipt=receipt, costing=costing, **formats)
    ask_and_show(settings_of(context), question, loss, answer)


@guarded
def budget(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what is left of the privacy budgets of your people.

    Example: cleanroom-client --profile megamart.toml budget
    """
    with settings_of(context).room() as room:
        balances = room.budget()
    if as_json:
        say_json([balance.to_dict() for balance in balances])
        return
    say(budget_text(balances))


@guarded
def list_requests(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List your requests, oldest first.

    Example: cleanroom-client --profile acme.toml list
    """
    with settings_of(context).room() as room:
        requests = room.list()
    if as_json:
        say_json([asdict(request) for request in requests])
        return
    table = table_of("requests", ("request id", "family", "state", "asked at (UTC)"))
    for request in requests:
        asked = datetime.fromtimestamp(request.requested_at_s, UTC)
        add_row(table, request.request_id, request.family, request.state, f"{asked:%Y-%m-%d %H:%M}")
    show(table)


@guarded
def get(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(help="The id, from 'list'.")],
    *,
    cost: Costs = None,
    margin: Margin = None,
    receipt: Receipt = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_words: AsWords = False,
) -> None:
    """Show the stored answer of one of your requests; costs nothing.

    Example: cleanroom-client --profile acme.toml get 0123456789abcdef --words
    """
    answer = Answer(
        request_id=request_id,
        receipt=receipt,
        as_json=as_json,
        as_csv=as_csv,
        as_words=as_words,
        costing=costing_of(cost or [], margin),
    )
    settings = settings_of(context)
    with settings.room() as room:
        measurement = room.get(request_id)
    show_measurement(settings, measurement, answer)

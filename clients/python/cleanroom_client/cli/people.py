"""Commands about single people of one's own datasets: withdraw."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom_client.cli.data import Dataset, Delimiter, Mapping, delimiter_of, mapping_of
from cleanroom_client.cli.output import remark, say, say_json
from cleanroom_client.cli.state import guarded, settings_of

if TYPE_CHECKING:
    from cleanroom_client.withdrawing import Withdrawn

Json = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(withdraw)


@guarded
def withdraw(
    context: typer.Context,
    dataset: Dataset,
    *,
    file: Annotated[
        Path,
        typer.Option(
            help="CSV or Parquet: a row for each person, named by 'person' or by match keys."
        ),
    ],
    mapping: Mapping = None,
    delimiter: Delimiter = None,
    request_id: Annotated[
        str | None, typer.Option(help="The id of a call that failed, to go on with it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Withdraw people's consent: no later question uses them, and their rows are removed.

    Durable when it ends. Questions heed it from the start of the next consent epoch. Later
    uploads bring these people back only with a consent given after the withdrawal.

    Example: cleanroom-client --profile acme.toml withdraw exposures --file left.csv
    """
    settings = settings_of(context)
    pairs = mapping_of(mapping or [])
    with settings.room() as room:
        request_id = request_id or room.new_request_id()
        remark(f"request {request_id}", quiet=settings.quiet)
        found = room.withdraw(
            dataset, file, mapping=pairs, delimiter=delimiter_of(delimiter), request_id=request_id
        )
    if as_json:
        say_json(found.to_dict())
        return
    _say_withdrawn(found)


def _say_withdrawn(found: Withdrawn) -> None:
    say(
        f"{found.dataset}: {found.given} references withdrawn, {found.known} of them known to a "
        f"sealed version"
    )
    if found.unknown:
        say(f"{found.unknown} are in no sealed version: later uploads leave them out")
    say(f"questions leave these people out from {moment(found.effective_from_s)} on")
    say("their rows are removed within the days that the policy gives")


def moment(time_s: int) -> str:
    """Return a time for people, in UTC."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M UTC")

"""Commands about single people of one's own datasets: withdraw, subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom_client.cli.data import Dataset, Delimiter, Mapping, delimiter_of, mapping_of
from cleanroom_client.cli.output import remark, say, say_json
from cleanroom_client.cli.state import guarded, settings_of

if TYPE_CHECKING:
    from cleanroom_client.subject import HeldPerson, Subject
    from cleanroom_client.withdrawing import Withdrawn

Json = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(withdraw)
    app.command()(subject)


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


@guarded
def subject(
    context: typer.Context,
    dataset: Dataset,
    *,
    ref: Annotated[
        str | None, typer.Option(help="Your own reference to the person: column 'person'.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="The person's e-mail.")] = None,
    phone: Annotated[str | None, typer.Option(help="The person's phone number.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Any other column of match keys."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what sealed versions of your dataset hold of one person who asks.

    What names the person stays on this machine. Uploads that are not sealed yet
    are not searched; whether the person matched anybody is not told to anyone.

    Example: cleanroom-client --profile acme.toml subject exposures --email a@b.c
    """
    named = {"person": ref, "email": email, "phone": phone}
    names = {column: value for column, value in named.items() if value} | _keys(key or [])
    if not names:
        raise typer.BadParameter("name the person: --ref, --email, --phone or --key COLUMN=VALUE")
    with settings_of(context).room() as room:
        found = room.subject(dataset, **names)
    if as_json:
        say_json(found.to_dict())
        return
    _say_subject(found)


def _keys(pairs: Sequence[str]) -> dict[str, str]:
    """Return {column: value}; a usage error, which repeats no value, for what has no '='."""
    split = [pair.partition("=") for pair in pairs]
    if any(not column or not value for column, _, value in split):
        raise typer.BadParameter("--key: expected COLUMN=VALUE")
    return {column: value for column, _, value in split}


def _say_subject(found: Subject) -> None:
    if not found.held:
        say(f"{found.dataset}: no sealed version holds anything of this person")
    for one in found.held:
        use = "questions are asked of it" if one.in_use else "no question is asked of it any more"
        say(f"{found.dataset}: version {one.version}, sealed {moment(one.sealed_at_s)}, {use}")
        for label, text in _facts(one):
            say(f"  {label}: {text}")
    if found.withdrawn_at_s:
        say(f"later uploads leave the person out since {moment(found.withdrawn_at_s)}")


def _facts(one: HeldPerson) -> Iterator[tuple[str, str]]:
    period = f", {moment(one.first_at_s)} to {moment(one.last_at_s)}" if one.last_at_s else ""
    yield "rows", f"{one.rows}{period}"
    yield from one.values.items()
    yield from ((name, f"{value} in all") for name, value in one.sums.items())
    yield from ((name, ", ".join(values)) for name, values in one.filters.items())
    yield "tokens of", ", ".join(one.keys) or "no key"
    yield "agreed to", f"{', '.join(one.purposes)} (on {', '.join(one.bases)})"
    yield "agreed", f"{moment(one.consent_at_s)} to {moment(one.consent_until_s)}"
    if one.withdrawn_at_s:
        yield "withdrawn", f"{moment(one.withdrawn_at_s)}; these rows are to be removed"


def moment(time_s: int) -> str:
    """Return a time for people, in UTC."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M UTC")

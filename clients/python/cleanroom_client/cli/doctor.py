"""The command that looks for what is wrong with a partner's set-up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from cleanroom_client.cli.output import add_row, say_json, show, table_of
from cleanroom_client.cli.state import Settings, guarded, settings_of
from cleanroom_client.errors import ClientError
from cleanroom_client.examining import Finding, Verdict, machine


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


@guarded
def doctor(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Look for what is wrong in this set-up; changes nothing.

    Looks at the blinding kernel, profile, certificate, keystore and service.

    Ends with code 1 where there is a problem. Without a profile only this machine is looked at.

    Example: cleanroom-client --profile acme.toml doctor
    """
    findings = list(_findings(settings_of(context)))
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        _tell(findings)
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        raise typer.Exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield machine()
    if settings.profile is None:
        return
    try:
        room = settings.room()
    except ClientError as error:
        yield Finding(check="profile", verdict=Verdict.PROBLEM, text=str(error))
        return
    with room:
        yield from room.examine()


def _tell(findings: list[Finding]) -> None:
    table = table_of("doctor", ("check", "verdict", "what was found"))
    for finding in findings:
        add_row(table, finding.check, finding.verdict, finding.text)
    show(table)

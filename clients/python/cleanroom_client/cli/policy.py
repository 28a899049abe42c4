"""Commands about the policy: propose, accept, status."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from cleanroom_client.agreement import Collaboration
from cleanroom_client.cli import agreeing
from cleanroom_client.cli.output import complain, remark, say, say_json
from cleanroom_client.cli.state import guarded_for_scripts, settings_of
from cleanroom_client.errors import PolicyUnknown
from cleanroom_client.room import CleanRoom

_FINDINGS: Final = 1
_LEAST_TYPED: Final = 8  # digits of a digest: one in four thousand million
_JSON = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(propose)
    app.command()(accept)
    app.command()(status)


@guarded_for_scripts
def propose(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The policy, a YAML file.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would mean; propose nothing.")
    ] = False,
    as_json: _JSON = False,
) -> None:
    """Put a policy before the parties it names, signed with this profile's key.

    What only tightens rules of its signer's is in force at once. Exits with 0 when it is proposed,
    1 when --dry-run finds something looser, 2 for errors.

    Example: cleanroom-client --profile officer.toml propose spring-campaign.yaml --dry-run
    """
    with settings_of(context).room() as room:
        proposed = room.preview(file) if dry_run else room.propose(file)
    if as_json:
        say_json(agreeing.proposed_json(proposed))
    else:
        say("\n".join(agreeing.proposed_lines(proposed, is_preview=dry_run)))
    if dry_run and any(change.direction == "looser" for change in proposed.changes):
        raise typer.Exit(_FINDINGS)


@guarded_for_scripts
def accept(
    context: typer.Context,
    *,
    show: Annotated[
        bool, typer.Option("--show", help="Print the proposed policy; accept nothing.")
    ] = False,
    digest: Annotated[
        str | None, typer.Option(help="Accept only a policy with this SHA-256, the one you read.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Accept only the policy in this file, the one you read.")
    ] = None,
    as_json: _JSON = False,
) -> None:
    """Accept the proposed policy in the name of your party, signed with this profile's key.

    Says what it changes and asks for its digest, or takes --digest or --file, which may also be
    those of the policy in force. Exits with 0 when it is accepted, 1 when neither is what you
    read, 2 for errors.

    Example: cleanroom-client --profile acme.toml accept --file spring-campaign.yaml
    """
    settings = settings_of(context)
    with settings.room() as room:
        collaboration = room.collaboration()
        latest = collaboration.latest
        if show:
            typer.echo(latest.document)
            remark(f"sha256 {latest.digest}", quiet=settings.quiet)
            return
        read = _digest_of(file) if file is not None else digest
        wanted = read or _asked(room, collaboration)
        in_force = collaboration.in_force
        if wanted not in {latest.digest, in_force and in_force.digest}:
            complain(
                f"the proposal of {collaboration.name} is {latest.digest}, not what was named: "
                "read it again"
            )
            raise typer.Exit(_FINDINGS)
        accepted = room.accept(wanted)
    if as_json:
        say_json(agreeing.accepted_json(accepted))
    else:
        say(agreeing.accepted_text(accepted))


def _digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _asked(room: CleanRoom, collaboration: Collaboration) -> str:
    """Return the digest if the person at the terminal types its beginning; "" if not."""
    if not sys.stdin.isatty():
        raise PolicyUnknown(
            f"the proposal of {collaboration.name} is {collaboration.latest.digest}: name what you "
            "have read by --digest or --file"
        )
    lines = agreeing.to_accept_lines(room.profile.acts_for, collaboration)
    typer.echo("\n".join(lines), err=True)
    typed = str(typer.prompt(f"Its first {_LEAST_TYPED} digits, to accept it", err=True)).strip()
    digest = collaboration.latest.digest
    return digest if len(typed) >= _LEAST_TYPED and digest.startswith(typed.lower()) else "-"


@guarded_for_scripts
def status(
    context: typer.Context,
    *,
    steps: Annotated[
        bool, typer.Option("--steps", help="Also who signed what, verified on this machine.")
    ] = False,
    as_json: _JSON = False,
) -> None:
    """Say which policy is in force until when, which is proposed, and who has accepted.

    Exits with 0 when nothing is to be done, 1 when an acceptance is awaited, nothing is in force
    or a policy ends within 14 days, 2 for errors.

    Example: cleanroom-client --profile acme.toml status --steps
    """
    settings = settings_of(context)
    with settings.room() as room:
        collaboration = room.collaboration()
        history = room.history() if steps or as_json else ()
        found = agreeing.findings(collaboration, room.now())
    if as_json:
        say_json(agreeing.status_json(collaboration, history, found))
    else:
        say("\n".join(agreeing.status_lines(collaboration)))
        if steps:
            say("\n".join(agreeing.step_lines(history)))
        for sentence in found:
            remark(f"note: {sentence}", quiet=settings.quiet)
    if found:
        raise typer.Exit(_FINDINGS)

"""Commands about the policy: propose, accept, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom_client.accepting import Accepted
from cleanroom_client.agreement import Collaboration
from cleanroom_client.cli.output import remark, say, say_json
from cleanroom_client.cli.state import guarded, settings_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(propose)
    app.command()(accept)
    app.command()(status)


@guarded
def propose(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The policy, a YAML file.")],
) -> None:
    """Put a policy before the parties it names.

    Example: cleanroom-client --profile officer.toml propose spring-campaign.yaml
    """
    with settings_of(context).room() as room:
        proposed = room.propose(file)
    say(f"proposed for {proposed.collaboration}: {proposed.digest}")


@guarded
def accept(
    context: typer.Context,
    *,
    show: Annotated[
        bool, typer.Option("--show", help="Print the proposed policy; accept nothing.")
    ] = False,
    digest: Annotated[
        str | None, typer.Option(help="Accept only a policy with this SHA-256, the one you read.")
    ] = None,
) -> None:
    """Accept the proposed policy on behalf of your party.

    Example: cleanroom-client --profile acme.toml accept --show
    """
    settings = settings_of(context)
    with settings.room() as room:
        if show:
            latest = room.collaboration().latest
            typer.echo(latest.document)
            remark(f"sha256 {latest.digest}", quiet=settings.quiet)
            return
        say(_accepted_text(room.accept(digest)))


def _accepted_text(accepted: Accepted) -> str:
    name, digest = accepted.collaboration, accepted.policy.digest
    if accepted.in_force:
        return f"accepted {digest} of {name}: it is in force"
    return f"accepted {digest} of {name}: not yet accepted by {', '.join(accepted.waiting_for)}"


@guarded
def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Say which policy is in force, which is proposed, and who has accepted.

    Example: cleanroom-client --profile acme.toml status
    """
    with settings_of(context).room() as room:
        collaboration = room.collaboration()
    if as_json:
        say_json(_status_json(collaboration))
        return
    in_force = collaboration.in_force
    say(f"collaboration  {collaboration.name}")
    say(f"in force       {in_force.digest if in_force else 'nothing'}")
    say(f"proposed last  {collaboration.latest.digest} by {collaboration.latest.proposed_by}")
    say(f"accepted by    {', '.join(sorted(collaboration.latest.accepted)) or 'nobody'}")
    say(f"waiting for    {', '.join(collaboration.waiting_for) or 'nobody'}")
    for dataset in collaboration.terms.datasets:
        say(f"dataset        {dataset.name} of {dataset.owner}")


def _status_json(collaboration: Collaboration) -> dict[str, object]:
    in_force = collaboration.in_force
    return {
        "collaboration": collaboration.name,
        "in_force": in_force.digest if in_force else None,
        "latest": collaboration.latest.digest,
        "accepted": sorted(collaboration.latest.accepted),
        "waiting_for": list(collaboration.waiting_for),
        "datasets": {d.name: d.owner for d in collaboration.terms.datasets},
    }

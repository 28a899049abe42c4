"""`cleanroom sandbox`: an installation to try out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.cli.terminal import say, show_table
from cleanroom.model.names import ActorKind

if TYPE_CHECKING:
    from cleanroom.sandbox.layout import Sandbox

app = typer.Typer(help="Make an installation to try out.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `init` a command of its own, though it is the only one."""


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    policy: Annotated[
        Path, typer.Option("--policy", metavar="FILE", help="The collaboration's policy (YAML).")
    ],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the server will listen.")
    ] = "127.0.0.1:8443",
    trust_domain: Annotated[
        str, typer.Option(metavar="NAME", help="What every identity begins with.")
    ] = "cleanroom.test",
    days: Annotated[
        int, typer.Option(metavar="N", help="How long the certificates are valid.")
    ] = 30,
) -> None:
    """Make a CA, keys, a server's configuration, and one profile for each party of the policy.

    Example: cleanroom sandbox init room --policy policies/examples/demo.yaml
    """
    from cleanroom.sandbox.create import Options, create_sandbox

    options = Options(listen=listen, trust_domain=trust_domain, days=days)
    made = create_sandbox(directory, policy.read_bytes(), options=options, policy_file=str(policy))
    _tell(made, directory)


def _tell(made: Sandbox, directory: Path) -> None:
    shown = [("server", "configuration", made.server_config)]
    shown += [("party", name, made.profile(name)) for name in made.parties]
    for name in made.parties:
        shown.append(("officer", f"of {name}", made.profile_of(made.officer(name))))
    for kind in (ActorKind.AUDITOR, ActorKind.OFFICER):
        shown.append((kind, kind, made.profile_of(made.actor(kind, kind))))
    shown += [("log", "verifier key", made.log_vkey)]
    relative = [(a, b, str(directory / path.relative_to(made.root))) for a, b, path in shown]
    show_table(("for", "name", "file"), relative)
    say("Next, in this terminal:")
    say(f"  cleanroom serve --config {directory / 'server.toml'}")
    say("and for each party, in another:")
    for name in made.parties:
        profile = directory / made.profile(name).relative_to(made.root)
        say(f"  cleanroom-client --profile {profile} accept --file {directory / 'policy.yaml'}")

"""The application: options before the command, and the commands put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cleanroom_client.cli import audit, bench, data, doctor, log, people, policy, questions
from cleanroom_client.cli.output import complain, remark
from cleanroom_client.cli.state import Settings
from cleanroom_client.cli.usage import is_help, usage_sentence

_NAME = "cleanroom-client"

# Pretty tracebacks would show local variables, which may hold secrets and rows.
app = typer.Typer(
    name=_NAME,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    context: typer.Context,
    *,
    profile: Annotated[
        Path | None,
        typer.Option(envvar="CLEANROOM_PROFILE", help="Your profile, as in parties/acme.toml."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds that one call to the service may take.")
    ] = 60.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no remarks.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Bring data to a clean room and ask it questions; identifiers are blinded on this machine.

    Example: cleanroom-client --profile acme.toml ask match-rate --datasets exposures,sales
    """
    if not timeout > 0:
        raise typer.BadParameter("--timeout: expected more than 0 seconds")
    context.obj = Settings(profile=profile, timeout_s=timeout, quiet=quiet, debug=debug)


policy.register(app)
data.register(app)
people.register(app)
questions.register(app)
audit.register(app)
log.register(app)
bench.register(app)
doctor.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; return 0, or 1 for a failure or refusal, or 2 for wrong usage."""
    try:
        code = app(list(arguments), prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as error:
        if is_help(error):
            remark(error.format_message(), quiet=False)
        else:
            complain(usage_sentence(error, _NAME))
        return error.exit_code
    except typer.Abort:
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return code if isinstance(code, int) else 0

"""The commands put together, and the one place where an error becomes a sentence."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from cleanroom.cli import audit, fsck, policy, retention, sandbox, serve, witness
from cleanroom.cli.failures import expected, sentence
from cleanroom.cli.terminal import complain
from cleanroom.cli.usage import is_help, usage_sentence

_NAME = "cleanroom"
_HELP = """Run and check a data clean room.

Example: cleanroom sandbox init room --policy policy.yaml, then
cleanroom serve --config room/server.toml
"""

app = typer.Typer(
    name=_NAME,
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(retention.app, name="retention")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(policy.app, name="policy")
app.add_typer(audit.app, name="audit")
app.add_typer(witness.app, name="witness")
app.command("serve")(serve.serve)
app.command("fsck")(fsck.fsck)


@app.callback()
def _options(
    *,
    debug: bool = typer.Option(  # read by `main`, which outlives the command
        False,  # noqa: FBT003 - Typer takes the default first
        "--debug",
        help="Show the traceback of an error. It may hold values that the sentence leaves out.",
    ),
) -> None:
    """Take what stands before the command's name; the help text is the application's."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 refused with a sentence on stderr, 2 wrong usage.

    `policy lint` and `fsck` say in their help what their exit codes mean.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=given, prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as error:
        if is_help(error):
            sys.stderr.write(error.format_message())
        else:
            complain(usage_sentence(error, _NAME))
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(1)
    except Exception as error:  # the outermost: whatever is left ends here
        if given[:1] == ["--debug"]:
            raise
        complain(sentence(error) if expected(error) else _unexpected(error))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _unexpected(error: Exception) -> str:
    # Its text may hold values of rows, so only --debug shows it.
    return f"unexpected {type(error).__name__}: run `cleanroom --debug …` for the traceback"

"""`cleanroom audit`: reading and verifying the log where it is stored, beside the server."""

from __future__ import annotations

import typer

from cleanroom.cli import audit_list, export, verify
from cleanroom.cli.options import ConfigOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import say
from cleanroom.config import load_config

app = typer.Typer(help="Read and verify the log.", no_args_is_help=True)
audit_list.register(app)
app.command("verify")(verify.verify)
app.command("export")(export.export)
app.command("diff-checkpoint")(verify.diff_checkpoint)


@app.command()
def checkpoint(config: ConfigOption) -> None:
    """Print a signed checkpoint, to be kept where the operator of this server cannot change it.

    Example: cleanroom audit checkpoint --config room/server.toml > kept.checkpoint
    """
    from cleanroom.cli.log_check import signed
    from cleanroom.wiring.opening import load_signer

    known = load_config(config)
    with opened(known) as store:
        say(signed(store, load_signer(known.log)).rstrip("\n"))

"""`cleanroom audit`: reading and verifying the log where it is stored, beside the server."""

from __future__ import annotations

from typing import Annotated

import typer

from cleanroom.cli import (
    audit_anomalies,
    audit_list,
    audit_recompute,
    audit_report,
    export,
    rotate,
    verify,
)
from cleanroom.cli.options import ConfigOption
from cleanroom.cli.stores import opened, signed_note
from cleanroom.cli.terminal import say
from cleanroom.config import load_config

app = typer.Typer(help="Read and verify the log.", no_args_is_help=True)
audit_list.register(app)
app.command("verify")(verify.verify)
app.command("report")(audit_report.report)
app.command("recompute")(audit_recompute.recompute)
app.command("anomalies")(audit_anomalies.anomalies)
app.command("export")(export.export)
app.command("diff-checkpoint")(verify.diff_checkpoint)
app.command("new-key")(rotate.new_key)


@app.command()
def checkpoint(
    config: ConfigOption,
    *,
    witnessed: Annotated[
        bool, typer.Option("--witnessed", help="The newest that a witness cosigned.")
    ] = False,
) -> None:
    """Print a signed checkpoint, to be kept where the operator of this server cannot change it.

    It covers everything logged, with the cosignatures that are there already; what witnesses
    cosigned last (--witnessed) may cover less.

    Example: cleanroom audit checkpoint --config room/server.toml > kept.checkpoint
    """
    from cleanroom.wiring.environment import SystemEntropy
    from cleanroom.wiring.opening import open_remembered

    known = load_config(config)
    if witnessed:
        note = open_remembered(known, SystemEntropy()).witnessed()
        if note is None:
            raise typer.BadParameter("no witness has cosigned yet", param_hint="--witnessed")
    else:
        with opened(known) as store:
            note = signed_note(known, store)
    say(note.rstrip("\n"))

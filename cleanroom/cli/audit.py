"""`cleanroom audit`: reading and verifying the log where it is stored, beside the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.audit.encoding import encode_base64
from cleanroom.cli import audit_list
from cleanroom.cli.options import ConfigOption
from cleanroom.cli.terminal import progress, say
from cleanroom.config import Config, load_config

if TYPE_CHECKING:
    from cleanroom.storage.sqlite import SqlStore

app = typer.Typer(help="Read and verify the log.", no_args_is_help=True)


@app.command()
def verify(
    config: ConfigOption,
    against: Annotated[
        Path | None,
        typer.Option(metavar="NOTE", help="A checkpoint kept earlier: the log must continue it."),
    ] = None,
) -> None:
    """Compute the whole tree again from the entries and compare it with what is stored and signed.

    Example: cleanroom audit verify --config room/server.toml --against kept.checkpoint
    """
    from cleanroom.cli.log_check import verify_stored_log
    from cleanroom.wiring.opening import load_signer

    known = load_config(config)
    earlier = None if against is None else against.read_bytes()
    with _store(known) as store, progress() as bar:
        task = bar.add_task("entries verified", total=None)
        found = verify_stored_log(
            store,
            load_signer(known.log),
            against=earlier,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )
    say(f"entries     {found.summary.checkpoint.size}")
    say(f"root        {encode_base64(found.summary.checkpoint.root)}")
    if against is not None:
        say(f"continues   {against}")
    say("checkpoint")
    say(found.note.rstrip("\n"))
    say("the log is consistent")


@app.command()
def checkpoint(config: ConfigOption) -> None:
    """Print a signed checkpoint, to be kept where the operator of this server cannot change it.

    Example: cleanroom audit checkpoint --config room/server.toml > kept.checkpoint
    """
    from cleanroom.cli.log_check import signed
    from cleanroom.wiring.opening import load_signer

    known = load_config(config)
    with _store(known) as store:
        say(signed(store, load_signer(known.log)).rstrip("\n"))


audit_list.register(app)


@contextmanager
def _store(config: Config) -> Iterator[SqlStore]:
    from cleanroom.wiring.opening import open_existing_store

    with closing(open_existing_store(config)) as store:
        yield store

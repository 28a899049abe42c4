"""`cleanroom audit`: reading and verifying the log where it is stored, beside the server."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.tree import leaf_hash
from cleanroom.cli import entries, export, verify
from cleanroom.cli.options import ConfigOption, JsonOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import say, show_table
from cleanroom.config import load_config

_COLUMNS = ("index", "time", "kind", "actor", "collaboration", "what")
_HEAD = 4  # of them stand on the first line where the terminal is narrow
app = typer.Typer(help="Read and verify the log.", no_args_is_help=True)
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


@app.command("list")
def list_entries(
    config: ConfigOption,
    *,
    as_json: JsonOption = False,
    party: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what it did or is named in.")
    ] = None,
    kind: Annotated[EntryKind | None, typer.Option(help="Only entries of this kind.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Only from this day, or time, on (UTC unless said)."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the newest N of them.")
    ] = None,
) -> None:
    """List entries, oldest first.

    Example: cleanroom audit list --config room/server.toml --kind question_released --limit 20
    """
    since_s = None if since is None else _seconds(since)
    choice = entries.Choice(party=party, kind=kind, since_s=since_s)
    with opened(load_config(config)) as store:
        found: Iterator[tuple[int, Entry]] = entries.chosen(store, choice)
        if limit is not None:
            found = iter(deque(found, maxlen=limit))
        if as_json:
            _print_json(found)
        else:
            show_table(_COLUMNS, (entries.as_row(*item) for item in found), head=_HEAD)


@app.command()
def show(
    config: ConfigOption,
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="As `audit list` says.")],
) -> None:
    """Print one entry in full as JSON, with the hash of its leaf.

    Example: cleanroom audit show 7 --config room/server.toml
    """
    with opened(load_config(config)) as store:
        data = store.read(lambda tx: tx.log.entry(index))
    if data is None:
        raise typer.BadParameter(f"the log has no entry {index}", param_hint="INDEX")
    shown = entries.as_json(index, decode_entry(data))
    say(json.dumps({**shown, "leaf_hash": leaf_hash(data).hex()}, indent=2))


def _print_json(found: Iterator[tuple[int, Entry]]) -> None:
    """Print one array, an entry a line, without holding them all."""
    lines = (json.dumps(entries.as_json(*item)) for item in found)
    first = next(lines, None)
    if first is None:
        say("[]")
        return
    say(f"[\n{first}", end="")
    for line in lines:
        say(f",\n{line}", end="")
    say("\n]")


def _seconds(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "expected a day or time such as 2026-03-01 or 2026-03-01T12:00", param_hint="--since"
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())

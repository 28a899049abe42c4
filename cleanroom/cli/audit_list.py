"""`cleanroom audit list` and `show`: the log for people, spreadsheets and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.audit.choice import Choice, Decision
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found, as_json, as_row, csv_lines, json_lines
from cleanroom.audit.tree import leaf_hash
from cleanroom.audit.words import facts, sentence
from cleanroom.cli.files import written
from cleanroom.cli.options import ConfigOption, JsonOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import plain, say, show_table
from cleanroom.cli.times import seconds
from cleanroom.config import load_config

if TYPE_CHECKING:
    from cleanroom.storage.sqlite import SqlStore

_COLUMNS = ("index", "time", "kind", "actor", "collaboration", "what")
_SHOWN = (0, 1, 2, 4, 5, 8)  # of a row's columns
_HEAD = 4  # of them stand on the first line where the terminal is narrow
_LABEL = 22


class Format(StrEnum):
    """What a list is written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_entries)
    app.command()(show)


def list_entries(  # noqa: PLR0913 - one option for each side of a choice
    config: ConfigOption,
    *,
    as_json_: JsonOption = False,
    party: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what it did or is named in.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what is about this dataset.")
    ] = None,
    collaboration: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what happened in it.")
    ] = None,
    kind: Annotated[EntryKind | None, typer.Option(help="Only entries of this kind.")] = None,
    decision: Annotated[Decision | None, typer.Option(help="Only questions that ended so.")] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only with this reason, or saying this.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Only from this day, or time, on (UTC unless said)."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only before this day, or time.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the newest N of them.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="What to write; Parquet needs --out.")
    ] = Format.TABLE,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file instead.")
    ] = None,
) -> None:
    """List entries, oldest first.

    Example: cleanroom audit list --config room/server.toml --decision refused --limit 20
    """
    choice = Choice(
        party=party,
        dataset=dataset,
        collaboration=collaboration,
        kind=kind,
        decision=decision,
        reason=reason,
        since_s=None if since is None else seconds(since, "--since"),
        until_s=None if until is None else seconds(until, "--until"),
    )
    form = Format.JSON if as_json_ else form
    _check_target(form, out)
    with opened(load_config(config)) as store:
        found = _found(store, choice, limit)
        if out is None:
            _print(form, found)
        else:
            _write(form, found, out)


def show(
    config: ConfigOption,
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="As `audit list` says.")],
    *,
    as_json_: JsonOption = False,
) -> None:
    """Say everything that one entry holds, and the hash of its leaf.

    Example: cleanroom audit show 7 --config room/server.toml
    """
    from cleanroom.usecases import entries

    with opened(load_config(config)) as store:
        read = entries.one(store, index)
    if read is None:
        raise typer.BadParameter(f"the log has no entry {index}", param_hint="INDEX")
    found, data = read
    if as_json_:
        say(json.dumps({**as_json(found), "leaf_hash": leaf_hash(data).hex()}, indent=2))
        return
    say(f"entry {index}: {plain(found.entry.actor)} {plain(sentence(found.entry))}")
    for label, text in (*facts(found.entry), ("leaf hash", leaf_hash(data).hex())):
        say(f"  {plain(label):<{_LABEL}}  {plain(text)}")


def _found(store: SqlStore, choice: Choice, limit: int | None) -> Iterable[Found]:
    from cleanroom.usecases import entries

    if limit is None:
        return entries.chosen(store, choice)
    return entries.newest(store, choice, limit)


def _check_target(form: Format, out: Path | None) -> None:
    if form is Format.PARQUET and out is None:
        raise typer.BadParameter("Parquet is for files: add --out FILE", param_hint="--format")
    if form is Format.TABLE and out is not None:
        raise typer.BadParameter(
            "a table is for the terminal: add --format csv, json or parquet", param_hint="--out"
        )


def _print(form: Format, found: Iterable[Found]) -> None:
    if form is Format.TABLE:
        rows = (as_row(one) for one in found)
        show_table(_COLUMNS, ([row[i] for i in _SHOWN] for row in rows), head=_HEAD)
        return
    for line in _lines(form, found):
        say(line)


def _write(form: Format, found: Iterable[Found], out: Path) -> None:
    with written(out) as unfinished:
        if form is Format.PARQUET:
            from cleanroom.cli.audit_parquet import write_parquet

            count = write_parquet(unfinished, found)
        else:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                lines = sum(1 for line in _lines(form, found) if file.write(f"{line}\n"))
            count = lines - 1 if form is Format.CSV else max(0, lines - 2)
    say(f"{out}: {count} entries written")


def _lines(form: Format, found: Iterable[Found]) -> Iterator[str]:
    return csv_lines(found) if form is Format.CSV else json_lines(found)

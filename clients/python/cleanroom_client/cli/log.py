"""`cleanroom-client audit`: the log read from afar, each entry proven before it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from cleanroom.audit.choice import Choice, Decision
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found, as_json, as_row, csv_lines, json_lines
from cleanroom.audit.tree import leaf_hash
from cleanroom.audit.words import facts, sentence
from cleanroom_client.cli import audit
from cleanroom_client.cli.options import AsJson
from cleanroom_client.cli.output import add_row, remark, say, show, table_of
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.room import CleanRoom

_COLUMNS = ("index", "time", "kind", "actor", "collaboration", "what")
_SHOWN = (0, 1, 2, 4, 5, 8)  # of a row's columns
_USUAL = 50
_CODES: Final = {"plausible": 0, "implausible": 1, "not possible": 2}


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_entries)
    group.command("show")(show_entry)
    group.command()(checkpoint)
    group.command()(recompute)
    group.command("erase")(erase)
    group.command("receipt")(audit.verify)
    app.add_typer(group, name="audit", help="Read the log, as an auditor or officer.")


@guarded
def list_entries(  # noqa: PLR0913 - one option for each side of a choice
    context: typer.Context,
    *,
    party: Annotated[str | None, typer.Option(help="Only what it did or is named in.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only what is about this dataset.")] = None,
    collaboration: Annotated[str | None, typer.Option(help="Only what happened in it.")] = None,
    kind: Annotated[EntryKind | None, typer.Option(help="Only entries of this kind.")] = None,
    decision: Annotated[Decision | None, typer.Option(help="Only questions that ended so.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Only with this reason, or saying this.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only from this day or time on, UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="Only before this day or time, UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Only the newest so many.")] = _USUAL,
    whole: Annotated[
        bool, typer.Option("--whole", help="Fetch and verify the whole log first.")
    ] = False,
    as_json_: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV for spreadsheets.")] = False,
) -> None:
    """List entries, oldest first, each proven to stand in the tree that the log's key signed.

    The service chooses what it lists; with --whole, nothing can be left out.

    Example: cleanroom-client --profile auditor.toml audit list --decision refused
    """
    choice = Choice(
        party=party,
        dataset=dataset,
        collaboration=collaboration,
        kind=kind,
        decision=decision,
        reason=reason,
        since_s=_seconds(since, "--since"),
        until_s=_seconds(until, "--until"),
    )
    settings = settings_of(context)
    with settings.room() as room:
        found, said = _listed(room, choice, limit, whole=whole)
    if as_json_ or as_csv:
        for line in csv_lines(found) if as_csv else json_lines(found):
            say(line)
    else:
        _show_table(found)
    remark(said, quiet=settings.quiet)


@guarded
def show_entry(
    context: typer.Context,
    index: Annotated[int, typer.Argument(min=0, help="As `audit list` says.")],
    *,
    as_json_: AsJson = False,
) -> None:
    """Say everything that one entry holds, once it is proven to stand in the signed tree.

    Example: cleanroom-client --profile auditor.toml audit show 7
    """
    with settings_of(context).room() as room:
        found, data = room.log.entry(index)
    if as_json_:
        say(json.dumps({**as_json(found), "leaf_hash": leaf_hash(data).hex()}, indent=2))
        return
    say(f"entry {index}: {_plain(f'{found.entry.actor} {sentence(found.entry)}')}")
    for label, text in (*facts(found.entry), ("leaf hash", leaf_hash(data).hex())):
        say(f"  {_plain(label):<22}  {_plain(text)}")


@guarded
def checkpoint(context: typer.Context) -> None:
    """Print the newest signed checkpoint, once its signature is verified: keep it.

    Example: cleanroom-client --profile auditor.toml audit checkpoint > kept.checkpoint
    """
    with settings_of(context).room() as room:
        note = room.log.checkpoint_note()
    typer.echo(note, nl=False)


@guarded
def recompute(
    context: typer.Context,
    index: Annotated[int, typer.Argument(min=0, help="Of a question_released entry.")],
    *,
    as_json_: AsJson = False,
) -> None:
    """Have a released question computed again, and be told whether its noise is as stated.

    The service judges, on its data, and tells one word: plausible (exit 0), implausible (1) or
    not possible (2). It logs that you asked. Auditors only.

    Example: cleanroom-client --profile auditor.toml audit recompute 31
    """
    with settings_of(context).room() as room:
        told = room.log.recompute(index)
    if as_json_:
        say(json.dumps({"entry": index, "verdict": told.verdict, "why": list(told.why)}, indent=2))
    else:
        say(f"entry {index}: {told.verdict}")
        for why in told.why:
            say(f"  {_plain(why)}")
    raise typer.Exit(_CODES.get(told.verdict, 2))


@guarded
def erase(
    context: typer.Context,
    index: Annotated[int, typer.Argument(min=0, help="As `audit list` says.")],
) -> None:
    """Erase the words that an entry only commits to, such as why a question was refused; officers.

    The entry stays, with a commitment that nobody can open any more, and the log still verifies.
    The erasure is logged. It cannot be undone, and reaches exports when they are made anew.

    Example: cleanroom-client --profile officer.toml audit erase 7
    """
    with settings_of(context).room() as room:
        erased = room.log.erase_payloads(index)
    say(f"entry {index}: {erased} erased" if erased else f"entry {index}: nothing to erase")


def _listed(room: CleanRoom, choice: Choice, limit: int, *, whole: bool) -> tuple[list[Found], str]:
    if not whole:
        found = room.log.newest(choice, limit)
        return found, f"{len(found)} entries listed, each proven to be in the signed tree"
    kept, summary = room.log.whole(choice)
    size = summary.checkpoint.size
    return kept[-limit:], f"{len(kept)} of {size} entries chosen; they make the signed tree"


def _show_table(found: Iterable[Found]) -> None:
    table = table_of("log", _COLUMNS)
    for one in found:
        row = as_row(one)
        add_row(table, *(_plain(row[i]) for i in _SHOWN))
    show(table)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _seconds(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option}: expected a day or time such as 2026-03-01 or 2026-03-01T12:00"
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())

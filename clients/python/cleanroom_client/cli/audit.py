"""Commands for whoever checks: receipts offline, the log as an auditor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cleanroom.audit.entry import Entry
from cleanroom.audit.errors import NoteInvalid, ReceiptInvalid
from cleanroom.audit.note import NoteVerifier
from cleanroom_client.cli.figures import footer, measurement_table
from cleanroom_client.cli.output import add_row, say, say_json, show, table_of
from cleanroom_client.cli.state import guarded, settings_of
from cleanroom_client.errors import ReceiptRefused
from cleanroom_client.measurement import Measurement

_HINTS = {  # by the step of `verify_receipt`
    1: " (the file is damaged, or is no receipt)",
    2: " (is this the key of the log it comes from?)",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    receipt = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    # With a callback Typer keeps `verify` a command of its own.
    receipt.callback()(_receipt)
    receipt.command("verify")(verify)
    app.add_typer(receipt, name="receipt", help="Check receipts, without any connection.")
    app.command()(entries)


def _receipt() -> None:
    """Check receipts, without any connection."""


@guarded
def verify(
    context: typer.Context,  # noqa: ARG001 - `guarded` reads --debug from it
    file: Annotated[Path, typer.Argument(help="A receipt kept with 'ask --receipt'.")],
    *,
    log_key: Annotated[
        str, typer.Option(help="The log's key, name+id+key, or a file that holds it.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the measurement, as released.")
    ] = False,
) -> None:
    """Verify that a receipt's measurement is in the log whose key you have, and show it.

    Does not show that no other fork of the log exists.

    Example: cleanroom-client receipt verify lift.receipt --log-key log.vkey
    """
    measurement = _verified(file, _verifier(log_key))
    if as_json:
        say(measurement.text)
        return
    show(measurement_table(measurement))
    say(footer(measurement))
    say(f"{file.name}: the receipt is valid")


def _verified(file: Path, log_key: NoteVerifier) -> Measurement:
    try:
        return Measurement.from_receipt(_bytes_of(file), log_key)
    except ReceiptRefused as error:
        cause = error.__cause__
        hint = _HINTS.get(cause.step, "") if isinstance(cause, ReceiptInvalid) else ""
        raise ReceiptRefused(f"{file}: {error}{hint}") from error


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ReceiptRefused(f"the receipt cannot be read: {error.strerror}") from None


def _verifier(text: str) -> NoteVerifier:
    """Return the log's key from its text, or from a file that holds it."""
    try:
        return NoteVerifier.parse(text)
    except NoteInvalid as error:
        why = error.why
    try:
        return NoteVerifier.parse(Path(text).read_text(encoding="utf-8").strip())
    except NoteInvalid as error:
        raise ReceiptRefused(f"--log-key {text}: {error.why}") from None
    except (OSError, ValueError):
        raise ReceiptRefused(f"--log-key: it is no file, and as a key: {why}") from None


@guarded
def entries(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Verify the whole log against its signed checkpoint, and list it; auditors and officers.

    Example: cleanroom-client --profile auditor.toml entries
    """
    with settings_of(context).room() as room:
        found, summary = room.verified_log()
    if as_json:
        say_json([_entry_json(entry) for entry in found])
        return
    show(_entries_table(found))
    say(f"{summary.checkpoint.origin}: {summary.checkpoint.size} entries make the signed tree")


def _entries_table(found: Sequence[Entry]) -> Table:
    table = table_of("log", ("index", "time (UTC)", "kind", "actor", "collaboration"))
    for index, entry in enumerate(found):
        time = datetime.fromtimestamp(entry.time_s, UTC)
        add_row(
            table,
            index,
            f"{time:%Y-%m-%d %H:%M:%S}",
            entry.kind,
            entry.actor,
            entry.collaboration or "",
        )
    return table


def _entry_json(entry: Entry) -> dict[str, object]:
    return asdict(entry) | {"salt": entry.salt.hex(), "kind": str(entry.kind)}

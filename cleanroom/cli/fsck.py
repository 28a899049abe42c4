"""`cleanroom fsck`: whether store, log and vault still tell one story."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.cli.options import ConfigOption
from cleanroom.cli.terminal import complain, plain, say

if TYPE_CHECKING:
    from cleanroom.config import Config
    from cleanroom.storage.problem import Problem
    from cleanroom.storage.sqlite import SqlStore


def fsck(
    config: ConfigOption,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="An export of the log, to check beside it."),
    ] = None,
) -> None:
    """Check the database, the log, the ledgers and every encrypted file against each other.

    Exits with 0 when all is well, 1 when anything is wrong. A note is what a crash may leave: it
    harms nothing. Changes nothing.

    Example: cleanroom fsck --config room/server.toml
    """
    from cleanroom.config import load_config

    found = _look(load_config(config), export)
    for item in found:
        say(plain(str(item)))
    problems = sum(not item.is_note for item in found)
    say("clean" if not problems else f"{problems} problems")
    if problems:
        raise typer.Exit(1)


def _look(config: Config, export: Path | None) -> tuple[Problem, ...]:
    from cleanroom.wiring.lock import DataInUse, held

    try:
        with held(config.data, shared=True):
            return _check(config, export)
    except DataInUse:
        complain("the service is running: what it does meanwhile is looked at twice")
        # What was half done at the first look is done at the second.
        first = set(_check(config, export))
        return tuple(item for item in _check(config, export) if item in first) if first else ()


def _check(config: Config, export: Path | None) -> tuple[Problem, ...]:
    from contextlib import closing

    from cleanroom.storage.fsck import fsck as check
    from cleanroom.wiring.environment import SystemEntropy
    from cleanroom.wiring.opening import open_existing_store, open_vault

    with closing(open_existing_store(config)) as store:
        found = check(store, open_vault(config, SystemEntropy()))
        return (*_signed(config, store, export), *found)


def _signed(config: Config, store: SqlStore, export: Path | None) -> list[Problem]:
    """Compare the stored tree with the checkpoints that were shown, and with an export's tiles."""
    from cleanroom.audit.errors import AuditError
    from cleanroom.storage.export_folder import ExportFolder
    from cleanroom.storage.fsck_checkpoints import check_export, check_signed
    from cleanroom.storage.problem import problem
    from cleanroom.wiring.environment import SystemEntropy
    from cleanroom.wiring.opening import log_keys, open_remembered

    keys, shown = log_keys(config.log), open_remembered(config, SystemEntropy())
    notes = {"the newest checkpoint": shown.newest(), "the witnessed one": shown.witnessed()}
    given = {where: note for where, note in notes.items() if note is not None}
    found: list[Problem] = []
    if export is not None:
        try:
            problems, note = check_export(str(export), ExportFolder(export), keys)
        except AuditError as error:
            return [problem(str(export), str(error))]
        found += problems
        given |= {} if note is None else {f"export {export}": note.decode()}
    return store.read(lambda tx: check_signed(tx.log, given, keys)) + found

"""`cleanroom audit export`: the log as a folder that any tlog tool reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cleanroom.audit.checkpoint import open_checkpoint
from cleanroom.cli.options import ConfigOption, JsonOption
from cleanroom.cli.stores import opened, signed_note
from cleanroom.cli.terminal import progress, say
from cleanroom.config import load_config


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, or of an earlier export.")],
    config: ConfigOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the log as tiles, entries and a signed checkpoint (C2SP tlog-tiles).

    The folder can be served as it is, or checked by `cleanroom audit verify DIR` without this
    server. Run again, it adds what is new; interrupted, it goes on. Entries are written as they
    are: give the folder only to those who may read the log.

    Example: cleanroom audit export --config room/server.toml exported
    """
    from cleanroom.storage.export_folder import ExportFolder, writing
    from cleanroom.usecases.export import export as write
    from cleanroom.wiring.environment import SystemEntropy
    from cleanroom.wiring.opening import log_keys

    known, entropy = load_config(config), SystemEntropy()
    keys = log_keys(known.log)
    with (
        opened(known) as store,
        writing(folder, lambda: entropy.token_bytes(8).hex()) as target,
        progress() as bar,
    ):
        note = signed_note(known, store)
        task = bar.add_task("entries exported", total=None)
        created = write(
            store,
            note,
            keys,
            files=ExportFolder(folder),
            target=target,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )
    size = open_checkpoint(note, keys).size
    if as_json:
        told = {"folder": str(folder), "entries": size, "new_files": created, "checkpoint": note}
        say(json.dumps(told, indent=2))
        return
    say(f"{size} entries are in {folder}, {created} files are new")
    say(f"check it: cleanroom audit verify {folder} --log-key KEY")

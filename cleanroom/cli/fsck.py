"""`cleanroom fsck`: whether store, log and vault still tell one story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cleanroom.cli.options import ConfigOption
from cleanroom.cli.terminal import complain, plain, say

if TYPE_CHECKING:
    from cleanroom.config import Config
    from cleanroom.storage.problem import Problem


def fsck(config: ConfigOption) -> None:
    """Check the database, the log, the ledgers and every encrypted file against each other.

    Exits with 0 when all is well, 1 when anything is wrong. A note is what a crash may leave: it
    harms nothing. Changes nothing.

    Example: cleanroom fsck --config room/server.toml
    """
    from cleanroom.config import load_config

    found = _look(load_config(config))
    for item in found:
        say(plain(str(item)))
    problems = sum(not item.is_note for item in found)
    say("clean" if not problems else f"{problems} problems")
    if problems:
        raise typer.Exit(1)


def _look(config: Config) -> tuple[Problem, ...]:
    from cleanroom.wiring.lock import DataInUse, held

    try:
        with held(config.data, shared=True):
            return _check(config)
    except DataInUse:
        complain("the service is running: what it does meanwhile is looked at twice")
        # What was half done at the first look is done at the second.
        first = set(_check(config))
        return tuple(item for item in _check(config) if item in first) if first else ()


def _check(config: Config) -> tuple[Problem, ...]:
    from contextlib import closing

    from cleanroom.storage.fsck import fsck as check
    from cleanroom.wiring.environment import SystemEntropy
    from cleanroom.wiring.opening import open_existing_store, open_vault

    with closing(open_existing_store(config)) as store:
        return check(store, open_vault(config, SystemEntropy()))

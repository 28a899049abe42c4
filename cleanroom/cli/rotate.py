"""`cleanroom audit new-key`: the first step of replacing the key that signs the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom.cli.options import ConfigOption
from cleanroom.cli.terminal import say
from cleanroom.config import load_config


def new_key(
    config: ConfigOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the new key goes (PEM).")],
) -> None:
    """Make a key to sign the log with, and say how it takes over from the one before.

    For a time both sign every checkpoint, so that readers of either key verify; the log tells when
    its keys changed. The log's name stays.

    Example: cleanroom audit new-key --config room/server.toml room/keys/log-2.key
    """
    from cleanroom.audit.note import verifier_of
    from cleanroom.wiring.opening import create_log_key, load_signers

    log = load_config(config).log
    current = load_signers(log)[0]
    public = verifier_of(create_log_key(log.name, file)).text
    say(f"made {file}. Its verifier key, to be given to everybody who reads the log:")
    say(public)
    say(f"1. in {config}, under [log]:")
    say(f'     key = "{file.absolute()}"')
    say(f'     previous_key = "{log.key.absolute()}"')
    say("2. restart the service: both keys sign, and the log says so")
    say("3. when all readers and witnesses have the new key, take previous_key out and restart")
    say(f"Keep {verifier_of(current).text}: what it signed verifies with it only.")

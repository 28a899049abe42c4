"""The configured database opened for one command, beside a server or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from cleanroom.config import Config

if TYPE_CHECKING:
    from cleanroom.storage.sqlite import SqlStore


@contextmanager
def opened(config: Config) -> Iterator[SqlStore]:
    """Open the database of a service that has run before; raises CannotServe, StoreUnusable."""
    from cleanroom.wiring.opening import open_existing_store

    with closing(open_existing_store(config)) as store:
        yield store


def signed_note(config: Config, store: SqlStore) -> str:
    """Return the signed checkpoint over everything durable, with its cosignatures.

    Raises LogInconsistent when the log is not what was signed before, CannotServe.
    """
    from cleanroom.cli.log_check import signed
    from cleanroom.wiring.environment import SystemEntropy
    from cleanroom.wiring.opening import load_signers, open_remembered

    return signed(store, load_signers(config.log), open_remembered(config, SystemEntropy()))

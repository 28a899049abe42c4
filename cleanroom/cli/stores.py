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

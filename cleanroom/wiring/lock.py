"""One server for one data folder, held by a lock that dies with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleanroom.storage.files import make_folder
from cleanroom.wiring.errors import CannotServe

NAME = "server.lock"
_RETENTION = "retention.lock"


class DataInUse(CannotServe):
    """Another process serves or checks this data folder."""


@contextmanager
def held(data: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder, making it if need be: alone to serve, shared to look at it unchanged.

    Raises DataInUse at once when another process holds it otherwise.
    """
    make_folder(data)
    descriptor = os.open(data / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DataInUse(
            f"{data} is in use by another cleanroom process: stop it, or name another folder"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def retention_turn(data: Path) -> Iterator[None]:
    """Wait for, and hold, the right to erase in the folder, beside a server or not.

    A starting server holds it while it erases what crashes left: a version without a row may be
    one that a retention run is about to give its row.
    """
    make_folder(data)
    descriptor = os.open(data / _RETENTION, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

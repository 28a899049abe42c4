"""Carries out retention from time to time, or once; must not know what is due or why."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cleanroom.usecases.retention import Due, carry_out, due
from cleanroom.usecases.service import Service
from cleanroom.wiring.lock import retention_turn

_LOG: Final = logging.getLogger(__name__)


class Keeper:
    """A thread of its own, which begins at once and goes on whatever fails."""

    def __init__(
        self, service: Service, data: Path, *, every_s: float, unfinished_days: int
    ) -> None:
        self._service, self._data = service, data
        self._every_s, self._unfinished_days = every_s, unfinished_days
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Begin no further act; one under way is waited for, but not for long.

        What is cut off is as after a crash: the next start finishes it.
        """
        self._stop.set()
        self._thread.join(grace_s)

    def _run(self) -> None:
        while True:
            self._once()
            if self._stop.wait(self._every_s):
                return

    def _once(self) -> None:
        try:
            for one, done in run_once(self._service, self._data, self._unfinished_days):
                _LOG.info("%s %s: %s", one.act, one.what, "done" if done else "has to wait")
                if self._stop.is_set():
                    return
        except Exception:  # noqa: BLE001 - whatever it is, the next run tries again
            _LOG.exception("retention was not carried out")


def run_once(
    service: Service, data: Path, unfinished_days: int, *, early: bool = False
) -> Iterator[tuple[Due, bool]]:
    """Do everything that is due; yield each act and whether it was done.

    An act that fails does not keep the others from being done; the first failure is raised last.
    """
    failure: Exception | None = None
    with retention_turn(data):
        for one in due(service, unfinished_days=unfinished_days, early=early):
            try:
                done = carry_out(service, one)
            except Exception as error:  # noqa: BLE001 - raised below
                _LOG.exception("%s %s was not carried out", one.act, one.what)
                failure, done = failure or error, False
            yield one, done
    if failure is not None:
        raise failure

"""Publishes checkpoints from time to time and asks witnesses; must not know what is in the log."""

from __future__ import annotations

import logging
import threading

from cleanroom.usecases.publish import publish
from cleanroom.usecases.service import Service

_LOG = logging.getLogger(__name__)


class Publisher:
    """A thread of its own: nobody waits for a witness."""

    def __init__(self, service: Service, every_s: float) -> None:
        self._service, self._every_s = service, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin at once."""
        self._thread.start()

    def stop(self) -> None:
        """Publish a last time what was logged; a witness that is being asked is not waited for."""
        self._stop.set()
        self._publish()

    def _run(self) -> None:
        while True:
            note = self._publish()
            if note is not None and not self._stop.is_set():
                self._ask(note)
            if self._stop.wait(self._every_s):
                return

    def _publish(self) -> str | None:
        service = self._service
        try:
            return publish(service.store, service.signers, service.remembered)
        except Exception:  # noqa: BLE001 - the service goes on; whoever asks for a checkpoint is told
            _LOG.exception("no checkpoint was published")
            return None

    def _ask(self, note: str) -> None:
        service = self._service
        try:
            service.witnessing.ask(service.store, note, service.remembered)
        except Exception:  # noqa: BLE001 - a witness's answer must not end the thread
            _LOG.exception("the witnesses were not asked")

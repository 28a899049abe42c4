"""The deny list as a file that is read again whenever it changes; must not know certificates.

One entry a line: the SHA-256 fingerprint of a certificate in hex (colons and capitals as openssl
prints them are fine) or an identity `spiffe://…`. Empty lines and `# comments` are skipped.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from pathlib import Path

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import Actor
from cleanroom.wiring.errors import CannotServe

_LOG = logging.getLogger(__name__)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class DenyList:
    """Called for the current set of fingerprints and identities; any thread may call.

    A list that cannot be read any more, or lines of it, leave nobody readmitted: what was denied
    stays denied until a file that can be read in full no longer names it.
    """

    __slots__ = ("_current", "_lock", "_path", "_stamp")

    def __init__(self, path: Path) -> None:
        """Read the file; raises CannotServe when it cannot be read in full."""
        self._path = path
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        try:
            self._current, faults = _read(path)
        except OSError as error:
            raise CannotServe(f"{path}: the deny list cannot be read: {error.strerror}") from None
        if faults:
            raise CannotServe(faults[0])

    def __call__(self) -> frozenset[str]:
        """Return what is denied now."""
        stamp = _stamp(self._path)
        with self._lock:
            if stamp != self._stamp:
                self._reload()
                self._stamp = stamp
            return self._current

    def _reload(self) -> None:
        try:
            found, faults = _read(self._path)
        except OSError as error:
            found, faults = frozenset(), [f"{self._path}: cannot be read: {error.strerror}"]
        for fault in faults:
            _LOG.error("%s; what was denied stays denied", fault)
        self._current = found | self._current if faults else found
        _LOG.info("the deny list holds %d entries", len(self._current))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - on the way of every call
    except OSError:
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> tuple[frozenset[str], list[str]]:
    """Return the entries, and a sentence for each line that is none."""
    found, faults = set(), []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        entry = _entry(text)
        if entry is None:
            faults.append(f"{path}:{number}: expected a SHA-256 fingerprint in hex or spiffe://…")
        else:
            found.add(entry)
    return frozenset(found), faults


def _entry(text: str) -> str | None:
    fingerprint = text.replace(":", "").lower()
    if _FINGERPRINT.fullmatch(fingerprint):
        return fingerprint
    try:
        return str(Actor.parse(text))
    except FieldInvalid:
        return None

"""The part of a room that reads the log, as an auditor or officer; holds no logic."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.audit.checkpoint import Checkpoint
from cleanroom.audit.entry import Entry, decode_entry
from cleanroom.audit.log import LogSummary
from cleanroom_client import auditing
from cleanroom_client.auditing import Log
from cleanroom_client.session import Session


class ReadsLog:
    """Checkpoints and entries; a base of `room.CleanRoom`."""

    _session: Session

    def checkpoint(self) -> Checkpoint:
        """Return the log's newest checkpoint, verified against the profile's log key."""
        return auditing.checkpoint(self._session)

    def entries(self, start: int = 0, count: int | None = None) -> Iterator[Entry]:
        """Yield log entries, as an auditor or officer; they are not verified one by one."""
        return map(decode_entry, auditing.entries(self._session, start, count))

    def verified_log(self) -> tuple[tuple[Entry, ...], LogSummary]:
        """Return all entries once they make the tree that the log's key signed."""
        found, summary = auditing.verified(self._session)
        return tuple(decode_entry(data) for data in found), summary

    @property
    def log(self) -> Log:
        """The log, for auditors and officers who choose what they read."""
        return Log(self._session)

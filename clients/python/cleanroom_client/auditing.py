"""Reading the log: every checkpoint is verified against the profile's key before it is used."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.errors import AuditError
from cleanroom.audit.log import LogSummary, verify_log
from cleanroom.v1 import audit_pb2 as pb
from cleanroom_client.errors import ReceiptRefused
from cleanroom_client.session import Session

_PAGE = 500


def checkpoint(session: Session) -> Checkpoint:
    """Return the log's newest checkpoint; raises ReceiptRefused if the log's key did not sign."""
    answer = session.transport.call(session.audit.GetCheckpoint, pb.GetCheckpointRequest())
    try:
        return open_checkpoint(answer.checkpoint, session.profile.log_key)
    except AuditError as error:
        raise ReceiptRefused(f"the service's checkpoint is refused: {error}") from error


def entries(session: Session, start: int, count: int | None) -> Iterator[bytes]:
    """Yield the bytes of entries from `start`, at most `count`; auditors and officers only.

    Does not verify them: see `verified`.
    """
    until = None if count is None else start + count
    while until is None or start < until:
        wanted = _PAGE if until is None else min(_PAGE, until - start)
        request = pb.ListEntriesRequest(start=start, count=wanted)
        answer = session.transport.call(session.audit.ListEntries, request)
        yield from answer.entries
        start += len(answer.entries)
        if not answer.entries or start >= answer.size:
            return


def verified(session: Session) -> tuple[list[bytes], LogSummary]:
    """Return the whole log as of the newest checkpoint, once it makes that checkpoint's tree.

    Raises ReceiptRefused naming what does not fit.
    """
    newest = checkpoint(session)
    found = list(entries(session, 0, newest.size))
    try:
        return found, verify_log(found, newest)
    except AuditError as error:
        raise ReceiptRefused(str(error)) from error

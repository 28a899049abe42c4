"""The check that payloads open their entries' commitments; must not know what payloads say."""

from __future__ import annotations

from collections.abc import Iterable

from cleanroom.audit.entry import decode_entry
from cleanroom.audit.errors import AuditError
from cleanroom.audit.payload import Payload, verify_payload
from cleanroom.ports.store import Log
from cleanroom.storage.problem import Problem, problem

_BATCH = 1000


def check_payloads(log: Log) -> list[Problem]:
    """Return every payload that is not what its entry commits to.

    One that is missing was erased, which an entry tells and nothing else can.
    """
    size = log.size()
    found: list[Problem] = []
    for start in range(0, size, _BATCH):
        found += _check(log, log.payloads(start, min(start + _BATCH, size)))
    return found


def _check(log: Log, payloads: Iterable[Payload]) -> list[Problem]:
    found = []
    for payload in payloads:
        data = log.entry(payload.entry)
        if data is None:
            continue  # the entry is missing, which the check of the tree tells
        try:
            verify_payload(decode_entry(data), payload)
        except AuditError as error:
            found.append(problem(f"log entry {payload.entry}", str(error)))
    return found

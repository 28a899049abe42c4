"""The marks of those who withdrew from a dataset, under the collaboration's key of marks.

Must not know how an owner names people, nor what leaves a dataset.
"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.model.names import DatasetName
from cleanroom.model.withdrawal import MARK_KEY_BYTES, Marks
from cleanroom.ports.store import Transaction
from cleanroom.usecases.service import Service
from cleanroom.usecases.turns import Turns

AREA = "withdrawn-"  # of the vault, one for each collaboration
_KEY = "key"
_MAKING = Turns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a dataset's withdrawals: the marks, and how often somebody withdrew."""

    marks: Marks | None
    count: int


def known_marks(service: Service, dataset: DatasetName) -> Known:
    """Return the dataset's marks as of now, None while nobody has withdrawn."""
    times, count = service.store.read(
        lambda tx: (tx.withdrawals.marks(dataset), count_of(tx, dataset))
    )
    if not times:
        return Known(marks=None, count=count)
    return Known(marks=Marks(key=key_of(service, dataset.collaboration), times=times), count=count)


def count_of(tx: Transaction, dataset: DatasetName) -> int:
    """Return how often somebody withdrew: while it stays, so do the marks."""
    return len(tx.withdrawals.of_dataset(dataset))


def key_of(service: Service, collaboration: str) -> bytes:
    """Return the collaboration's key of marks, made at first use and durable on return."""
    area = f"{AREA}{collaboration}"
    with _MAKING.alone(area):
        if not service.vault.has_blob(area, _KEY):
            # A crash after this line leaves a key that the next withdrawal takes.
            service.vault.put_blob(area, _KEY, service.entropy.token_bytes(MARK_KEY_BYTES))
        return service.vault.get_blob(area, _KEY)

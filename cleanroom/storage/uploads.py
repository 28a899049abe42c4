"""Rows of uploads; must not know chunks, tokens or what a state allows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Upload, UploadState
from cleanroom.storage.errors import StoreMisused
from cleanroom.storage.tables import uploads


class SqlUploads:
    """The `Uploads` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, upload: Upload) -> None:
        """Keep a new upload; a known id or (owner, request id) is refused by the database."""
        self._connection.execute(
            uploads.insert().values(
                id=upload.id,
                collaboration=upload.dataset.collaboration,
                dataset=upload.dataset.dataset,
                owner=upload.owner,
                policy_digest=upload.policy_digest,
                request_id=upload.request_id,
                state=upload.state.value,
                chunks=upload.chunks,
                rows=upload.rows,
                created_at_s=upload.created_at_s,
            )
        )

    def get(self, upload: str) -> Upload | None:
        """Return an upload by id."""
        return self._one(select(uploads).where(uploads.c.id == upload))

    def by_request(self, owner: str, request_id: str) -> Upload | None:
        """Return the upload an owner began under a request id."""
        return self._one(
            select(uploads).where(uploads.c.owner == owner, uploads.c.request_id == request_id)
        )

    def of_dataset(self, dataset: DatasetName) -> tuple[Upload, ...]:
        """Return all uploads of a dataset, oldest first."""
        query = (
            select(uploads)
            .where(
                uploads.c.collaboration == dataset.collaboration,
                uploads.c.dataset == dataset.dataset,
            )
            .order_by(uploads.c.seq)
        )
        return tuple(_upload(row) for row in self._connection.execute(query))

    def unfinished(self) -> tuple[Upload, ...]:
        """Return the OPEN and COMPLETE uploads of every dataset, oldest first."""
        states = (UploadState.OPEN.value, UploadState.COMPLETE.value)
        query = select(uploads).where(uploads.c.state.in_(states)).order_by(uploads.c.seq)
        return tuple(_upload(row) for row in self._connection.execute(query))

    def replace(self, upload: Upload) -> None:
        """Store state, chunks and rows of a known upload; raises StoreMisused for another."""
        change = (
            uploads.update()
            .where(uploads.c.id == upload.id)
            .values(state=upload.state.value, chunks=upload.chunks, rows=upload.rows)
        )
        if self._connection.execute(change).rowcount != 1:
            raise StoreMisused(f"upload {upload.id} is not known")

    def _one(self, query: Select[Any]) -> Upload | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _upload(row)


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        dataset=DatasetName(collaboration=row.collaboration, dataset=row.dataset),
        owner=row.owner,
        policy_digest=row.policy_digest,
        request_id=row.request_id,
        state=UploadState(row.state),
        chunks=row.chunks,
        rows=row.rows,
        created_at_s=row.created_at_s,
    )

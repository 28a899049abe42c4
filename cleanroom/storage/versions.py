"""Rows of sealed versions; must not know their files or keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Version
from cleanroom.storage.errors import StoreMisused
from cleanroom.storage.tables import versions


class SqlVersions:
    """The `Versions` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, version: Version) -> None:
        """Keep a new version; a known id is refused by the database."""
        self._connection.execute(
            versions.insert().values(
                id=version.id,
                collaboration=version.dataset.collaboration,
                dataset=version.dataset.dataset,
                owner=version.owner,
                upload=version.upload,
                policy_digest=version.policy_digest,
                file_digest=version.file_digest,
                content_digest=version.content_digest,
                persons=version.persons,
                events=version.events,
                sealed_at_s=version.sealed_at_s,
                erased_at_s=version.erased_at_s,
                predecessor=version.predecessor,
            )
        )

    def get(self, version: str) -> Version | None:
        """Return a version by id, erased ones too."""
        query = select(versions).where(versions.c.id == version)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _version(row)

    def latest(self, dataset: DatasetName) -> Version | None:
        """Return the version sealed last that is not erased."""
        query = (
            select(versions)
            .where(_of(dataset), versions.c.erased_at_s.is_(None))
            .order_by(versions.c.seq.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _version(row)

    def of_dataset(self, dataset: DatasetName) -> tuple[Version, ...]:
        """Return all versions, oldest first."""
        query = select(versions).where(_of(dataset)).order_by(versions.c.seq)
        return tuple(_version(row) for row in self._connection.execute(query))

    def all(self) -> tuple[Version, ...]:
        """Return every version of every dataset, oldest first."""
        query = select(versions).order_by(versions.c.seq)
        return tuple(_version(row) for row in self._connection.execute(query))

    def erase(self, version: str, at_s: int) -> None:
        """Mark a version erased; the first time stays. Raises StoreMisused for an unknown one."""
        known = self.get(version)
        if known is None:
            raise StoreMisused(f"version {version} is not known")
        if known.erased_at_s is None:
            key = versions.c.id == version
            self._connection.execute(versions.update().where(key).values(erased_at_s=at_s))


def _of(dataset: DatasetName) -> ColumnElement[bool]:
    return (versions.c.collaboration == dataset.collaboration) & (
        versions.c.dataset == dataset.dataset
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        id=row.id,
        dataset=DatasetName(collaboration=row.collaboration, dataset=row.dataset),
        owner=row.owner,
        upload=row.upload,
        policy_digest=row.policy_digest,
        file_digest=row.file_digest,
        content_digest=row.content_digest,
        persons=row.persons,
        events=row.events,
        sealed_at_s=row.sealed_at_s,
        erased_at_s=row.erased_at_s,
        predecessor=row.predecessor,
    )

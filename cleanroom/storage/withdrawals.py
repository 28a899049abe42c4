"""Rows of withdrawals, their marks, and the people of versions they reach; must not know tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, select

from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Withdrawal
from cleanroom.storage.tables import withdrawals, withdrawn_marks, withdrawn_people


class SqlWithdrawals:
    """The `Withdrawals` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, withdrawal: Withdrawal) -> None:
        """Keep a new withdrawal; a known (owner, request id) is refused by the database."""
        self._connection.execute(
            withdrawals.insert().values(
                collaboration=withdrawal.dataset.collaboration,
                dataset=withdrawal.dataset.dataset,
                owner=withdrawal.owner,
                request_id=withdrawal.request_id,
                fingerprint=withdrawal.fingerprint,
                given=withdrawal.given,
                known=withdrawal.known,
                at_s=withdrawal.at_s,
            )
        )

    def by_request(self, owner: str, request_id: str) -> Withdrawal | None:
        """Return the withdrawal an owner made under a request id."""
        of_request = (withdrawals.c.owner == owner) & (withdrawals.c.request_id == request_id)
        row = self._connection.execute(select(withdrawals).where(of_request)).one_or_none()
        return None if row is None else _withdrawal(row)

    def of_dataset(self, dataset: DatasetName) -> tuple[Withdrawal, ...]:
        """Return all withdrawals of a dataset, oldest first."""
        query = select(withdrawals).where(_of(withdrawals, dataset)).order_by(withdrawals.c.seq)
        return tuple(_withdrawal(row) for row in self._connection.execute(query))

    def mark(self, dataset: DatasetName, marks: Iterable[bytes], at_s: int) -> None:
        """Keep marks with a time, in the place of an earlier time of the same mark."""
        rows = [{"of_mark": mark} for mark in dict.fromkeys(marks)]
        if not rows:
            return
        one = _of(withdrawn_marks, dataset) & (withdrawn_marks.c.mark == bindparam("of_mark"))
        self._connection.execute(withdrawn_marks.delete().where(one), rows)
        place = {"collaboration": dataset.collaboration, "dataset": dataset.dataset}
        added = [{**place, "mark": row["of_mark"], "at_s": at_s} for row in rows]
        self._connection.execute(withdrawn_marks.insert(), added)

    def marks(self, dataset: DatasetName) -> Mapping[bytes, int]:
        """Return every mark of a dataset and its time."""
        columns = select(withdrawn_marks.c.mark, withdrawn_marks.c.at_s)
        rows = self._connection.execute(columns.where(_of(withdrawn_marks, dataset)))
        return {bytes(mark): at_s for mark, at_s in rows}

    def put_people(self, version: str, people: Mapping[int, int]) -> None:
        """Keep people of a version and when each withdrew; who has a time keeps it."""
        known = self.people(version)
        rows = [
            {"version": version, "person": person, "at_s": at_s}
            for person, at_s in people.items()
            if person not in known
        ]
        if rows:
            self._connection.execute(withdrawn_people.insert(), rows)

    def people(self, version: str) -> Mapping[int, int]:
        """Return the people of a version who withdrew, and when."""
        columns = select(withdrawn_people.c.person, withdrawn_people.c.at_s)
        rows = self._connection.execute(columns.where(withdrawn_people.c.version == version))
        return {row.person: row.at_s for row in rows}

    def forget_people(self, version: str) -> None:
        """Delete what `people` returns."""
        self._connection.execute(
            withdrawn_people.delete().where(withdrawn_people.c.version == version)
        )


def _of(table: Table, dataset: DatasetName) -> ColumnElement[bool]:
    return (table.c.collaboration == dataset.collaboration) & (table.c.dataset == dataset.dataset)


def _withdrawal(row: Row[Any]) -> Withdrawal:
    return Withdrawal(
        dataset=DatasetName(collaboration=row.collaboration, dataset=row.dataset),
        owner=row.owner,
        request_id=row.request_id,
        fingerprint=row.fingerprint,
        given=row.given,
        known=row.known,
        at_s=row.at_s,
    )

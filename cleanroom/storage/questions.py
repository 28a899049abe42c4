"""Rows of questions and of the request ids that asked them; must not know what a question asks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from cleanroom.model.names import LedgerName
from cleanroom.ports.records import Debit, QuestionState, RequestRecord, StoredQuestion
from cleanroom.storage.errors import StoreMisused
from cleanroom.storage.tables import question_debits, questions, requests


class SqlQuestions:
    """The `Questions` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def request(self, party: str, request_id: str) -> RequestRecord | None:
        """Return what a request id was bound to."""
        query = select(requests).where(
            requests.c.party == party, requests.c.request_id == request_id
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _request(row)

    def bind(self, record: RequestRecord) -> None:
        """Bind a new request id; a known one is refused by the database."""
        self._connection.execute(
            requests.insert().values(
                party=record.party,
                request_id=record.request_id,
                fingerprint=record.fingerprint,
                question=record.question,
                requested_at_s=record.requested_at_s,
            )
        )

    def requests_of(self, party: str, collaboration: str) -> tuple[RequestRecord, ...]:
        """Return a party's requests in a collaboration, oldest first."""
        same = requests.c.question == questions.c.digest
        query = (
            select(requests)
            .select_from(requests.join(questions, same))
            .where(requests.c.party == party, questions.c.collaboration == collaboration)
            .order_by(requests.c.seq)
        )
        return tuple(_request(row) for row in self._connection.execute(query))

    def asked(self, collaboration: str, asker: str, after_s: int) -> tuple[tuple[int, bytes], ...]:
        """Return (when, canonical bytes) of what a party reserved after `after_s`, oldest first."""
        query = (
            select(questions.c.reserved_at_s, questions.c.canonical)
            .where(
                questions.c.collaboration == collaboration,
                questions.c.asker == asker,
                questions.c.reserved_at_s > after_s,
            )
            .order_by(questions.c.reserved_at_s, questions.c.seq)
        )
        return tuple((row.reserved_at_s, row.canonical) for row in self._connection.execute(query))

    def reserve(self, question: StoredQuestion) -> None:
        """Keep a new RESERVED question; raises StoreMisused for any other state."""
        if question.state is not QuestionState.RESERVED or question.measurement is not None:
            raise StoreMisused(f"question {question.digest} is not a reservation")
        self._connection.execute(
            questions.insert().values(
                digest=question.digest,
                collaboration=question.collaboration,
                asker=question.asker,
                canonical=question.canonical,
                state=question.state.value,
                reserved_entry=question.reserved_entry,
                reserved_at_s=question.reserved_at_s,
                released_entry=None,
                measurement=None,
            )
        )
        for position, debit in enumerate(question.debits):
            self._add_debit(question.digest, position, debit)

    def get(self, digest: str) -> StoredQuestion | None:
        """Return a question by digest."""
        found = self._questions(select(questions).where(questions.c.digest == digest))
        return found[0] if found else None

    def release(self, digest: str, measurement: bytes, entry: int) -> None:
        """Turn a RESERVED question into a RELEASED one; raises StoreMisused for another."""
        self._finish(
            digest,
            state=QuestionState.RELEASED.value,
            measurement=measurement,
            released_entry=entry,
        )

    def fail(self, digest: str, entry: int) -> None:
        """Turn a RESERVED question into a FAILED one; raises StoreMisused for another."""
        self._finish(digest, state=QuestionState.FAILED.value, released_entry=entry)

    def erase(self, digest: str) -> None:
        """Turn a RELEASED question into an ERASED one; raises StoreMisused for another."""
        change = questions.update().where(
            questions.c.digest == digest, questions.c.state == QuestionState.RELEASED.value
        )
        erased = change.values(state=QuestionState.ERASED.value, measurement=None)
        if self._connection.execute(erased).rowcount != 1:
            raise StoreMisused(f"question {digest} is not released")

    def reserved(self) -> tuple[StoredQuestion, ...]:
        """Return the questions that a restart must resume, oldest first."""
        waiting = questions.c.state == QuestionState.RESERVED.value
        return self._questions(select(questions).where(waiting).order_by(questions.c.seq))

    def all(self) -> tuple[StoredQuestion, ...]:
        """Return every question, oldest first."""
        return self._questions(select(questions).order_by(questions.c.seq))

    def _finish(self, digest: str, **changes: object) -> None:
        change = (
            questions.update()
            .where(questions.c.digest == digest, questions.c.state == QuestionState.RESERVED.value)
            .values(**changes)
        )
        if self._connection.execute(change).rowcount != 1:
            raise StoreMisused(f"question {digest} is not reserved")

    def _add_debit(self, digest: str, position: int, debit: Debit) -> None:
        self._connection.execute(
            question_debits.insert().values(
                question=digest,
                position=position,
                owner=debit.ledger.owner,
                pool=debit.ledger.pool,
                nano_rho=debit.nano_rho,
            )
        )

    def _questions(self, query: Select[Any]) -> tuple[StoredQuestion, ...]:
        rows = self._connection.execute(query).all()
        return tuple(_question(row, self._debits(row.digest)) for row in rows)

    def _debits(self, digest: str) -> tuple[Debit, ...]:
        query = (
            select(question_debits)
            .where(question_debits.c.question == digest)
            .order_by(question_debits.c.position)
        )
        return tuple(_debit(row) for row in self._connection.execute(query))


def _question(row: Row[Any], debits: tuple[Debit, ...]) -> StoredQuestion:
    return StoredQuestion(
        digest=row.digest,
        collaboration=row.collaboration,
        asker=row.asker,
        canonical=row.canonical,
        state=QuestionState(row.state),
        debits=debits,
        reserved_entry=row.reserved_entry,
        reserved_at_s=row.reserved_at_s,
        released_entry=row.released_entry,
        measurement=row.measurement,
    )


def _debit(row: Row[Any]) -> Debit:
    return Debit(ledger=LedgerName(owner=row.owner, pool=row.pool), nano_rho=row.nano_rho)


def _request(row: Row[Any]) -> RequestRecord:
    return RequestRecord(
        party=row.party,
        request_id=row.request_id,
        fingerprint=row.fingerprint,
        question=row.question,
        requested_at_s=row.requested_at_s,
    )

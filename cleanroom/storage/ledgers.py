"""Rows of ledgers and debits in whole nano-rho; must not know what a loss means or who may pay.

Claim: in every committed state, `spent` of a ledger is the sum of its debits and at most `budget`.
Requires: serializable transactions. Nothing is forgiven and nothing is refunded.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from cleanroom.model.errors import BudgetExhausted, FieldInvalid
from cleanroom.model.names import LedgerName
from cleanroom.ports.records import Balance, Debit
from cleanroom.storage.errors import StoreMisused
from cleanroom.storage.tables import MAX_INTEGER, debits, ledgers


class SqlLedgers:
    """The `Ledgers` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, ledger: LedgerName, budget: int) -> None:
        """Open a ledger, or set the budget of an open one; what was spent stays spent.

        A budget below what was spent is kept as what was spent: nothing remains either way.
        Raises FieldInvalid when the budget is negative or beyond 63 bits.
        """
        if not 0 <= budget <= MAX_INTEGER:
            raise FieldInvalid(field="budget", expected="0 to 2^63 - 1 nano-rho")
        known = self.balance(ledger)
        if known is None:
            self._connection.execute(
                ledgers.insert().values(
                    owner=ledger.owner, pool=ledger.pool, budget=budget, spent=0
                )
            )
            return
        kept = max(budget, known.spent)
        self._connection.execute(ledgers.update().where(_is(ledger)).values(budget=kept))

    def balance(self, ledger: LedgerName) -> Balance | None:
        """Return a ledger's balance."""
        found = self._balances(select(ledgers).where(_is(ledger)))
        return found[0] if found else None

    def of_owner(self, owner: str) -> tuple[Balance, ...]:
        """Return the balances of an owner by pool."""
        query = select(ledgers).where(ledgers.c.owner == owner)
        return self._balances(query.order_by(ledgers.c.pool))

    def all(self) -> tuple[Balance, ...]:
        """Return every balance by ledger name."""
        return self._balances(select(ledgers).order_by(ledgers.c.owner, ledgers.c.pool))

    def debit(self, debit: Debit, question: str) -> Balance:
        """Debit for a question digest and return the balance after.

        Raises FieldInvalid unless the cost is positive, BudgetExhausted when it exceeds what
        remains, StoreMisused for a ledger never opened or already debited for the question.
        """
        if debit.nano_rho <= 0:
            raise FieldInvalid(field="loss", expected="more than zero")
        before = self.balance(debit.ledger)
        if before is None:
            raise StoreMisused(f"{debit.ledger} was never opened")
        if debit.nano_rho > before.remaining:
            raise BudgetExhausted(ledger=str(debit.ledger), owner=debit.ledger.owner)
        after = before.spent + debit.nano_rho
        self._connection.execute(ledgers.update().where(_is(debit.ledger)).values(spent=after))
        self._connection.execute(
            debits.insert().values(
                owner=debit.ledger.owner,
                pool=debit.ledger.pool,
                question=question,
                nano_rho=debit.nano_rho,
            )
        )
        return Balance(ledger=debit.ledger, budget=before.budget, spent=after)

    def debits_of(self, question: str) -> tuple[Debit, ...]:
        """Return what was debited for a question, by ledger name."""
        query = (
            select(debits)
            .where(debits.c.question == question)
            .order_by(debits.c.owner, debits.c.pool)
        )
        return tuple(_debit(row) for row in self._connection.execute(query))

    def _balances(self, query: Select[Any]) -> tuple[Balance, ...]:
        return tuple(_balance(row) for row in self._connection.execute(query))


def _is(ledger: LedgerName) -> ColumnElement[bool]:
    return (ledgers.c.owner == ledger.owner) & (ledgers.c.pool == ledger.pool)


def _balance(row: Row[Any]) -> Balance:
    ledger = LedgerName(owner=row.owner, pool=row.pool)
    return Balance(ledger=ledger, budget=row.budget, spent=row.spent)


def _debit(row: Row[Any]) -> Debit:
    return Debit(ledger=LedgerName(owner=row.owner, pool=row.pool), nano_rho=row.nano_rho)

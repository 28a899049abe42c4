"""What an audit report tells: the log's numbers, and each pool's budget; must not know pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from cleanroom.analysis.anomalies import Anomaly
from cleanroom.analysis.log_report import LogReport, Number, log_report
from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found
from cleanroom.model.allowance import LedgerTerms
from cleanroom.ports.records import Balance
from cleanroom.ports.store import Store, Transaction
from cleanroom.privacy.loss import epsilon_of
from cleanroom.usecases.anomalies import anomalies
from cleanroom.usecases.budgets import binding_terms
from cleanroom.usecases.entries import chosen
from cleanroom.usecases.service import read_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A ledger: its budget in nano-rho with the entries that put its policies in force.

    `spent` is what entries debited; `agrees` tells whether the ledger holds at least that.
    `terms` are those of the policies in force, `spent_epsilon` is read at their delta.
    """

    owner: str
    pool: str
    budget: Number
    spent: Number
    agrees: bool
    terms: LedgerTerms | None
    spent_epsilon: Fraction | None

    @property
    def remaining(self) -> Number:
        """What can still be debited, and all entries that it follows from."""
        entries = sorted({*self.budget.entries, *self.spent.entries})
        return Number(value=self.budget.value - self.spent.value, entries=tuple(entries))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The log's numbers, the pools, and what is conspicuous."""

    log: LogReport
    pools: tuple[Pool, ...]
    anomalies: tuple[Anomaly, ...] = ()


def audit_report(store: Store, size: int) -> AuditReport:
    """Return the report over the first `size` entries, in short reads beside a running server.

    Requires: those entries were verified. Raises EntryInvalid.
    """
    log = log_report(islice(chosen(store, Choice()), size))
    return AuditReport(
        log=log,
        pools=store.read(lambda tx: tuple(_pools(tx, log))),
        anomalies=anomalies(store, size),
    )


def _pools(tx: Transaction, log: LogReport) -> Iterator[Pool]:
    terms, setters = binding_terms(tx), _setters(tx, log.policies)
    spent = {row.labels: row.numbers[0] for row in log.tally("spent").rows}
    for balance in tx.ledgers.all():
        name = (balance.ledger.owner, balance.ledger.pool)
        told = spent.get(name) or Number(value=0, entries=())
        yield _pool(balance, terms.get(balance.ledger), told, setters.get(name, ()))


def _pool(
    balance: Balance, terms: LedgerTerms | None, spent: Number, setters: tuple[int, ...]
) -> Pool:
    return Pool(
        owner=balance.ledger.owner,
        pool=balance.ledger.pool,
        budget=Number(value=balance.budget, entries=setters),
        spent=spent,
        # Entries that came after the report's last may have debited since.
        agrees=spent.value <= balance.spent,
        terms=terms,
        spent_epsilon=None if terms is None else _epsilon(spent.value, terms),
    )


def _setters(
    tx: Transaction, policies: tuple[Found, ...]
) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return, by pool, the entries that put in force the policies which now name it."""
    current = {}
    for one in policies:
        if one.entry.kind is EntryKind.POLICY_IN_FORCE and one.entry.collaboration:
            current[one.entry.collaboration] = one.index
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for collaboration, index in sorted(current.items(), key=lambda item: item[1]):
        proposal = tx.collaborations.in_force(collaboration)
        for terms in read_policy(proposal).ledgers() if proposal else ():
            name = (terms.ledger.owner, terms.ledger.pool)
            found[name] = (*found.get(name, ()), index)
    return found


def _epsilon(nano_rho: int, terms: LedgerTerms) -> Fraction:
    return epsilon_of(nano_rho, terms.delta) if nano_rho else Fraction(0)

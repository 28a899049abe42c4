"""What auditors read of the log, and what owners read of their ledgers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found
from cleanroom.audit.tree import consistency_proof, inclusion_proof
from cleanroom.model.allowance import LedgerTerms
from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor, ActorKind
from cleanroom.ports.records import Balance
from cleanroom.ports.store import Transaction
from cleanroom.usecases.budgets import binding_terms
from cleanroom.usecases.entries import Page, page_after, page_before
from cleanroom.usecases.publish import keys_of, publish
from cleanroom.usecases.service import Service, party_of
from cleanroom.usecases.witnessing import Standing

MAX_ENTRIES = 1_000
MAX_PAGE_BYTES = 2 << 20  # what surely fits a message


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """A balance with the (epsilon, delta) terms of the policy in force that set its budget."""

    balance: Balance
    terms: LedgerTerms | None


def balances(service: Service, actor: Actor) -> tuple[LedgerView, ...]:
    """Return the ledgers of the caller's people; raises NotPermitted to anyone but a party."""
    party = party_of(actor, "ledgers", "list")

    def work(tx: Transaction) -> tuple[LedgerView, ...]:
        terms = binding_terms(tx)
        return tuple(
            LedgerView(balance=b, terms=terms.get(b.ledger)) for b in tx.ledgers.of_owner(party)
        )

    return service.store.read(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointView:
    """The newest checkpoint with the cosignatures it has, and how the witnesses stand.

    `witnessed` is the newest checkpoint that a witness cosigned, perhaps over fewer entries, None
    when there is none. `log_keys` are verifier keys, the current one first.
    """

    note: str
    witnessed: str | None
    log_keys: tuple[str, ...]
    standings: tuple[Standing, ...]


def signed_checkpoint(service: Service) -> CheckpointView:
    """Return a checkpoint over everything durable; waits for no witness."""
    return CheckpointView(
        note=publish(service.store, service.signers, service.remembered),
        witnessed=service.remembered.witnessed(),
        log_keys=tuple(key.text for key in keys_of(service.signers)),
        standings=service.witnessing.standings(),
    )


def entries(
    service: Service, actor: Actor, *, start: int, count: int
) -> tuple[tuple[bytes, ...], int]:
    """Return up to `count` entries from `start` and the log's size; raises as `listed`."""
    page = listed(service, actor, Choice(), start=start, count=count)
    return tuple(data for _, data in page.found), page.size


def listed(
    service: Service,
    actor: Actor,
    choice: Choice,
    *,
    start: int = 0,
    count: int,
    before: int | None = None,
) -> Page:
    """Return up to `count` chosen entries from `start` on, or newest first below `before`.

    Fewer where entries are long, but at least one while there are any within reach of one call.
    Raises NotPermitted to all but auditors and officers, FieldInvalid.
    """
    if not _may_read(actor):
        raise NotPermitted(what="the log", action="read")
    if min(start, before or 0) < 0 or not 1 <= count <= MAX_ENTRIES:
        raise FieldInvalid(field="count", expected=f"1 to {MAX_ENTRIES}, from a start of 0 or more")
    if before is None:
        return _fitting(service.store.read(lambda tx: page_after(tx, choice, start, count)), 1)
    return _fitting(service.store.read(lambda tx: page_before(tx, choice, before, count)), 0)


def _may_read(actor: Actor) -> bool:
    """Auditors may, and officers who serve all: one of a party would read of other parties' rooms."""
    return actor.kind is ActorKind.AUDITOR or (actor.kind is ActorKind.OFFICER and not actor.party)


def _beside(found: Found) -> int:
    return sum(len(payload.kept.content.encode()) for payload in found.kept)


def _fitting(page: Page, beyond: int) -> Page:
    """Return what fits a message: long entries must not hide the log from auditors."""
    ends = tuple(accumulate(len(data) + _beside(found) for found, data in page.found))
    fit = max(1, bisect_right(ends, MAX_PAGE_BYTES))
    if fit >= len(page.found):
        return page
    kept = page.found[:fit]
    return replace(page, found=kept, next=kept[-1][0].index + beyond)


def inclusion(service: Service, actor: Actor, *, index: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that entry `index` is in the tree of `size`; raises NotPermitted."""
    if not _may_read(actor):
        raise NotPermitted(what="the log", action="read")

    def work(tx: Transaction) -> tuple[bytes, ...]:
        if not 0 <= index < size <= tx.log.size():
            raise FieldInvalid(field="size", expected="index < size, at most the log's size")
        return tuple(inclusion_proof(index, size, tx.log.node))

    return service.store.read(work)


def consistency(service: Service, *, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of `new_size` continues that of `old_size`."""

    def work(tx: Transaction) -> tuple[bytes, ...]:
        if not 0 <= old_size <= new_size <= tx.log.size():
            raise FieldInvalid(field="new_size", expected="old size <= new size <= the log's size")
        return tuple(consistency_proof(old_size, new_size, tx.log.node))

    return service.store.read(work)


def note_refused_caller(service: Service, why: str) -> None:
    """Log that a caller was not accepted, and why; the certificate's names are not trusted."""
    service.store.transact(
        lambda tx: service.note_erasable(
            tx, EntryKind.AUTHENTICATION_FAILED, "unknown", None, {"why": why}
        )
    )

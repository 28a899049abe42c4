"""The questions of a log, as they were asked and what became of them; touches no data.

Must not know a policy they may be put to. Repeats are passed over: they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from cleanroom.audit.choice import Choice, debits_of
from cleanroom.audit.entry import Entry, EntryKind
from cleanroom.policy.document import Policy
from cleanroom.ports.records import StoredQuestion
from cleanroom.ports.store import Store, Transaction
from cleanroom.privacy.loss import NANO
from cleanroom.usecases.entries import chosen
from cleanroom.usecases.noted import Noted, read_noted
from cleanroom.usecases.pinned import Pinned
from cleanroom.usecases.service import read_policy

Stored = Callable[[str], StoredQuestion | None]
"""Returns what a store keeps under a question's digest; None where there is no store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A question of the log: `refused` is the reason's code, "" where it was answered.

    `noted` is None where neither the entry nor a store keeps the question. `debits` are (ledger,
    nano-rho). `measurement` is the answer's canonical JSON, where a store keeps it.
    """

    entry: int
    time_s: int
    asker: str
    family: str
    policy_digest: str
    noted: Noted | None
    refused: str = ""
    why: str = ""
    debits: tuple[tuple[str, int], ...] = ()
    measurement: bytes | None = None


def past_questions(
    entries: Iterable[tuple[int, Entry]], collaboration: str, stored: Stored = lambda _: None
) -> Iterator[Past]:
    """Yield the questions of a collaboration in the order of the log."""
    for index, entry in entries:
        if entry.collaboration != collaboration:
            continue
        if entry.kind is EntryKind.QUESTION_RESERVED:
            yield _answered(index, entry, stored(_text(entry, "question_digest")))
        elif entry.kind is EntryKind.QUESTION_REFUSED:
            yield _refused(index, entry)


def past_of_store(store: Store, collaboration: str) -> tuple[tuple[Past, ...], dict[str, Policy]]:
    """Return the questions of a store, and the policies by digest that they were asked under."""

    def stored(digest: str) -> StoredQuestion | None:
        return store.read(lambda tx: tx.questions.get(digest))

    def policies(tx: Transaction) -> dict[str, Policy]:
        kept = (tx.collaborations.proposal(collaboration, digest) for digest in digests)
        return {proposal.digest: read_policy(proposal) for proposal in kept if proposal}

    found = ((f.index, f.entry) for f in chosen(store, Choice(collaboration=collaboration)))
    past = tuple(past_questions(found, collaboration, stored))
    digests = {one.policy_digest for one in past} - {""}
    return past, store.read(policies)


def _answered(index: int, entry: Entry, stored: StoredQuestion | None) -> Past:
    return Past(
        entry=index,
        time_s=entry.time_s,
        asker=_name(entry),
        family=_text(entry, "family"),
        policy_digest=_text(entry, "policy_digest"),
        noted=read_noted(entry) or _of_store(stored),
        debits=tuple(
            (f"ledgers/{owner}/{pool}", int(str(debit["nano_rho"])))
            for owner, pool, debit in debits_of(entry)
        ),
        measurement=None if stored is None else stored.measurement,
    )


def _refused(index: int, entry: Entry) -> Past:
    return Past(
        entry=index,
        time_s=entry.time_s,
        asker=_name(entry),
        family=_text(entry, "family"),
        policy_digest=_text(entry, "policy_digest"),
        noted=read_noted(entry),
        refused=_text(entry, "reason") or "QUESTION_REFUSED",
        why=_text(entry, "why"),
    )


def _of_store(stored: StoredQuestion | None) -> Noted | None:
    """Entries of older logs do not keep the question; the store does, with the loss it came to."""
    if stored is None:
        return None
    pinned = Pinned.parse(stored.canonical)
    rho = Fraction(pinned.nano_rho, NANO)
    return Noted(question=pinned.question, rho=rho, epsilon=None, left_out=0)


def _name(entry: Entry) -> str:
    return entry.actor.partition("/")[2]


def _text(entry: Entry, key: str) -> str:
    value = entry.fields.get(key)
    return value if isinstance(value, str) else ""

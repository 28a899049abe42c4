"""Removing from sealed versions the rows of people who withdrew, and versions as a whole.

A version is immutable, so what is left of it is a version of its own: the successor has the same
rows but those of the people removed, its own id, key and digest, and the predecessor's age. The
predecessor is erased in the transaction that makes the successor visible. Ledgers are of people,
not of versions: a compaction costs and frees nothing. What was answered stays answered.

Removed are only those whom every question from now on leaves out anyway, so that questions of one
epoch see the same people before and after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import EntryKind
from cleanroom.model.names import DatasetName
from cleanroom.policy.rules import ConsentTerms
from cleanroom.ports.records import Version
from cleanroom.ports.store import Transaction
from cleanroom.ports.tables import SealedTables
from cleanroom.usecases.origins import Remembered
from cleanroom.usecases.pinned import Pinned
from cleanroom.usecases.service import Service, current_version, read_policy

ACTOR: Final = "service/retention"


def removable(tx: Transaction, version: Version, now_s: int) -> frozenset[int]:
    """Return the people of a version whom no question asked from `now_s` on may use."""
    collaboration = version.dataset.collaboration
    proposal = tx.collaborations.in_force(collaboration) or tx.collaborations.latest(collaboration)
    terms = ConsentTerms() if proposal is None else read_policy(proposal).consent
    epoch_s = terms.epoch(now_s).start_s
    return frozenset(p for p, at_s in tx.withdrawals.people(version.id).items() if at_s < epoch_s)


def compact(service: Service, version_id: str) -> Version | None:
    """Make the successor of a version without the people who are removable; return it.

    None when nothing was to be done, or not yet: a question that is paid for and not yet answered
    reads the version first.

    1. Write the successor's files; a crash leaves files without a row, which the next start erases.
    2. One transaction: the successor's row, the predecessor's erasure, who else withdrew, the
       entry. A crash after it leaves an erased version with a key.
    3. Erase the predecessor's key and files; a start after a crash does that.
    """
    found = service.store.read(lambda tx: _found(service, tx, version_id))
    if found is None:
        return None
    version, people = found
    tables = service.vault.get_version(version.id, version.file_digest)
    sealed, number = service.sealer.without(tables, people)
    successor = replace(version, id=service.new_id("v"), predecessor=version.id)
    blobs = _remembered(service, version, sealed.tables)
    made = replace(
        successor,
        file_digest=service.vault.put_version(successor.id, sealed.tables, blobs),  # 1
        content_digest=sealed.digest,
        persons=sealed.tables.persons.num_rows,
        events=sealed.tables.events.num_rows,
    )

    def swap(tx: Transaction) -> bool:
        if not _may_go(tx, version) or not _is_current(tx, version):
            return False
        left = tx.withdrawals.people(version.id)
        tx.versions.add(made)
        tx.withdrawals.put_people(
            made.id, {number(p): at_s for p, at_s in left.items() if p not in people}
        )
        _retire(service, tx, version)
        _note(
            service,
            tx,
            EntryKind.VERSION_COMPACTED,
            version.dataset,
            predecessor=version.id,
            version=made.id,
            policy_digest=made.policy_digest,
            file_digest=made.file_digest,
        )
        return True

    done = service.store.transact(swap)  # 2
    service.vault.erase_version(version.id if done else made.id)  # 3
    return made if done else None


def erase_version(service: Service, version_id: str, why: str, *, waits: bool) -> bool:
    """Erase a version for the service itself; return whether it was done.

    With `waits`, a question that is paid for and not yet answered comes first.
    """

    def mark(tx: Transaction) -> bool:
        version = tx.versions.get(version_id)
        if version is None or version.erased_at_s is not None:
            return False
        if waits and not _may_go(tx, version):
            return False
        _retire(service, tx, version)
        _note(service, tx, EntryKind.VERSION_ERASED, version.dataset, version=version.id, why=why)
        return True

    done = service.store.transact(mark)
    if done:
        # A crash before this line leaves an erased version with a key; `recover` deletes it.
        service.vault.erase_version(version_id)
    return done


def _found(
    service: Service, tx: Transaction, version_id: str
) -> tuple[Version, frozenset[int]] | None:
    version = tx.versions.get(version_id)
    if version is None or not _may_go(tx, version) or not _is_current(tx, version):
        return None
    people = removable(tx, version, service.clock.now_s())
    return (version, people) if people else None


def _is_current(tx: Transaction, version: Version) -> bool:
    current = current_version(tx, version.dataset)
    return current is not None and current.id == version.id


def _may_go(tx: Transaction, version: Version) -> bool:
    """Tell whether it is there and no question that is paid for has yet to read it."""
    if version.erased_at_s is not None:
        return False
    read = {v for q in tx.questions.reserved() for _, v in Pinned.parse(q.canonical).versions}
    now = tx.versions.get(version.id)
    return now is not None and now.erased_at_s is None and version.id not in read


def _retire(service: Service, tx: Transaction, version: Version) -> None:
    tx.versions.erase(version.id, service.clock.now_s())
    tx.withdrawals.forget_people(version.id)


def _note(
    service: Service, tx: Transaction, kind: EntryKind, name: DatasetName, **fields: Json
) -> None:
    entry = service.entry(kind, ACTOR, name.collaboration, dataset=name.dataset, **fields)
    tx.log.append(entry)


def _remembered(
    service: Service, version: Version, tables: SealedTables
) -> Iterable[tuple[str, bytes]]:
    """Return what the successor remembers of the relay: tokens of those who stay."""
    remembered = Remembered.of(service.vault, version.id)
    if remembered is None:
        return ()
    everybody = range(tables.persons.num_rows)
    kept = service.sealer.held_tokens(service.sealer.references_of(tables, everybody))
    return remembered.kept(kept)

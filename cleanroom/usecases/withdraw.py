"""Withdrawing consent: an owner names people, who are in no question of any later epoch.

1. Find out whom the references name in each version that is not erased; nothing is changed.
2. One transaction: the marks that keep later uploads clean, the people of each version, and the
   entry with a count. When it has returned, the withdrawal is durable.
A crash before 2 leaves nothing; after it, everything. Rows go later: see compact.py.

The time of a withdrawal is read within the transaction, and so is the time of a question: of two
that the store puts in an order, the later has the later time, so that every question of an epoch
heeds the same withdrawals (model/consent.py `Epoch`).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final

from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import FieldInvalid, NotPermitted, RequestIdReused
from cleanroom.model.names import Actor, DatasetName, check_request_id
from cleanroom.model.withdrawal import Marks, PersonReference
from cleanroom.policy.rules import ConsentTerms
from cleanroom.ports.records import Version, Withdrawal
from cleanroom.ports.store import Transaction
from cleanroom.usecases.marks import key_of
from cleanroom.usecases.reach import Reach, names_of, reach
from cleanroom.usecases.service import Service, party_of, read_policy

MAX_REFERENCES: Final = 10_000  # of one call: some 450 KB


def withdraw(
    service: Service,
    actor: Actor,
    *,
    dataset: DatasetName,
    request_id: str,
    references: Sequence[PersonReference],
) -> Withdrawal:
    """Withdraw the consent of the people whom the references name; durable on return.

    References that no version knows are heeded by later uploads. The same request id again
    returns what it did. Needs no policy in force: a person may leave at any time.
    Raises NotPermitted, FieldInvalid, RequestIdReused.
    """
    owner = party_of(actor, str(dataset), "withdraw from")
    check_request_id(request_id)
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise FieldInvalid(field="references", expected=f"1 to {MAX_REFERENCES} in a call")
    while True:
        known, versions = service.store.read(lambda tx: _before(tx, dataset, owner, request_id))
        key = key_of(service, dataset.collaboration)  # of a collaboration that is the caller's
        fingerprint = _fingerprint(key, dataset, references)
        if known is not None:
            return _same(known, fingerprint)
        reached = _reached(service, versions, references)
        if reached is None:
            continue  # a version was erased meanwhile
        marks = _marks(service, key, references, reached)
        asked = dataset, owner, request_id, fingerprint, len(references)
        done = _record(service, actor, asked, reached, marks)
        if done is not None:
            return done


def heeded_from(service: Service, withdrawal: Withdrawal) -> int:
    """Return the start of the first epoch in which every question heeds a withdrawal.

    By the latest policy: where another length of epochs comes into force, data come again too,
    and whoever withdrew before is not in them.
    """
    return service.store.read(lambda tx: _heeded_from(tx, withdrawal))


def _heeded_from(tx: Transaction, withdrawal: Withdrawal) -> int:
    collaboration = withdrawal.dataset.collaboration
    proposal = tx.collaborations.in_force(collaboration) or tx.collaborations.latest(collaboration)
    terms = ConsentTerms() if proposal is None else read_policy(proposal).consent
    return terms.epoch(withdrawal.at_s).end_s


def owned_at_any_time(tx: Transaction, dataset: DatasetName, owner: str, action: str) -> None:
    """Raise NotPermitted unless the dataset is `owner`'s, whether or not a policy is in force."""
    collaboration = dataset.collaboration
    proposals = (tx.collaborations.in_force(collaboration), tx.collaborations.latest(collaboration))
    declared = [read_policy(p).dataset(dataset.dataset) for p in proposals if p is not None]
    owners = {rules.schema.owner for rules in declared if rules is not None}
    owners |= {version.owner for version in tx.versions.of_dataset(dataset)}
    if owner not in owners:
        raise NotPermitted(what=str(dataset), action=action)


def present_versions(tx: Transaction, dataset: DatasetName, owner: str) -> tuple[Version, ...]:
    """Return the owner's versions of a dataset that are not erased, oldest first."""
    versions = tx.versions.of_dataset(dataset)
    return tuple(v for v in versions if v.owner == owner and v.erased_at_s is None)


def reach_all(
    service: Service, versions: Sequence[Version], references: Sequence[PersonReference]
) -> tuple[Reach, ...]:
    """Return whom the references name in each version; raises KeyError if one was erased."""
    return tuple(reach(service, version, references) for version in versions)


def _before(
    tx: Transaction, dataset: DatasetName, owner: str, request_id: str
) -> tuple[Withdrawal | None, tuple[Version, ...]]:
    owned_at_any_time(tx, dataset, owner, "withdraw from")
    known = tx.withdrawals.by_request(owner, request_id)
    return known, present_versions(tx, dataset, owner)


def _same(known: Withdrawal, fingerprint: str) -> Withdrawal:
    if known.fingerprint != fingerprint:
        raise RequestIdReused(request_id=known.request_id)
    return known


def _reached(
    service: Service, versions: Sequence[Version], references: Sequence[PersonReference]
) -> tuple[Reach, ...] | None:
    try:
        return reach_all(service, versions, references)
    except KeyError:
        erased = service.store.read(
            lambda tx: any(
                (v := tx.versions.get(one.id)) is None or v.erased_at_s for one in versions
            )
        )
        if not erased:
            raise
        return None


def _marks(
    service: Service,
    key: bytes,
    references: Sequence[PersonReference],
    reached: Sequence[Reach],
) -> frozenset[bytes]:
    """Return the marks of what was given and of all other references of the same people."""
    marks = Marks(key=key, times={})
    found = {marks.of(one.value) for one in references}
    for one in reached:
        found |= {marks.of(half) for half in names_of(service, one)}
    return frozenset(found)


def _record(
    service: Service,
    actor: Actor,
    asked: tuple[DatasetName, str, str, str, int],
    reached: Sequence[Reach],
    marks: frozenset[bytes],
) -> Withdrawal | None:
    """Make the withdrawal durable; None when there are other versions than were looked at."""
    dataset, owner, request_id, fingerprint, given = asked

    def work(tx: Transaction) -> Withdrawal | None:
        known, versions = _before(tx, dataset, owner, request_id)
        if known is not None:
            return _same(known, fingerprint)
        if [v.id for v in versions] != [one.version.id for one in reached]:
            return None
        withdrawal = Withdrawal(
            dataset=dataset,
            owner=owner,
            request_id=request_id,
            fingerprint=fingerprint,
            given=given,
            known=_known(reached, given),
            at_s=service.clock.now_s(),
        )
        tx.withdrawals.add(withdrawal)
        tx.withdrawals.mark(dataset, sorted(marks), withdrawal.at_s)
        for one in reached:
            tx.withdrawals.put_people(one.version.id, dict.fromkeys(one.found, withdrawal.at_s))
        # What was given is the owner's own number; how many of it are known is not told.
        service.note(
            tx,
            EntryKind.CONSENT_WITHDRAWN,
            actor,
            dataset.collaboration,
            dataset=dataset.dataset,
            references=given,
            effective_from_s=_heeded_from(tx, withdrawal),
        )
        return withdrawal

    return service.store.transact(work)


def _known(reached: Sequence[Reach], given: int) -> int:
    return sum(any(one.people[at] >= 0 for one in reached) for at in range(given))


def _fingerprint(key: bytes, dataset: DatasetName, references: Sequence[PersonReference]) -> str:
    """Return the keyed digest of what was asked for, in whatever order it came."""
    digest = hmac.new(key, b"cleanroom-withdrawal/v1\0" + str(dataset).encode(), "sha256")
    for kind, value in sorted((one.kind, one.value) for one in references):
        digest.update(b"\0" + kind.encode() + b"\0" + value)
    return digest.hexdigest()

"""Bringing rows in: begin, complete, describe, erase; their chunks come through intake.py.

The rows hold blinded keys and codes; no story here sees an identifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import (
    NotPermitted,
    PolicyDigestMismatch,
    UploadConflict,
)
from cleanroom.model.names import Actor, DatasetName, check_request_id
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.ports.records import Upload, UploadState, Version
from cleanroom.ports.store import Transaction
from cleanroom.ports.vault import Vault
from cleanroom.usecases import relay
from cleanroom.usecases.chunks import KeptRows, kept_chunks
from cleanroom.usecases.service import Service, fits, party_of, policy_in_force
from cleanroom.usecases.turns import Turns

MAX_OPEN = 32  # of one dataset; the last one completed ends the others
TURNS = Turns()  # of uploads: who counts chunks or completes is alone in that


def begin(
    service: Service, actor: Actor, *, dataset: DatasetName, request_id: str, policy_digest: str
) -> Upload:
    """Return a new OPEN upload, or the one begun under the same request id.

    Raises NotPermitted, PolicyNotInForce, PolicyDigestMismatch, UploadConflict.
    """
    owner = party_of(actor, str(dataset), "upload to")
    check_request_id(request_id)

    def work(tx: Transaction) -> Upload:
        policy, _ = owned(tx, dataset, owner, "upload to")
        if policy.digest != policy_digest:
            raise PolicyDigestMismatch(collaboration=dataset.collaboration, digest=policy_digest)
        known = tx.uploads.by_request(owner, request_id)
        if known is not None:
            return _same(known, dataset, policy_digest)
        _check_open(tx, dataset)
        upload = Upload(
            id=service.new_id("u"),
            dataset=dataset,
            owner=owner,
            policy_digest=policy_digest,
            request_id=request_id,
            state=UploadState.OPEN,
            chunks=0,
            rows=0,
            created_at_s=service.clock.now_s(),
        )
        tx.uploads.add(upload)
        service.note(
            tx,
            EntryKind.UPLOAD_STARTED,
            actor,
            dataset.collaboration,
            dataset=dataset.dataset,
            upload=upload.id,
        )
        return upload

    return service.store.transact(work)


def _same(known: Upload, dataset: DatasetName, policy_digest: str) -> Upload:
    if (known.dataset, known.policy_digest) != (dataset, policy_digest):
        raise UploadConflict(upload=known.id, why="its request id began another upload")
    return known


def _check_open(tx: Transaction, dataset: DatasetName) -> None:
    states = [u.state for u in tx.uploads.of_dataset(dataset)]
    if states.count(UploadState.OPEN) >= MAX_OPEN:
        why = f"{MAX_OPEN} uploads are open: complete one of them, which ends the others"
        raise UploadConflict(upload=str(dataset), why=why)


def get_upload(service: Service, actor: Actor, upload: str) -> tuple[Upload, tuple[str, ...]]:
    """Return the caller's upload and the parties whose evaluation it waits for."""

    def work(tx: Transaction) -> tuple[Upload, tuple[str, ...]]:
        found = own_upload(tx, actor, upload)
        return found, relay.waiting(tx, found.id)

    return service.store.read(work)


def complete(
    service: Service, actor: Actor, *, upload: str, chunks: int, sha256: bytes
) -> tuple[Upload, tuple[str, ...]]:
    """Declare an upload complete, and hand its elements to the relay in the psi scheme.

    Completing a complete upload again changes nothing.
    Raises NotPermitted, UploadConflict.
    """
    with TURNS.alone(upload):
        return _complete(service, actor, upload=upload, chunks=chunks, sha256=sha256)


def _complete(
    service: Service, actor: Actor, *, upload: str, chunks: int, sha256: bytes
) -> tuple[Upload, tuple[str, ...]]:
    current, policy, rules = service.store.read(lambda tx: writable(tx, actor, upload))
    if current.state is not UploadState.OPEN:
        return get_upload(service, actor, upload)
    if chunks != current.chunks:
        raise UploadConflict(upload=upload, why="the chunks received are not the chunks declared")
    digest = hashlib.sha256()
    received = _digested(service.vault, current, digest.update)
    # Blobs first: a crash after them leaves an OPEN upload, and completing it makes them anew.
    tasks = relay.prepare(service, current, policy, rules, received)
    for _ in received:
        pass  # of what the relay did not read, in another scheme, the digest is wanted
    if digest.digest() != sha256:
        raise UploadConflict(upload=upload, why="the chunks received are not the chunks declared")

    def finish(tx: Transaction) -> list[str]:
        now, _, _ = writable(tx, actor, upload)
        if now.state is not UploadState.OPEN:
            return []
        replaced = _abandon_others(tx, now)
        tx.uploads.replace(replace(now, state=UploadState.COMPLETE))
        for task in tasks:
            tx.relay.add(task)
        return replaced

    # A crash behind the transaction leaves rows of abandoned uploads; `recover` erases them.
    for abandoned in service.store.transact(finish):
        service.vault.erase_upload(abandoned)
    found, waiting = get_upload(service, actor, upload)
    erase_late(service, found)
    return found, waiting


def erase_late(service: Service, upload: Upload) -> None:
    """Erase what was written after another upload ended this one, and had it erased."""
    if upload.state is UploadState.ABANDONED:
        service.vault.erase_upload(upload.id)


def _digested(vault: Vault, upload: Upload, told: Callable[[bytes], None]) -> Iterator[bytes]:
    """Yield chunks; `told` hears the SHA-256 of each, which was checked when it came."""
    for sha256, data in kept_chunks(vault, upload):
        told(sha256)
        yield data


def _abandon_others(tx: Transaction, upload: Upload) -> list[str]:
    """End the dataset's other unfinished uploads; return their ids."""
    unfinished = {UploadState.OPEN, UploadState.COMPLETE}
    others = [u for u in tx.uploads.of_dataset(upload.dataset) if u.id != upload.id]
    ended = [u for u in others if u.state in unfinished]
    for other in ended:
        tx.uploads.replace(replace(other, state=UploadState.ABANDONED))
        relay.drop(tx, other.id)
    return [u.id for u in ended]


def describe(
    service: Service, actor: Actor, dataset: DatasetName
) -> tuple[tuple[tuple[Upload, tuple[str, ...]], ...], tuple[Version, ...]]:
    """Return the uploads (with the parties they wait for) and versions of the caller's dataset."""
    owner = party_of(actor, str(dataset), "describe")

    def work(
        tx: Transaction,
    ) -> tuple[tuple[tuple[Upload, tuple[str, ...]], ...], tuple[Version, ...]]:
        owned(tx, dataset, owner, "describe")
        uploads = tuple(
            (u, relay.waiting(tx, u.id)) for u in tx.uploads.of_dataset(dataset) if u.owner == owner
        )
        versions = tuple(v for v in tx.versions.of_dataset(dataset) if v.owner == owner)
        return uploads, versions

    return service.store.read(work)


def erase(service: Service, actor: Actor, version: str) -> Version:
    """Erase one of the caller's versions by deleting its key; erasing again changes nothing."""
    owner = party_of(actor, f"versions/{version}", "erase")

    def mark(tx: Transaction) -> Version:
        found = tx.versions.get(version)
        if found is None or found.owner != owner:
            raise NotPermitted(what=f"versions/{version}", action="erase")
        if found.erased_at_s is None:
            tx.versions.erase(version, service.clock.now_s())
            tx.withdrawals.forget_people(version)
            service.note(
                tx,
                EntryKind.VERSION_ERASED,
                actor,
                found.dataset.collaboration,
                dataset=found.dataset.dataset,
                version=version,
            )
        return replace(found, erased_at_s=found.erased_at_s or service.clock.now_s())

    erased = service.store.transact(mark)
    # A crash before this line leaves an erased version with a key; `recover` deletes it.
    service.vault.erase_version(version)
    return erased


def owned(
    tx: Transaction, dataset: DatasetName, owner: str, action: str
) -> tuple[Policy, DatasetRules]:
    """Return the policy in force and the rules of a dataset that `owner` owns in it."""
    policy = policy_in_force(tx, dataset.collaboration, owner, action)
    rules = policy.dataset(dataset.dataset)
    if rules is None or rules.schema.owner != owner:
        raise NotPermitted(what=str(dataset), action=action)
    return policy, rules


def own_upload(tx: Transaction, actor: Actor, upload: str) -> Upload:
    """Return an upload of the caller; raises NotPermitted."""
    found = tx.uploads.get(upload)
    if found is None or found.owner != party_of(actor, f"uploads/{upload}", "use"):
        raise NotPermitted(what=f"uploads/{upload}", action="use")
    return found


def writable(tx: Transaction, actor: Actor, upload: str) -> tuple[Upload, Policy, DatasetRules]:
    """Return an upload with the policy in force, under which what it was made for must still fit."""
    found = own_upload(tx, actor, upload)
    policy, rules = owned(tx, found.dataset, found.owner, "upload to")
    if not fits(tx, found.policy_digest, policy, found.dataset.dataset):
        raise UploadConflict(upload=upload, why="the policy changed since: upload the file again")
    return found, policy, rules


def chunks_of(vault: Vault, upload: Upload) -> KeptRows:
    """Return the chunks of an upload in order, as often as they are read."""
    return KeptRows(vault=vault, upload=upload)

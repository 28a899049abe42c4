"""Bringing rows in: begin, take chunks with resume, complete, describe, erase.

The rows hold blinded keys and codes; no story here sees an identifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import (
    CleanRoomError,
    FieldInvalid,
    NotPermitted,
    PolicyDigestMismatch,
    UploadConflict,
)
from cleanroom.model.names import Actor, DatasetName, check_request_id
from cleanroom.policy.document import DatasetRules, Policy, Scheme
from cleanroom.ports.records import Upload, UploadState, Version
from cleanroom.ports.store import Transaction
from cleanroom.ports.vault import Vault
from cleanroom.usecases import relay
from cleanroom.usecases.service import Service, party_of, policy_in_force
from cleanroom.usecases.turns import Turns

MAX_CHUNK_BYTES = 1 << 20
MAX_CHUNKS = 100_000
MAX_OPEN = 32  # of one dataset; the last one completed ends the others
_TURNS = Turns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of an upload, `index` counting from 0, with the SHA-256 their sender declares."""

    index: int
    data: bytes = field(repr=False)
    sha256: bytes


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


def put_chunk(
    service: Service, actor: Actor, *, upload: str, index: int, data: bytes, sha256: bytes
) -> Upload:
    """Keep one chunk; return the upload after it. See `put_chunks`."""
    chunk = Chunk(index=index, data=data, sha256=sha256)
    return put_chunks(service, actor, upload=upload, chunks=[chunk])


def put_chunks(service: Service, actor: Actor, *, upload: str, chunks: Sequence[Chunk]) -> Upload:
    """Keep some chunks, in one transaction; return the upload after them.

    A chunk already kept is taken as kept. Of a chunk that is refused, those before it are kept.
    Raises NotPermitted, UploadConflict, FieldInvalid, BadElement.
    """
    # A late copy of a chunk must not be written over one that was counted and completed.
    with _TURNS.alone(upload):
        current, policy, rules = service.store.read(lambda tx: _writable(tx, actor, upload))
        points = policy.matching.scheme is Scheme.PSI
        new: dict[int, bytes] = {}
        rows = 0
        refusal: CleanRoomError | None = None
        try:
            for chunk in (c for c in chunks if c.index >= current.chunks):
                _check_next(current, chunk, current.chunks + len(new))
                rows += service.sealer.check_chunk(chunk.data, rules.schema, points=points)
                new[chunk.index] = chunk.data  # only what was checked is kept
        except CleanRoomError as error:
            refusal = error
        if new:
            current = _keep(service, actor, current, new, rows)
            _erase_late(service, current)
        if refusal is not None:
            raise refusal
        return current


def _check_next(upload: Upload, chunk: Chunk, expected: int) -> None:
    if chunk.index != expected or upload.state is not UploadState.OPEN:
        raise UploadConflict(upload=upload.id, why=_expectation(upload, expected))
    if chunk.index >= MAX_CHUNKS:
        raise FieldInvalid(field="index", expected=f"at most {MAX_CHUNKS} chunks")
    is_whole = hashlib.sha256(chunk.data).digest() == chunk.sha256
    if len(chunk.data) > MAX_CHUNK_BYTES or not is_whole:
        raise FieldInvalid(field="data", expected="at most 1 MiB with the SHA-256 in `sha256`")


def _keep(
    service: Service, actor: Actor, upload: Upload, new: dict[int, bytes], rows: int
) -> Upload:
    # A crash after this line leaves blobs that no upload counts; sending them again replaces them.
    service.vault.put_blobs(upload.id, ((_chunk_name(i), data) for i, data in new.items()))

    def count(tx: Transaction) -> Upload:
        now, _, _ = _writable(tx, actor, upload.id)
        if now.chunks != upload.chunks or now.state is not UploadState.OPEN:
            return now  # another process took the same chunks at the same time
        counted = replace(now, chunks=now.chunks + len(new), rows=now.rows + rows)
        tx.uploads.replace(counted)
        return counted

    return service.store.transact(count)


def _expectation(upload: Upload, expected: int) -> str:
    if upload.state is UploadState.OPEN:
        return f"the next chunk is number {expected}"
    return f"it is {upload.state} and takes no more chunks"


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
    with _TURNS.alone(upload):
        return _complete(service, actor, upload=upload, chunks=chunks, sha256=sha256)


def _complete(
    service: Service, actor: Actor, *, upload: str, chunks: int, sha256: bytes
) -> tuple[Upload, tuple[str, ...]]:
    current, policy, rules = service.store.read(lambda tx: _writable(tx, actor, upload))
    if current.state is not UploadState.OPEN:
        return get_upload(service, actor, upload)
    if chunks != current.chunks:
        raise UploadConflict(upload=upload, why="the chunks received are not the chunks declared")
    digest = hashlib.sha256()
    received = _digested(chunks_of(service.vault, current), digest.update)
    # Blobs first: a crash after them leaves an OPEN upload, and completing it makes them anew.
    tasks = relay.prepare(service, current, policy, rules, received)
    for _ in received:
        pass  # of what the relay did not read, in another scheme, the digest is wanted
    if digest.digest() != sha256:
        raise UploadConflict(upload=upload, why="the chunks received are not the chunks declared")

    def finish(tx: Transaction) -> list[str]:
        now, _, _ = _writable(tx, actor, upload)
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
    _erase_late(service, found)
    return found, waiting


def _erase_late(service: Service, upload: Upload) -> None:
    """Erase what was written after another upload ended this one, and had it erased."""
    if upload.state is UploadState.ABANDONED:
        service.vault.erase_upload(upload.id)


def _digested(chunks: Iterator[bytes], told: Callable[[bytes], None]) -> Iterator[bytes]:
    """Yield chunks; `told` hears the SHA-256 of each."""
    for data in chunks:
        told(hashlib.sha256(data).digest())
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


def _writable(tx: Transaction, actor: Actor, upload: str) -> tuple[Upload, Policy, DatasetRules]:
    """Return an upload with the policy it was made for, which must still be in force."""
    found = own_upload(tx, actor, upload)
    policy, rules = owned(tx, found.dataset, found.owner, "upload to")
    if policy.digest != found.policy_digest:
        raise UploadConflict(upload=upload, why="the policy changed since: upload the file again")
    return found, policy, rules


def chunks_of(vault: Vault, upload: Upload) -> Iterator[bytes]:
    """Yield the chunks of an upload in order."""
    return (vault.get_blob(upload.id, _chunk_name(i)) for i in range(upload.chunks))


def _chunk_name(index: int) -> str:
    return f"rows-{index:06d}"

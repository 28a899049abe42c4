"""Carrying an upload's elements through every other owner, one party after the other.

The parties of a pass are the other owners in policy order, beginning behind the uploader and going
round. Secrets commute, so were two lists to reach a party through the same others, their elements
would be equal for equal keys and show it the matches; going round, what a party is sent of two
uploaders is never raised to the same secrets.

For a key type, blobs of the upload hold the origin (distinct elements), each party's batch, its
answers by chunk, and at the end the tokens, in the order of the origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from cleanroom.audit.entry import EntryKind
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid, NotPermitted, RelayMisbehaved, UploadConflict
from cleanroom.model.names import Actor
from cleanroom.policy.document import DatasetRules, Policy, Scheme
from cleanroom.ports.records import RelayTask, TaskState, Upload
from cleanroom.ports.store import Transaction
from cleanroom.usecases.elements import (
    KNOWN_PAIRS,
    POINT_BYTES,
    Batch,
    Points,
    check_answers,
    check_points,
    make_batch,
    restore,
    unpack,
)
from cleanroom.usecases.service import Service, party_of, read_policy
from cleanroom.usecases.turns import Turns

CHUNK_ELEMENTS = 16_384
_CHUNK_BYTES = CHUNK_ELEMENTS * POINT_BYTES
_TURNS = Turns()


def prepare(
    service: Service, upload: Upload, policy: Policy, rules: DatasetRules, chunks: Iterable[bytes]
) -> tuple[RelayTask, ...]:
    """Keep the origin of every key type and the first batch; return the tasks to be added.

    A key type without elements is relayed like any other: its batch is all padding, so that no
    party can tell none from a few.
    """
    parties = _route(policy, upload.owner)
    if policy.matching.scheme is not Scheme.PSI:
        return ()
    tasks: list[RelayTask] = []
    rows = list(chunks)
    for key in rules.schema.keys:
        origin = service.sealer.elements(rows, key)
        service.vault.put_blob(upload.id, f"origin-{key}", origin)
        if not parties:
            service.vault.put_blob(upload.id, f"tokens-{key}", origin)
            continue
        tasks += [_new_task(service, upload, key, p, i) for i, p in enumerate(parties)]
    return tuple(_with_batch(service, t) if t.state is TaskState.READY else t for t in tasks)


def _route(policy: Policy, uploader: str) -> tuple[str, ...]:
    """Return the other owners, beginning behind the uploader and going round."""
    owners = policy.owners()
    start = owners.index(uploader) + 1
    return (*owners[start:], *owners[: start - 1])


def _new_task(
    service: Service, upload: Upload, key: KeyType, party: str, position: int
) -> RelayTask:
    return RelayTask(
        id=service.new_id("t"),
        upload=upload.id,
        collaboration=upload.dataset.collaboration,
        key_type=key,
        party=party,
        position=position,
        state=TaskState.WAITING if position else TaskState.READY,
        size=0,
        returned=0,
    )


def _with_batch(service: Service, task: RelayTask) -> RelayTask:
    """Make and keep the batch of a task; its origin is the answer of the party before it."""
    name = _origin_name(task)
    origin = unpack(service.vault.get_blob(task.upload, name), name)
    batch = make_batch(origin, _known(service, task)[0], service.entropy)
    service.vault.put_blob(task.upload, _name("batch", task), batch.to_bytes())
    return replace(task, state=TaskState.READY, size=len(batch.points))


def waiting(tx: Transaction, upload: str) -> tuple[str, ...]:
    """Return the parties whose evaluation an upload waits for, each once."""
    states = (TaskState.WAITING, TaskState.READY)
    return tuple(dict.fromkeys(t.party for t in tx.relay.of_upload(upload) if t.state in states))


def drop(tx: Transaction, upload: str) -> None:
    """End the unfinished tasks of an abandoned upload."""
    for task in tx.relay.of_upload(upload):
        if task.state in {TaskState.WAITING, TaskState.READY}:
            tx.relay.replace(replace(task, state=TaskState.FAILED))


def drop_all(tx: Transaction, collaboration: str) -> None:
    """End the unfinished tasks of a collaboration whose policy is replaced."""
    for task in tx.relay.unfinished(collaboration):
        tx.relay.replace(replace(task, state=TaskState.FAILED))


def tasks(service: Service, actor: Actor) -> tuple[tuple[RelayTask, ...], int]:
    """Return the caller's ready tasks, and how many of its tasks are not done yet."""
    party = party_of(actor, "relay tasks", "list")

    def work(tx: Transaction) -> tuple[tuple[RelayTask, ...], int]:
        in_force = (tx.collaborations.in_force(n) for n in tx.collaborations.names())
        mine = [p.collaboration for p in in_force if p and read_policy(p).party(party)]
        coming = [t for c in mine for t in tx.relay.unfinished(c) if t.party == party]
        return tx.relay.ready_for(party), len(coming)

    return service.store.read(work)


def stream(
    service: Service, actor: Actor, task: str, from_chunk: int
) -> Iterator[tuple[int, bytes]]:
    """Yield (index, packed elements) of a ready task.

    Raises NotPermitted, UploadConflict, FieldInvalid.
    """
    found = service.store.read(lambda tx: _own(tx, actor, task))
    if found.state is not TaskState.READY:
        raise UploadConflict(upload=task, why="the task is not ready")
    if from_chunk < 0:
        raise FieldInvalid(field="from_chunk", expected="0 or more")
    try:
        packed = _batch(service, found).points.tobytes()
    except KeyError:  # erased between the two reads
        raise UploadConflict(upload=task, why="its upload was replaced") from None
    for index in range(from_chunk, _chunks(found)):
        yield index, packed[index * _CHUNK_BYTES : (index + 1) * _CHUNK_BYTES]


def take(service: Service, actor: Actor, *, task: str, index: int, elements: bytes) -> RelayTask:
    """Keep one chunk of evaluated elements; with the last one, check the pass and go on.

    A chunk already kept is taken as kept.
    Raises NotPermitted, UploadConflict, FieldInvalid, BadElement, RelayMisbehaved.
    """
    # Two agents of one party that finished a task at once would make the next party's batch
    # twice, and what it answered to the first would be held against the second.
    with _TURNS.alone(task):
        return _take(service, actor, task, index, elements)


def _take(service: Service, actor: Actor, task: str, index: int, elements: bytes) -> RelayTask:
    found = service.store.read(lambda tx: _own(tx, actor, task))
    if index < found.returned or found.state is TaskState.DONE:
        return found
    if found.state is not TaskState.READY or index != found.returned:
        raise UploadConflict(upload=task, why=f"the next chunk is number {found.returned}")
    _check_chunk(found, index, elements)
    # A crash after this line leaves a blob that no task counts; sending it again replaces it.
    service.vault.put_blob(found.upload, _answer_name(found, index), elements)
    if index + 1 == _chunks(found):
        return _finish(service, actor, found)

    def count(tx: Transaction) -> RelayTask:
        counted = replace(_still_ready(tx, found), returned=index + 1)
        tx.relay.replace(counted)
        return counted

    return service.store.transact(count)


def _still_ready(tx: Transaction, task: RelayTask) -> RelayTask:
    """Return a READY task as it is now; it may have been dropped with its upload meanwhile."""
    now = tx.relay.get(task.id)
    if now is None or now.state is not TaskState.READY:
        raise UploadConflict(upload=task.id, why="the task is over: list the tasks again")
    return now


def _check_chunk(task: RelayTask, index: int, elements: bytes) -> None:
    points = unpack(elements, "elements")
    expected = min(CHUNK_ELEMENTS, task.size - index * CHUNK_ELEMENTS)
    if len(points) != expected:
        raise FieldInvalid(field="elements", expected=f"{expected} elements in chunk {index}")
    check_points(points, "elements")


def _finish(service: Service, actor: Actor, task: RelayTask) -> RelayTask:
    """Check a whole pass, keep its result, and make the next party's batch or the tokens.

    Blobs are written before the transaction: a crash between leaves the task at its last chunk,
    and sending that chunk again does all of this anew.
    """
    service.store.read(lambda tx: _still_ready(tx, task))
    batch, answers = _batch(service, task), _answers(service, task)
    known = _known(service, task)
    try:
        check_answers(batch, answers, _seen(batch, known), task.party)
    except RelayMisbehaved as error:
        _fail(service, actor, task, error)
        raise
    _remember(service, task, batch, answers, known)
    count = len(service.vault.get_blob(task.upload, _origin_name(task))) // POINT_BYTES
    result = restore(batch, answers, count).tobytes()
    return _pass_on(service, actor, task, result)


def _pass_on(service: Service, actor: Actor, task: RelayTask, result: bytes) -> RelayTask:
    later = service.store.read(lambda tx: _next(tx, task))
    if later is None:
        service.vault.put_blob(task.upload, f"tokens-{task.key_type}", result)
    else:
        service.vault.put_blob(task.upload, _origin_name(later), result)
        later = _with_batch(service, later)
    done = replace(task, state=TaskState.DONE, returned=_chunks(task))

    def work(tx: Transaction) -> None:
        _still_ready(tx, task)
        tx.relay.replace(done)
        if later is not None:
            tx.relay.replace(later)
        service.note(
            tx,
            EntryKind.RELAY_PASSED,
            actor,
            task.collaboration,
            upload=task.upload,
            key_type=task.key_type,
            party=task.party,
        )

    service.store.transact(work)
    return done


def _next(tx: Transaction, task: RelayTask) -> RelayTask | None:
    later = (t for t in tx.relay.of_upload(task.upload) if t.key_type == task.key_type)
    return next((t for t in later if t.position == task.position + 1), None)


def _fail(service: Service, actor: Actor, task: RelayTask, error: RelayMisbehaved) -> None:
    def work(tx: Transaction) -> None:
        tx.relay.replace(replace(_still_ready(tx, task), state=TaskState.FAILED))
        service.note(
            tx,
            EntryKind.RELAY_MISBEHAVED,
            actor,
            task.collaboration,
            upload=task.upload,
            key_type=task.key_type,
            party=task.party,
            why=error.why,
        )

    service.store.transact(work)


def _own(tx: Transaction, actor: Actor, task: str) -> RelayTask:
    found = tx.relay.get(task)
    if found is None or found.party != party_of(actor, f"tasks/{task}", "evaluate"):
        raise NotPermitted(what=f"tasks/{task}", action="evaluate")
    return found


def _batch(service: Service, task: RelayTask) -> Batch:
    return Batch.from_bytes(service.vault.get_blob(task.upload, _name("batch", task)))


def _answers(service: Service, task: RelayTask) -> Points:
    chunks = (
        service.vault.get_blob(task.upload, _answer_name(task, i)) for i in range(_chunks(task))
    )
    return unpack(b"".join(chunks), "elements")


def _known(service: Service, task: RelayTask) -> tuple[Points, Points]:
    """Return the points, and their answers, remembered from the party's first batch."""
    area, name = _memory(task)
    packed = service.vault.get_blob(area, name) if service.vault.has_blob(area, name) else b""
    half = len(packed) // 2
    return unpack(packed[:half], name), unpack(packed[half:], name)


def _seen(batch: Batch, known: tuple[Points, Points]) -> tuple[Points, Points]:
    """Return the remembered pairs whose point is in the batch."""
    sent = {row.tobytes() for row in batch.points[batch.source < 0]}
    mask = np.array([row.tobytes() in sent for row in known[0]], dtype=bool)
    return known[0][mask], known[1][mask]


def _remember(
    service: Service, task: RelayTask, batch: Batch, answers: Points, known: tuple[Points, Points]
) -> None:
    if len(known[0]):
        return
    real = np.flatnonzero(batch.source >= 0)[:KNOWN_PAIRS]
    area, name = _memory(task)
    service.vault.put_blob(area, name, batch.points[real].tobytes() + answers[real].tobytes())


def _memory(task: RelayTask) -> tuple[str, str]:
    return f"relay-{task.collaboration}", f"known-{task.party}"


def _chunks(task: RelayTask) -> int:
    return -(-task.size // CHUNK_ELEMENTS)


def _origin_name(task: RelayTask) -> str:
    return f"origin-{task.key_type}-{task.position}" if task.position else f"origin-{task.key_type}"


def _name(what: str, task: RelayTask) -> str:
    return f"{what}-{task.key_type}-{task.position}"


def _answer_name(task: RelayTask, index: int) -> str:
    return f"{_name('answer', task)}-{index:06d}"

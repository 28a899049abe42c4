"""Carrying an upload's elements through every other owner, one party after the other.

The parties of a pass are the other owners in policy order, beginning behind the uploader and going
round. Secrets commute, so were two lists to reach a party through the same others, their elements
would be equal for equal keys and show it the matches; going round, what a party is sent of two
uploaders is never raised to the same secrets. Parties that collude could still raise one list to
what the other lacks: so a list that passes two parties or more is masked (planted.py).

The elements of a key type go in shards of one padded size, each a task of its own at each party,
so that memory is bounded by a shard and several agents of a party work side by side. What the
version before this one knows already is not sent again (see origins.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cleanroom.audit.entry import EntryKind
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import (
    BadElement,
    FieldInvalid,
    NotPermitted,
    RelayMisbehaved,
    UploadConflict,
)
from cleanroom.model.names import Actor
from cleanroom.policy.document import DatasetRules, Policy, Scheme
from cleanroom.ports.records import RelayTask, TaskState, Upload
from cleanroom.ports.store import Transaction
from cleanroom.usecases import origins
from cleanroom.usecases.elements import POINT_BYTES, check_points, joined, unpack
from cleanroom.usecases.marks import known_marks
from cleanroom.usecases.origins import Origins, Remembered
from cleanroom.usecases.passes import Pass, keep_masks
from cleanroom.usecases.planted import Points
from cleanroom.usecases.service import Service, current_version, party_of, read_policy
from cleanroom.usecases.spread import shard_size, shards_for
from cleanroom.usecases.turns import Turns

CHUNK_ELEMENTS = 32_768
LEASE_S = 180
MAX_AGENT_CHARS = 64
_TURNS = Turns()
# What holds a whole shard in memory is done by so many threads at once, whatever is asked.
_HEAVY = threading.BoundedSemaphore(2)
_DIVIDING = threading.BoundedSemaphore(2)


def prepare(
    service: Service, upload: Upload, policy: Policy, rules: DatasetRules, chunks: Iterable[bytes]
) -> tuple[RelayTask, ...]:
    """Divide the elements of every key type into shards; return the tasks to be added.

    A key type without new elements is relayed like any other: its batch is all padding, so that
    no party can tell none from a few.
    """
    if policy.matching.scheme is not Scheme.PSI:
        return ()
    last = service.store.read(lambda tx: current_version(tx, upload.dataset))
    known = None
    if last is not None and last.policy_digest == upload.policy_digest:
        known = Remembered.of(service.vault, last.id)
    with _DIVIDING:
        ready = origins.prepare(
            service.vault, upload.id, rows=upload.rows, remembered=known, entropy=service.entropy
        )
        counts = origins.divide(
            ready,
            chunks,
            rules.schema.keys,
            sealer=service.sealer,
            sealable=policy.sealable_purposes(),
            remembered=known,
            marks=known_marks(service, upload.dataset).marks,
        )
    parties = _route(policy, upload.owner)
    tasks: list[RelayTask] = []
    for key, total in counts.items():
        if not parties:
            _keep_as_tokens(ready, key)
        if len(parties) > 1:
            keep_masks(service, upload.id, key, shards_for(total))
        for position, party in enumerate(parties):
            tasks += _new_tasks(service, upload, key, party, position, total)
    return tuple(tasks)


def _route(policy: Policy, uploader: str) -> tuple[str, ...]:
    """Return the other owners, beginning behind the uploader and going round."""
    owners = policy.owners()
    start = owners.index(uploader) + 1
    return (*owners[start:], *owners[: start - 1])


def _keep_as_tokens(ready: Origins, key: KeyType) -> None:
    """An owner that is alone blinds for itself: its elements are the tokens."""
    for part in range(ready.spread.parts):
        ready.keep_tokens(key, [part], joined(list(ready.elements(key, [part]))))


def _new_tasks(
    service: Service, upload: Upload, key: KeyType, party: str, position: int, total: int
) -> list[RelayTask]:
    """Return a task for each shard; their number and size say no more than the padded total."""
    shards = shards_for(total)
    return [
        RelayTask(
            id=service.new_id("t"),
            upload=upload.id,
            collaboration=upload.dataset.collaboration,
            key_type=key,
            party=party,
            position=position,
            shard=shard,
            shards=shards,
            state=TaskState.WAITING if position else TaskState.READY,
            size=shard_size(total),
            returned=0,
        )
        for shard in range(shards)
    ]


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


def tasks(service: Service, actor: Actor, agent: str = "") -> tuple[tuple[RelayTask, ...], int]:
    """Return the tasks ready for the caller, and how many of its tasks are not done yet.

    An agent that names itself is given the tasks that are leased to it or, if there are none, a
    lease of one more: of the oldest that nobody has, else of one whose lease ran out. A lease is
    renewed by every chunk returned. It only keeps agents of one party from doing the same work:
    an agent without a name is given every task, and whoever returns a chunk returns it.
    """
    party = party_of(actor, "relay tasks", "list")
    if len(agent) > MAX_AGENT_CHARS or not (agent.isascii() and agent.isprintable()):
        raise FieldInvalid(
            field="agent", expected=f"at most {MAX_AGENT_CHARS} printable ASCII characters"
        )
    ready, pending = service.store.read(lambda tx: _listed(tx, party))
    if not agent or _lease(ready, agent, service.clock.now_s()) is None:
        return tuple(t for t in ready if agent in {"", t.lease}), pending

    def work(tx: Transaction) -> tuple[RelayTask, ...]:
        now_s = service.clock.now_s()
        now = tx.relay.ready_for(party)
        more = _lease(now, agent, now_s)
        if more is not None:
            tx.relay.replace(replace(more, lease=agent, leased_until_s=now_s + LEASE_S))
        return tuple(t for t in tx.relay.ready_for(party) if t.lease == agent)

    return service.store.transact(work), pending


def _listed(tx: Transaction, party: str) -> tuple[tuple[RelayTask, ...], int]:
    in_force = (tx.collaborations.in_force(n) for n in tx.collaborations.names())
    mine = [p.collaboration for p in in_force if p and read_policy(p).party(party)]
    coming = [t for c in mine for t in tx.relay.unfinished(c) if t.party == party]
    return tx.relay.ready_for(party), len(coming)


def _lease(ready: Iterable[RelayTask], agent: str, now_s: int) -> RelayTask | None:
    """Return the task to be leased to an agent, if one is: the first free one, or its own again."""
    own = [t for t in ready if t.lease == agent]
    if own:
        return own[0] if own[0].leased_until_s <= now_s else None
    free = [t for t in ready if not t.lease or t.leased_until_s <= now_s]
    return min(free, key=lambda t: t.lease != "", default=None)  # of equals the first


def stream(
    service: Service, actor: Actor, task: str, from_chunk: int
) -> Iterator[tuple[int, bytes]]:
    """Yield (index, packed elements) of a ready task, whose batch is made when first asked for.

    Raises NotPermitted, UploadConflict, FieldInvalid.
    """
    found = service.store.read(lambda tx: _own(tx, actor, task))
    if found.state is not TaskState.READY:
        raise UploadConflict(upload=task, why="the task is not ready")
    if from_chunk < 0:
        raise FieldInvalid(field="from_chunk", expected="0 or more")
    try:
        _ensure_batch(service, found)
        chunks = Pass(service=service, task=found).sent(
            min(from_chunk, _chunks(found)) * CHUNK_ELEMENTS, CHUNK_ELEMENTS
        )
        yield from enumerate(chunks, start=from_chunk)
    except KeyError:  # erased since it was looked up
        raise UploadConflict(upload=task, why="its upload was replaced") from None


def _ensure_batch(service: Service, task: RelayTask) -> None:
    made = Pass(service=service, task=task)
    if not made.has_batch():
        with _TURNS.alone(task.id), _HEAVY:
            made.ensure_batch()


def take(service: Service, actor: Actor, *, task: str, index: int, elements: bytes) -> RelayTask:
    """Keep one chunk of evaluated elements; see `take_all`."""
    return take_all(service, actor, task=task, chunks=[(index, elements)])


def take_all(
    service: Service, actor: Actor, *, task: str, chunks: Sequence[tuple[int, bytes]]
) -> RelayTask:
    """Keep chunks (index, evaluated elements); with the last one, check the pass and go on.

    A chunk already kept is taken as kept; where one is refused, none of `chunks` is.
    Raises NotPermitted, UploadConflict, RelayMisbehaved.
    """
    # Two agents of one party that finished a task at once would do for the next party what must
    # be done once.
    with _TURNS.alone(task):
        return _take(service, actor, task, chunks)


def _take(
    service: Service, actor: Actor, task: str, chunks: Sequence[tuple[int, bytes]]
) -> RelayTask:
    found = service.store.read(lambda tx: _own(tx, actor, task))
    if found.state is TaskState.DONE:
        return found
    first = dict(reversed(chunks))  # of a chunk that came twice, what came first
    new = {index: first[index] for index, _ in chunks if index >= found.returned}
    if not new and found.state is TaskState.READY:
        return found
    expected = found.returned
    for index, elements in new.items():
        if found.state is not TaskState.READY or index != expected:
            raise UploadConflict(upload=task, why=f"the next chunk is number {expected}")
        _check_chunk(service, actor, found, index, elements)
        expected += 1
    passed = Pass(service=service, task=found)
    if not passed.has_batch():
        raise UploadConflict(upload=task, why="its elements were not asked for")
    # A crash after this line leaves blobs that no task counts; sending them again replaces them.
    passed.keep_answers(new)
    if expected == _chunks(found):
        return _finish(service, actor, found)

    def count(tx: Transaction) -> RelayTask:
        until_s = service.clock.now_s() + LEASE_S
        counted = replace(_still_ready(tx, found), returned=expected, leased_until_s=until_s)
        tx.relay.replace(counted)
        return counted

    return service.store.transact(count)


def _still_ready(tx: Transaction, task: RelayTask) -> RelayTask:
    """Return a READY task as it is now; it may have been dropped with its upload meanwhile."""
    now = tx.relay.get(task.id)
    if now is None or now.state is not TaskState.READY:
        raise UploadConflict(upload=task.id, why="the task is over: list the tasks again")
    return now


def _check_chunk(
    service: Service, actor: Actor, task: RelayTask, index: int, elements: bytes
) -> None:
    """Raise RelayMisbehaved, and end the task, for a chunk that no honest agent sends."""
    fault = _fault(task, index, elements)
    if fault is not None:
        misbehaved = RelayMisbehaved(party=task.party, why=fault)
        _fail(service, actor, task, misbehaved)
        raise misbehaved


def _fault(task: RelayTask, index: int, elements: bytes) -> str | None:
    """Say what is wrong with a chunk, without numbers: the log keeps it."""
    if len(elements) != POINT_BYTES * min(CHUNK_ELEMENTS, task.size - index * CHUNK_ELEMENTS):
        return "a chunk does not have as many elements as were sent"
    try:
        check_points(unpack(elements, "elements"), "elements")
    except BadElement as error:
        return f"an element is not an acceptable curve point ({error.why})"
    return None


def _finish(service: Service, actor: Actor, task: RelayTask) -> RelayTask:
    """Check a whole pass and keep its result: the next party's list, or the tokens.

    Blobs are written before the transaction: a crash between leaves the task at its last chunk,
    and sending that chunk again does all of this anew.
    """
    with _HEAVY:
        service.store.read(lambda tx: _still_ready(tx, task))
        try:
            answers = Pass(service=service, task=task).checked(CHUNK_ELEMENTS)
            return _pass_on(service, actor, task, answers)
        except RelayMisbehaved as error:
            _fail(service, actor, task, error)
            raise
        except KeyError:  # erased meanwhile
            raise UploadConflict(upload=task.id, why="its upload was replaced") from None


def _pass_on(service: Service, actor: Actor, task: RelayTask, answers: Points) -> RelayTask:
    later = service.store.read(lambda tx: _next(tx, task))
    if later is None:
        origin = Origins.of(service.vault, task.upload)
        parts = origin.parts_of(task.shard, task.shards)
        unmasked = Pass(service=service, task=task).unmasked(answers)
        origin.keep_tokens(task.key_type, parts, unmasked)
    else:
        Pass(service=service, task=later).keep_list(answers)
    done = replace(task, state=TaskState.DONE, returned=_chunks(task))

    def work(tx: Transaction) -> None:
        _still_ready(tx, task)
        tx.relay.replace(done)
        if later is not None:
            tx.relay.replace(replace(later, state=TaskState.READY))
        if not any(_is_beside(t, task) for t in tx.relay.of_upload(task.upload)):
            _note_passed(service, tx, actor, task)

    service.store.transact(work)
    return done


def _is_beside(other: RelayTask, task: RelayTask) -> bool:
    """Tell whether `other` is an unfinished shard of the same pass."""
    alike = (other.key_type, other.position) == (task.key_type, task.position)
    return alike and other.id != task.id and other.state is not TaskState.DONE


def _note_passed(service: Service, tx: Transaction, actor: Actor, task: RelayTask) -> None:
    service.note(
        tx,
        EntryKind.RELAY_PASSED,
        actor,
        task.collaboration,
        upload=task.upload,
        key_type=task.key_type,
        party=task.party,
    )


def _next(tx: Transaction, task: RelayTask) -> RelayTask | None:
    wanted = (task.key_type, task.position + 1, task.shard)
    others = tx.relay.of_upload(task.upload)
    return next((t for t in others if (t.key_type, t.position, t.shard) == wanted), None)


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


def _chunks(task: RelayTask) -> int:
    return -(-task.size // CHUNK_ELEMENTS)

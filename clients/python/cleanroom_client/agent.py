"""The party's agent in the relay: evaluates other parties' elements, shares the `hmac` key.

Each element is raised to this party's secret of the task's collaboration and returned in the
order it came; nothing is kept. Knows no terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from cleanroom.v1 import relay_pb2 as pb
from cleanroom_client.agent_name import agent_name
from cleanroom_client.blinder import Blinder
from cleanroom_client.blinding import BadPoint
from cleanroom_client.blinding.curve25519 import POINT_BYTES
from cleanroom_client.errors import (
    DeadlineExceeded,
    KeyNotReady,
    RelayBroken,
    RoomError,
    ServiceUnreachable,
    WaitedTooLong,
)
from cleanroom_client.progress import Progress
from cleanroom_client.session import Session
from cleanroom_client.sharing import holder, share, shared_key

SEGMENT_CHUNKS = 4
_FIRST_POLL_S, _POLL_S, _WATCH_POLL_S = 0.1, 1.0, 2.0
_OVER = "UPLOAD_CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long to wait: until idle, but no longer than `max_wait_s` without any work; or on.

    `also` says what else is awaited before an idle agent may end, or nothing.
    """

    watch: bool = False
    max_wait_s: float = 600.0
    also: Callable[[], str] = str


class Agent:
    """Works through relay tasks; a context manager that ends its worker processes."""

    def __init__(self, session: Session, progress: Progress) -> None:
        """Use the session's secrets; nothing is started yet."""
        self._session = session
        self._progress = progress
        self._stack = ExitStack()
        self._blinders: dict[str, Blinder] = {}
        self._shared_with: frozenset[str] = frozenset()
        self._elements = 0
        self._name = ""

    def __enter__(self) -> Self:
        """Return the agent, under a name that no other agent of this keystore has."""
        session = self._session
        named = agent_name(session.keystore_path, session.environment.entropy)
        self._name = self._stack.enter_context(named)
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker processes and give the name back."""
        self._stack.close()

    def run(self, waiting: Waiting) -> int:
        """Evaluate what comes until nothing more will; return the number of elements.

        Watching never ends by itself and outlives a service that is away for a while.
        Raises WaitedTooLong, RelayBroken, KeystoreError and what a call may raise.
        """
        clock, sleep_s = self._session.environment.monotonic_s, self._session.environment.sleep_s
        since_s, pause_s = clock(), _FIRST_POLL_S
        while True:
            missing = self._round(waiting)
            if missing is None:
                since_s, pause_s = clock(), _FIRST_POLL_S
                continue
            missing = missing or waiting.also()
            if not missing and not waiting.watch:
                return self._elements
            if not waiting.watch and clock() - since_s > waiting.max_wait_s:
                raise WaitedTooLong(f"waited {waiting.max_wait_s:g} s: still {missing}")
            self._progress(missing or "waiting for work", 0)
            sleep_s(_WATCH_POLL_S if waiting.watch else pause_s)
            pause_s = min(2 * pause_s, _POLL_S)

    def _round(self, waiting: Waiting) -> str | None:
        """Do what is ready; return None if something was, else what is still awaited ("": none)."""
        try:
            keys = self._keys()
            answer = self._list()
            worked = [self._evaluated(task) for task in answer.tasks]
        except DeadlineExceeded as error:
            return str(error)  # it makes or checks a large batch, and goes on with that meanwhile
        except ServiceUnreachable as error:
            if not waiting.watch:
                raise
            return str(error)
        if any(worked):
            return None
        return keys or (f"waiting for {answer.pending} relay passes" if answer.pending else "")

    def _list(self) -> pb.ListTasksResponse:
        session = self._session
        request = pb.ListTasksRequest(agent=self._name)
        return session.transport.call(session.relay.ListTasks, request)

    def _keys(self) -> str:
        """Share or fetch the key of the `hmac` scheme; return what is awaited, or nothing."""
        session, collaboration = self._session, self._session.collaboration()
        if collaboration.terms.scheme != "hmac" or collaboration.in_force is None:
            return ""
        owners = collaboration.terms.owners
        if session.profile.name == holder(collaboration):
            self._shared_with = share(session, collaboration, self._shared_with)
            waiting = [p for p in owners[1:] if p not in self._shared_with]
            return f"waiting for {', '.join(waiting)} to accept" if waiting else ""
        if session.profile.name not in owners:
            return ""
        try:
            shared_key(session, collaboration)
        except KeyNotReady as error:
            return str(error)
        return ""

    def _evaluated(self, task: pb.RelayTask) -> bool:
        """Evaluate a task; return whether it was not over meanwhile, as when its upload is replaced."""
        try:
            self._evaluate(task)
        except RoomError as error:
            if error.reason != _OVER:
                raise
            return False
        return True

    def _evaluate(self, task: pb.RelayTask) -> None:
        """Evaluate a task from where the service has it, a segment of chunks at a time.

        While a segment is raised the next one is received and the one before is returned: three
        segments are in memory, no more.
        """
        _check(task)
        with ThreadPoolExecutor(2) as lines:
            try:
                self._pump(task, lines)
            finally:
                lines.shutdown(cancel_futures=True)

    def _pump(self, task: pb.RelayTask, lines: ThreadPoolExecutor) -> None:
        last, at = -(-task.size // task.chunk_elements), task.next_chunk
        coming = lines.submit(self._receive, task, at, min(SEGMENT_CHUNKS, last - at))
        returned: Future[None] | None = None
        while at < last:
            try:
                chunks = coming.result()
            except RoomError:
                if returned is not None:
                    returned.result()  # what was said of the answers says why nothing more comes
                raise
            at += len(chunks)
            if at < last:
                coming = lines.submit(self._receive, task, at, min(SEGMENT_CHUNKS, last - at))
            requests = self._raise(task, chunks)
            if returned is not None:
                returned.result()
            returned = lines.submit(self._return, task, requests)
        if returned is not None:
            returned.result()

    def _receive(
        self, task: pb.RelayTask, first: int, count: int
    ) -> list[pb.StreamElementsResponse]:
        session = self._session
        request = pb.StreamElementsRequest(task=task.id, from_chunk=first)
        chunks: list[pb.StreamElementsResponse] = session.transport.retrying(
            lambda: session.transport.receive(session.relay.StreamElements, request, count)
        )
        if [c.index for c in chunks] != list(range(first, first + count)):
            raise RelayBroken(f"task {task.id}: the elements did not come in order")
        for chunk in chunks:
            _check_length(task, chunk)
        return chunks

    def _raise(
        self, task: pb.RelayTask, chunks: Sequence[pb.StreamElementsResponse]
    ) -> list[pb.ReturnElementsRequest]:
        """Return evaluated chunks; all of them at once, so that every worker has something."""
        packed = b"".join(chunk.elements for chunk in chunks)
        try:
            evaluated = self._blinder(task.collaboration).blind(packed, done=self._more)
        except BadPoint as error:
            raise RelayBroken(
                f"task {task.id}: the service sent an element that must not be blinded: "
                f"{error.reason}"
            ) from None
        size = task.chunk_elements * POINT_BYTES
        parts = (evaluated[i : i + size] for i in range(0, len(evaluated), size))
        return [
            pb.ReturnElementsRequest(task=task.id, index=chunk.index, elements=part)
            for chunk, part in zip(chunks, parts, strict=True)
        ]

    def _more(self, elements: int) -> None:
        self._elements += elements
        self._progress("elements evaluated", self._elements)

    def _blinder(self, collaboration: str) -> Blinder:
        if collaboration not in self._blinders:
            key = self._session.secrets(collaboration).blinding
            blinder = Blinder(key, workers=os.cpu_count() or 1)
            self._blinders[collaboration] = self._stack.enter_context(blinder)
        return self._blinders[collaboration]

    def _return(self, task: pb.RelayTask, requests: Sequence[pb.ReturnElementsRequest]) -> None:
        """Send evaluated chunks in one stream; after a cut, those the service does not have."""
        session, is_first = self._session, True
        behind = requests[-1].index + 1

        def attempt() -> int:
            nonlocal is_first
            had = requests[0].index if is_first else self._again(task, behind)
            is_first = False
            missing = [r for r in requests if r.index >= had]
            if not missing:
                return had
            return session.transport.send(session.relay.ReturnElements, missing).task.next_chunk

        if session.transport.retrying(attempt) < behind:
            raise RelayBroken(f"task {task.id} does not go on after chunk {behind - 1}")

    def _again(self, task: pb.RelayTask, sent: int) -> int:
        """Return how many chunks the service has; of a task no longer listed, all those sent."""
        session = self._session
        answer = session.transport.once(session.relay.ListTasks, pb.ListTasksRequest())
        return next((t.next_chunk for t in answer.tasks if t.id == task.id), sent)


def _check(task: pb.RelayTask) -> None:
    is_whole = task.size > 0 and task.chunk_elements > 0
    # With nothing left to do the same task would be asked for without end and without a pause.
    if not is_whole or not 0 <= task.next_chunk * task.chunk_elements < task.size:
        raise RelayBroken(f"task {task.id} states sizes that cannot be")


def _check_length(task: pb.RelayTask, chunk: pb.StreamElementsResponse) -> None:
    expected = min(task.chunk_elements, task.size - chunk.index * task.chunk_elements)
    if len(chunk.elements) != expected * POINT_BYTES:
        raise RelayBroken(
            f"task {task.id}: chunk {chunk.index} does not have its {expected} elements"
        )

"""RelayService: convert, call, convert."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from cleanroom.model.errors import FieldInvalid
from cleanroom.ports.records import RelayTask, TaskState
from cleanroom.rpc.groups import groups
from cleanroom.rpc.identity import Identities
from cleanroom.usecases import relay
from cleanroom.usecases.service import Service
from cleanroom.v1 import relay_pb2 as pb
from cleanroom.v1.relay_pb2_grpc import RelayServiceServicer

_GROUP_CHUNKS = 4  # in memory for each stream, and in one transaction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelayServicer(RelayServiceServicer):
    """Elements to the caller and back."""

    service: Service
    identities: Identities

    def ListTasks(
        self, request: pb.ListTasksRequest, context: grpc.ServicerContext
    ) -> pb.ListTasksResponse:
        """See relay.proto."""
        actor = self.identities.actor(context)
        ready, pending = relay.tasks(self.service, actor, request.agent)
        return pb.ListTasksResponse(tasks=[_task(t) for t in ready], pending=pending)

    def StreamElements(
        self, request: pb.StreamElementsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamElementsResponse]:
        """See relay.proto."""
        actor = self.identities.actor(context)
        chunks = relay.stream(self.service, actor, request.task, request.from_chunk)
        return (pb.StreamElementsResponse(index=i, elements=packed) for i, packed in chunks)

    def ReturnElements(
        self, request_iterator: Iterator[pb.ReturnElementsRequest], context: grpc.ServicerContext
    ) -> pb.ReturnElementsResponse:
        """See relay.proto."""
        actor = self.identities.actor(context)
        task: RelayTask | None = None
        for group in groups(request_iterator, _GROUP_CHUNKS):
            name = group[0].task if task is None else task.id
            if any(chunk.task != name for chunk in group):
                raise FieldInvalid(field="task", expected="one task in a stream")
            chunks = [(chunk.index, chunk.elements) for chunk in group]
            task = relay.take_all(self.service, actor, task=name, chunks=chunks)
        if task is None:
            raise FieldInvalid(field="task", expected="at least one chunk")
        return pb.ReturnElementsResponse(task=_task(task), done=task.state is TaskState.DONE)


def _task(task: RelayTask) -> pb.RelayTask:
    return pb.RelayTask(
        id=task.id,
        collaboration=task.collaboration,
        key_type=str(task.key_type),
        size=task.size,
        next_chunk=task.returned,
        chunk_elements=relay.CHUNK_ELEMENTS,
    )

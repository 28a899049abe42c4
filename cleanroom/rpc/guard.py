"""The interceptor around every method: deadline, rate, and errors as statuses.

Without it gRPC sends the text of any exception to the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import grpc
from grpc_status import rpc_status

from cleanroom.model.errors import (
    CleanRoomError,
    DeadlineRequired,
    FieldInvalid,
    IdentityRefused,
    Internal,
    TooManyRequests,
)
from cleanroom.rpc.errors import to_status
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.limits import Streams, TokenBuckets

# Generic in the stubs only, not at run time.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_LOG = logging.getLogger(__name__)
_OPEN = "/grpc.health.v1."  # which holds no thread and tells nothing
_REFLECTION = "/grpc.reflection."  # whose usual clients set no deadline
_NO_DEADLINE_S = 10 * 365 * 86_400  # what gRPC reports for none differs by version
_LONGEST_S = 86_400  # a call may hold a thread until its deadline
# Wait for others' turns, however long those take, or read whole versions: in a count of their own,
# beside the streams.
_LONG = tuple(
    f"/cleanroom.v1.DatasetService/{name}"
    for name in ("CompleteUpload", "SealDataset", "WithdrawConsent", "DescribePerson")
)
_REFUSED = "refused callers"  # one bucket for all: they have no name to be trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard(grpc.ServerInterceptor):  # type: ignore[type-arg] # generic in the stubs only
    """Checks each call before its servicer sees it and translates what comes out.

    `refused` is told why a caller was not accepted, for the log; not oftener than a caller may
    call, because whoever was refused must not fill the log.
    """

    identities: Identities
    buckets: TokenBuckets
    streams: Streams
    new_id: Callable[[], str]
    refused: Callable[[str], None]

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the method's behaviour; health stays as it is."""
        handler = continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_OPEN):
            return handler
        return self._wrapped(handler, handler_call_details.method)

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        kinds: dict[tuple[bool, bool], tuple[Any, Any]] = {
            (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
        }
        streams = handler.request_streaming or handler.response_streaming
        make, behaviour = kinds[handler.request_streaming, handler.response_streaming]
        wrap = self._stream if handler.response_streaming else self._unary
        return make(  # type: ignore[no-any-return]
            wrap(behaviour, method, streams=streams),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _unary(
        self, behaviour: Callable[..., Any], method: str, *, streams: bool
    ) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                with self._admitted(context, method, streams=streams):
                    return behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - this is where everything unknown ends
                self._abort(context, error, method)

        return call

    def _stream(
        self, behaviour: Callable[..., Any], method: str, *, streams: bool
    ) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                with self._admitted(context, method, streams=streams):
                    yield from behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - this is where everything unknown ends
                self._abort(context, error, method)

        return call

    def _admitted(self, context: grpc.ServicerContext, method: str, *, streams: bool) -> ExitStack:
        """Return what is held while the call runs; raises the reason it may not."""
        if not method.startswith(_REFLECTION):
            _check_deadline(context.time_remaining())
        try:
            actor = self.identities.actor(context)
        except IdentityRefused as error:
            self._note(error.why)
            raise
        self.buckets.take(actor.short)
        held = ExitStack()
        if streams or method in _LONG:
            kind = "streams" if streams else "long calls"
            held.enter_context(self.streams.held(actor.short, kind))
        return held

    def _note(self, why: str) -> None:
        try:
            self.buckets.take(_REFUSED)
        except TooManyRequests:
            return
        self.refused(why)

    def _abort(self, context: grpc.ServicerContext, error: Exception, method: str) -> NoReturn:
        if not isinstance(error, CleanRoomError):
            known = Internal(correlation_id=self.new_id())
            if isinstance(error, grpc.RpcError) and not context.is_active():
                _LOG.debug("%s: the caller went away in the middle", method)
            else:
                _LOG.error("%s failed as %s", method, known.correlation_id, exc_info=error)
            error = known
        context.abort_with_status(rpc_status.to_status(to_status(error)))
        raise AssertionError("abort_with_status raises")


def _check_deadline(remaining_s: float | None) -> None:
    if remaining_s is None or remaining_s > _NO_DEADLINE_S:
        raise DeadlineRequired
    if remaining_s > _LONGEST_S:
        raise FieldInvalid(field="deadline", expected=f"at most {_LONGEST_S} s from now")

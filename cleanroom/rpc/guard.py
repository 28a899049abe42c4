"""The interceptor around every method: deadline, rate, and errors as statuses.

Without it gRPC sends the text of any exception to the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import grpc
from grpc_status import rpc_status

from cleanroom.model.errors import (
    CleanRoomError,
    DeadlineRequired,
    IdentityRefused,
    Internal,
)
from cleanroom.rpc.errors import to_status
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.limits import TokenBuckets

# Generic in the stubs only, not at run time.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_LOG = logging.getLogger(__name__)
_OPEN = ("/grpc.health.v1.", "/grpc.reflection.")
_NO_DEADLINE_S = 10 * 365 * 86_400  # what gRPC reports for none differs by version


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard(grpc.ServerInterceptor):  # type: ignore[type-arg] # generic in the stubs only
    """Checks each call before its servicer sees it and translates what comes out.

    `refused` is told why a caller was not accepted, for the log.
    """

    identities: Identities
    buckets: TokenBuckets
    new_id: Callable[[], str]
    refused: Callable[[str], None]

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the method's behaviour; health and reflection stay as they are."""
        handler = continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_OPEN):
            return handler
        return self._wrapped(handler, handler_call_details.method)

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        kinds: dict[tuple[bool, bool], tuple[Any, Any]] = {
            (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        }
        make, behaviour = kinds[handler.request_streaming, handler.response_streaming]
        wrap = self._stream if handler.response_streaming else self._unary
        return make(  # type: ignore[no-any-return]
            wrap(behaviour, method), handler.request_deserializer, handler.response_serializer
        )

    def _unary(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._admit(context)
                return behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - this is where everything unknown ends
                self._abort(context, error, method)

        return call

    def _stream(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                self._admit(context)
                yield from behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - this is where everything unknown ends
                self._abort(context, error, method)

        return call

    def _admit(self, context: grpc.ServicerContext) -> None:
        remaining = context.time_remaining()
        if remaining is None or remaining > _NO_DEADLINE_S:
            raise DeadlineRequired
        try:
            actor = self.identities.actor(context)
        except IdentityRefused as error:
            self.refused(error.why)
            raise
        self.buckets.take(actor.short)

    def _abort(self, context: grpc.ServicerContext, error: Exception, method: str) -> NoReturn:
        if not isinstance(error, CleanRoomError):
            known = Internal(correlation_id=self.new_id())
            _LOG.error("%s failed as %s", method, known.correlation_id, exc_info=error)
            error = known
        context.abort_with_status(rpc_status.to_status(to_status(error)))
        raise AssertionError("abort_with_status raises")

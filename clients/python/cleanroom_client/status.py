"""From a failed call to the one error a partner meets; knows no retries and no services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from cleanroom_client.errors import (
    DOMAIN,
    ClientError,
    DeadlineExceeded,
    RoomError,
    ServiceUnreachable,
    one_line,
)
from cleanroom_client.refusals import reasons_of

# Not the word handshake alone: "tcp handshaker shutdown" is a connection cut while it was made.
_HANDSHAKE = ("CERTIFICATE_VERIFY_FAILED", "SSL_ERROR_SSL", "verification check failed")
_OTHER_NAME = "Hostname Verification"


def is_handshake_failure(error: grpc.RpcError) -> bool:
    """Tell whether the two sides did not trust each other: no retry mends that."""
    return any(sign in _details(error) for sign in _HANDSHAKE)


def client_error(error: grpc.RpcError, *, server: str, timeout_s: float) -> ClientError:
    """Return what to raise for a failed call to `server` that was given `timeout_s`."""
    info, details = _error_info(error)
    if info is not None:
        return _room_error(error, info, details)
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(timeout_s)
    if code is grpc.StatusCode.UNAVAILABLE:
        return ServiceUnreachable(_unreachable(error, server))
    sentence = f"{server} answered {code.name}: {one_line(_details(error)) or 'no reason given'}"
    return RoomError("", sentence, {})


def _unreachable(error: grpc.RpcError, server: str) -> str:
    if _OTHER_NAME in _details(error):
        return (
            f"no trusted connection to {server}: its certificate is not for the profile's "
            "server_name: correct server_name, or the address in server"
        )
    if is_handshake_failure(error):
        return (
            f"no trusted connection to {server}: check that the profile's ca and server_name are "
            "the service's, and that the certificate comes from an authority it trusts"
        )
    return (
        f"the service at {server} cannot be reached: check that it runs, the profile's server, "
        "and that it accepts this certificate; then repeat the command"
    )


def _details(error: grpc.RpcError) -> str:
    return error.details() or ""


def _error_info(error: Any) -> tuple[Any, Sequence[Any]]:
    """Return the service's ErrorInfo, or None, and all details; never raises."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the trailer and the status contradict each other
        return None, ()
    details = () if status is None else tuple(status.details)
    for detail in details:
        info = error_details_pb2.ErrorInfo()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            return info, details
    return None, details


def _room_error(error: grpc.RpcError, info: Any, details: Sequence[Any]) -> RoomError:
    metadata = {one_line(key): one_line(value) for key, value in info.metadata.items()}
    sentence = one_line(_details(error)) or f"the service refused: {info.reason}"
    correlation = metadata.get("correlation_id", "")
    if info.reason == "INTERNAL" and correlation not in sentence:
        sentence = f"internal error {correlation}: give this id to the operator"
    for fact in _facts(details):
        if fact not in sentence:
            sentence = f"{sentence} ({fact})"
    return RoomError(info.reason, sentence, metadata, reasons_of(metadata))


def _facts(details: Sequence[Any]) -> list[str]:
    """Return what the typed details add in words: fields, ledgers, when to come back."""
    facts: list[str] = []
    for detail in details:
        bad, quota = error_details_pb2.BadRequest(), error_details_pb2.QuotaFailure()
        retry = error_details_pb2.RetryInfo()
        if detail.Is(bad.DESCRIPTOR) and detail.Unpack(bad):
            facts += [one_line(violation.field) for violation in bad.field_violations]
        elif detail.Is(quota.DESCRIPTOR) and detail.Unpack(quota):
            facts += [one_line(violation.subject) for violation in quota.violations]
        elif detail.Is(retry.DESCRIPTOR) and detail.Unpack(retry):
            facts.append(f"retry after {retry.retry_delay.ToMilliseconds() / 1000:g} s")
    return [fact for fact in facts if fact]

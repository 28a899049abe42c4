"""The one table from errors to gRPC status; must not know what the stories do.

Anything that is not in the table becomes a bare INTERNAL with a correlation id: its text stays in
the service's own log.
"""

from __future__ import annotations

from types import MappingProxyType

from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from cleanroom.model.errors import (
    BudgetExhausted,
    CleanRoomError,
    FieldInvalid,
    TooManyRequests,
)
from cleanroom.model.refusal import MAX_TRACE

DOMAIN = "cleanroom.v1"

STATUS = MappingProxyType(
    {
        "FIELD_INVALID": StatusCode.INVALID_ARGUMENT,
        "DEADLINE_REQUIRED": StatusCode.INVALID_ARGUMENT,
        "IDENTITY_REFUSED": StatusCode.UNAUTHENTICATED,
        "NOT_FOUND_OR_NOT_PERMITTED": StatusCode.NOT_FOUND,
        "POLICY_INVALID": StatusCode.INVALID_ARGUMENT,
        "POLICY_NOT_IN_FORCE": StatusCode.FAILED_PRECONDITION,
        "POLICY_DIGEST_MISMATCH": StatusCode.FAILED_PRECONDITION,
        "POLICY_STEP_CONFLICT": StatusCode.ABORTED,
        "POLICY_EXPIRED": StatusCode.FAILED_PRECONDITION,
        "SIGNATURE_INVALID": StatusCode.INVALID_ARGUMENT,
        "QUESTION_REFUSED": StatusCode.PERMISSION_DENIED,
        "PRECISION_OUT_OF_REACH": StatusCode.FAILED_PRECONDITION,
        "BUDGET_EXHAUSTED": StatusCode.RESOURCE_EXHAUSTED,
        "REQUEST_ID_REUSED": StatusCode.ALREADY_EXISTS,
        "DATASET_NOT_SEALED": StatusCode.FAILED_PRECONDITION,
        "UPLOAD_CONFLICT": StatusCode.FAILED_PRECONDITION,
        "RELAY_PENDING": StatusCode.FAILED_PRECONDITION,
        "BAD_ELEMENT": StatusCode.INVALID_ARGUMENT,
        "RELAY_MISBEHAVED": StatusCode.FAILED_PRECONDITION,
        "MEASUREMENT_LOST": StatusCode.DATA_LOSS,
        "TOO_MANY_REQUESTS": StatusCode.RESOURCE_EXHAUSTED,
        "INTERNAL": StatusCode.INTERNAL,
    }
)

# Status and details travel in HTTP/2 headers, of which peers accept 8 KiB by default.
_MAX_TEXT = 1_500
_MOST = MappingProxyType({"reasons": 1_000, "trace": MAX_TRACE})  # the message has the reasons too


def to_status(error: CleanRoomError) -> status_pb2.Status:
    """Return `google.rpc.Status` with ErrorInfo and, where they fit, the standard details."""
    status = status_pb2.Status(code=STATUS[error.reason].value[0], message=str(error)[:_MAX_TEXT])
    metadata = {key: value[: _MOST.get(key, _MAX_TEXT)] for key, value in error.facts().items()}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    for detail in (info, *_standard(error)):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _standard(
    error: CleanRoomError,
) -> tuple[
    error_details_pb2.BadRequest | error_details_pb2.QuotaFailure | error_details_pb2.RetryInfo, ...
]:
    if isinstance(error, FieldInvalid):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=f"expected {error.expected}"
        )
        return (error_details_pb2.BadRequest(field_violations=[violation]),)
    if isinstance(error, BudgetExhausted):
        failure = error_details_pb2.QuotaFailure.Violation(
            subject=error.ledger, description=f"privacy budget of {error.owner}"
        )
        return (error_details_pb2.QuotaFailure(violations=[failure]),)
    if isinstance(error, TooManyRequests):
        delay = duration_pb2.Duration(seconds=error.retry_after_s)
        return (error_details_pb2.RetryInfo(retry_delay=delay),)
    return ()

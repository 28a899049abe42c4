"""Every error a caller may meet, named for what happened; must not know gRPC or storage.

Each class has exactly one public reason; `rpc/errors.py` holds the one table from reasons to
statuses, and a test holds table, classes and the proto enum to be the same set.
The classes are not frozen because the interpreter writes tracebacks into exceptions.
No error carries a row value, key material, an exact count, or a balance the caller may not see.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from cleanroom.model.refusal import Reason, trace, trace_text


@dataclass(kw_only=True, eq=False)
class CleanRoomError(Exception):
    """Base of all expected errors: a reason, a sentence, and facts as fields."""

    reason: ClassVar[str]
    sentence: ClassVar[str]

    def __str__(self) -> str:
        """Return one sentence that says what to do."""
        return self.sentence.format(**self.facts())

    def facts(self) -> dict[str, str]:
        """Return the fields as text, for `ErrorInfo.metadata`."""
        return {f.name: _text(getattr(self, f.name)) for f in fields(self)}


def _text(value: object) -> str:
    return "; ".join(str(v) for v in value) if isinstance(value, tuple) else str(value)


@dataclass(kw_only=True, eq=False)
class FieldInvalid(CleanRoomError):
    """A request field is not what it must be."""

    reason = "FIELD_INVALID"
    sentence = "{field}: expected {expected}"
    field: str
    expected: str


@dataclass(kw_only=True, eq=False)
class DeadlineRequired(CleanRoomError):
    """The call came without a deadline."""

    reason = "DEADLINE_REQUIRED"
    sentence = "every call needs a deadline: set a timeout on the call"


@dataclass(kw_only=True, eq=False)
class IdentityRefused(CleanRoomError):
    """The client certificate does not say who calls in the one accepted way."""

    reason = "IDENTITY_REFUSED"
    sentence = "the client certificate is not accepted: {why}"
    why: str


@dataclass(kw_only=True, eq=False)
class NotPermitted(CleanRoomError):
    """Absent and forbidden are one reason to a party that may not look."""

    reason = "NOT_FOUND_OR_NOT_PERMITTED"
    sentence = "{what} does not exist or is not yours to {action}"
    what: str
    action: str


@dataclass(kw_only=True, eq=False)
class PolicyInvalidError(CleanRoomError):
    """A proposed policy file has errors; each problem names line and column."""

    reason = "POLICY_INVALID"
    sentence = "the policy is not valid: {problems}"
    problems: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class PolicyNotInForce(CleanRoomError):
    """Not every party has accepted the policy yet."""

    reason = "POLICY_NOT_IN_FORCE"
    sentence = "no policy of {collaboration} is in force: not yet accepted by {waiting_for}"
    collaboration: str
    waiting_for: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class PolicyDigestMismatch(CleanRoomError):
    """The digest named is not the one proposed or in force."""

    reason = "POLICY_DIGEST_MISMATCH"
    sentence = "{digest} is not a proposed policy of {collaboration}: fetch the proposal again"
    collaboration: str
    digest: str


@dataclass(kw_only=True, eq=False)
class PolicyStepConflict(CleanRoomError):
    """Somebody else took a step since: the statement does not continue the history."""

    reason = "POLICY_STEP_CONFLICT"
    sentence = (
        "the history of {collaboration} went on: the next step is number {position} behind "
        "{previous}: read what came in between, and sign again"
    )
    collaboration: str
    position: int
    previous: str


@dataclass(kw_only=True, eq=False)
class SignatureInvalid(CleanRoomError):
    """A step is not signed by its caller in the one accepted form."""

    reason = "SIGNATURE_INVALID"
    sentence = "the signed step is refused: {why}"
    why: str


@dataclass(kw_only=True, eq=False)
class PolicyExpired(CleanRoomError):
    """A policy whose last day has passed cannot come into force."""

    reason = "POLICY_EXPIRED"
    sentence = "policy {digest} of {collaboration} ended on {last_day}: propose one that goes on"
    collaboration: str
    digest: str
    last_day: str


@dataclass(kw_only=True, eq=False)
class QuestionRefused(CleanRoomError):
    """The policy does not allow the question; reasons never depend on data."""

    reason = "QUESTION_REFUSED"
    sentence = "the policy refuses the question: {reasons}"
    reasons: tuple[Reason, ...]

    def facts(self) -> dict[str, str]:
        """Return the reasons in words, and as JSON with their rules, as many as there is room."""
        shown = trace(self.reasons)
        told = {"reasons": _text(self.reasons), "trace": trace_text(shown)}
        left = len(self.reasons) - len(shown)
        return told | ({"left_out": str(left)} if left else {})


@dataclass(kw_only=True, eq=False)
class PrecisionOutOfReach(CleanRoomError):
    """No loss that the asker may offer makes a figure as precise as wished, as assumed.

    Follows from the policy, the question and the asker's own numbers; no data is read.
    """

    reason = "PRECISION_OUT_OF_REACH"
    sentence = (
        "{figure} within +-{wished} is out of reach: the most precise answer for rho {rho}, the"
        " most that may be offered, has {best} under this assumption; {people} would suffice"
    )
    figure: str
    wished: str
    best: str
    rho: str
    people: str


@dataclass(kw_only=True, eq=False)
class BudgetExhausted(CleanRoomError):
    """A ledger concerned cannot pay; only the ledger's name is told."""

    reason = "BUDGET_EXHAUSTED"
    sentence = "the privacy budget of {ledger} cannot pay for this question: ask for less precision"
    ledger: str
    owner: str


@dataclass(kw_only=True, eq=False)
class RequestIdReused(CleanRoomError):
    """The same request id came with another question."""

    reason = "REQUEST_ID_REUSED"
    sentence = "request id {request_id} was already used for another question: choose a new one"
    request_id: str


@dataclass(kw_only=True, eq=False)
class DatasetNotSealed(CleanRoomError):
    """A dataset of the question has no sealed version under the policy in force."""

    reason = "DATASET_NOT_SEALED"
    sentence = "{dataset} has no version sealed under the policy in force: upload and seal it"
    dataset: str


@dataclass(kw_only=True, eq=False)
class UploadConflict(CleanRoomError):
    """The upload is not in the state, or at the chunk, that the call assumes."""

    reason = "UPLOAD_CONFLICT"
    sentence = "upload {upload}: {why}"
    upload: str
    why: str


@dataclass(kw_only=True, eq=False)
class RelayPending(CleanRoomError):
    """Sealing waits for other parties to evaluate the upload's elements."""

    reason = "RELAY_PENDING"
    sentence = "{dataset} cannot be sealed yet: {waiting_for} must run 'blind' first"
    dataset: str
    waiting_for: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class BadElement(CleanRoomError):
    """An element is not a point that may be blinded; the position says which."""

    reason = "BAD_ELEMENT"
    sentence = "{field}: element {position} is not an acceptable curve point ({why})"
    field: str
    position: int
    why: str


@dataclass(kw_only=True, eq=False)
class RelayMisbehaved(CleanRoomError):
    """A party returned evaluated elements that contradict each other."""

    reason = "RELAY_MISBEHAVED"
    sentence = "the elements returned by {party} contradict each other: {why}"
    party: str
    why: str


@dataclass(kw_only=True, eq=False)
class MeasurementLost(CleanRoomError):
    """The question was debited but can no longer be computed (its data was erased)."""

    reason = "MEASUREMENT_LOST"
    sentence = "the measurement of request {request_id} cannot be computed any more: {why}"
    request_id: str
    why: str


@dataclass(kw_only=True, eq=False)
class TooManyRequests(CleanRoomError):
    """The caller's rate limit is used up for now."""

    reason = "TOO_MANY_REQUESTS"
    sentence = "too many requests from {party}: retry after {retry_after_s} s"
    party: str
    retry_after_s: int


@dataclass(kw_only=True, eq=False)
class Internal(CleanRoomError):
    """Something unknown went wrong; the cause is in the service's log under the id."""

    reason = "INTERNAL"
    sentence = "internal error {correlation_id}: give this id to the operator"
    correlation_id: str

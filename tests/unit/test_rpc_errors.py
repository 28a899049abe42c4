"""The error catalogue: classes, the proto enum and the status table are one set."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from cleanroom.model import errors
from cleanroom.model.errors import BudgetExhausted, CleanRoomError, FieldInvalid, TooManyRequests
from cleanroom.model.refusal import MAX_TRACE, Reason
from cleanroom.rpc.errors import DOMAIN, STATUS, to_status
from cleanroom.v1 import error_pb2

CLASSES = [
    c
    for _, c in inspect.getmembers(errors, inspect.isclass)
    if issubclass(c, CleanRoomError) and c is not CleanRoomError
]


def test_classes_table_and_enum_are_the_same_set():
    prefix = "ERROR_REASON_"
    enum = {n.removeprefix(prefix) for n, _ in error_pb2.ErrorReason.items()} - {"UNSPECIFIED"}
    assert {c.reason for c in CLASSES} == set(STATUS) == enum
    assert len({c.reason for c in CLASSES}) == len(CLASSES)


def test_every_reason_is_listed_on_a_method_or_service():
    folder = Path(__file__).parents[2] / "proto/cleanroom/v1"
    text = "".join(p.read_text() for p in folder.glob("*.proto") if p.name != "error.proto")
    assert {c.reason for c in CLASSES if c.reason not in text} == set()


def _example(cls):
    reason = Reason(words="a (f:1)", allowed="b", rule="parties", file="f", line=1, whose=("c",))
    values = {"problems": ("a", "b"), "reasons": (reason,) * 2, "waiting_for": ("a", "b")}
    annotations = {n: values.get(n, "x") for n in (f.name for f in fields(cls))}
    ints = {"position": 7, "retry_after_s": 2}
    return cls(**{n: ints.get(n, v) for n, v in annotations.items()})


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_becomes_a_status_with_reason_domain_and_facts(cls):
    error = _example(cls)
    status = to_status(error)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (cls.reason, DOMAIN)
    assert dict(info.metadata) == error.facts()
    assert status.message == str(error)
    assert "{" not in status.message
    assert status.code == STATUS[cls.reason].value[0] != grpc.StatusCode.OK.value[0]


def test_field_errors_carry_the_violation():
    violation = error_details_pb2.BadRequest()
    assert to_status(FieldInvalid(field="by", expected="x")).details[1].Unpack(violation)
    assert violation.field_violations[0].field == "by"


def test_an_exhausted_budget_names_the_ledger_and_no_balance():
    failure = error_details_pb2.QuotaFailure()
    status = to_status(BudgetExhausted(ledger="ledgers/a/b", owner="a"))
    assert status.details[1].Unpack(failure)
    assert failure.violations[0].subject == "ledgers/a/b"
    assert not any(c.isdigit() for c in status.message)


def test_a_rate_limit_says_when_to_come_back():
    retry = error_details_pb2.RetryInfo()
    assert to_status(TooManyRequests(party="a", retry_after_s=3)).details[1].Unpack(retry)
    assert retry.retry_delay.seconds == 3


def test_a_refusal_carries_whole_reasons_and_says_how_many_it_had_no_room_for():
    reasons = tuple(
        Reason(words=f"{i} {'w' * 90}", allowed="a", rule=f"r.{i}", file="f", line=i, whose=("c",))
        for i in range(100)
    )
    error = errors.QuestionRefused(reasons=reasons)
    status = to_status(error)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    told = json.loads(info.metadata["trace"])
    assert len(info.metadata["trace"]) <= MAX_TRACE
    assert told == [reason.to_json() for reason in reasons[: len(told)]]
    assert len(told) + int(info.metadata["left_out"]) == 100
    # Trailers hold the message, escaped, and the status in base64; peers take 8 KiB.
    assert len(status.message) + len(status.SerializeToString()) * 4 // 3 < 8_000


def test_a_long_list_of_facts_fits_into_headers():
    status = to_status(errors.PolicyInvalidError(problems=tuple("p" * 100 for _ in range(1000))))
    assert len(status.SerializeToString()) < 8_000

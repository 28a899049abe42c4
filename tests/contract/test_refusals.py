"""A refusal tells every reason with its rule, to the caller and to the log, whatever the data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest
from google.rpc import error_details_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import CleanRoomError, QuestionRefused
from cleanroom.model.question import ContributionBound, MatchRate, Overlap, SalesLift, SegmentSize
from cleanroom.model.refusal import Reason, trace
from cleanroom.rpc.errors import to_status
from cleanroom.usecases import entries, inspect
from cleanroom_client.errors import RoomError
from cleanroom_client.refusals import reasons_of, refusal_in_words
from support.policies import edited
from support.rooms import AUDITOR, Room

LIMITS = (
    "limits: {filters_per_question: 1, breakdowns_per_question: 1, questions: {most: 2, days: 7}}"
)
POLICY = edited(
    ("2026-03-01", "2026-01-01"),
    ("    owner: megamart\n", f"    owner: megamart\n    {LIMITS}\n"),
    ("    owner: acme-brand\n", "    owner: acme-brand\n    breakdowns: {sales_lift: [city]}\n"),
)
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount")


def opened(root, people, matched):
    """A room whose data is `people` exposures, of whom some are buyers."""
    room = Room.open(root, POLICY, in_memory=True)
    exposures = [
        {"email": f"e{i}", "city": i % 2, "segment": 0, "arm": i % 2} for i in range(people)
    ]
    sales = [{"email": f"e{i}", "amount": 100 * i} for i in range(matched)] or [{"email": "z"}]
    room.fill(exposures=exposures, sales=sales)
    return room


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    many, few = (tmp_path_factory.mktemp(name) for name in ("many", "few"))
    return opened(many, 80, 60), opened(few, 3, 0)


@pytest.fixture
def room(rooms):
    return rooms[0]


def refused(room, question, asker="acme-brand", **loss):
    with pytest.raises(QuestionRefused) as caught:
        room.ask(asker, question, **loss)
    return caught.value


def test_each_reason_proves_itself_by_rule_line_party_and_what_is_allowed(room):
    question = replace(
        LIFT,
        outcome="margin",
        by=("segment", "age"),
        filters=(("category", ("soap",)), ("brand", ("x",))),
    )
    reasons = refused(room, question, asker="megamart").reasons
    line = {text: n for n, text in enumerate(POLICY.splitlines(), 1)}

    def at(start):
        return next(n for text, n in line.items() if text.strip().startswith(start))

    everybody = ("acme-brand", "megamart", "fiscal-data")
    assert [(r.rule, r.line, r.whose, r.allowed) for r in reasons] == [
        ("parties.megamart.may_ask", at("megamart:"), everybody, "match_rate"),
        ("datasets.exposures.dimensions", at("dimensions:"), ("acme-brand",), "exposures.city, exposures.segment"),
        ("datasets.exposures.breakdowns.sales_lift", at("breakdowns:"), ("acme-brand",), "city"),
        ("datasets.sales.limits.filters_per_question", at("limits:"), ("megamart",), "at most 1"),
        ("datasets.sales.limits.breakdowns_per_question", at("limits:"), ("megamart",), "at most 1"),
        ("datasets.sales.measures", at("measures:"), ("megamart",), "amount, visits"),
        ("datasets.sales.event_filters", at("event_filters:"), ("megamart",), "category"),
        ("datasets.sales.event_filters.category", at("event_filters:"), ("megamart",), "hair-colour, hair-care, other"),
    ]  # fmt: skip
    assert all(r.file == "spring-campaign.yaml" for r in reasons)


def test_the_limit_of_a_loss_names_its_rule_too(room):
    (reason,) = refused(room, MatchRate(datasets=("exposures", "sales")), rho=1).reasons[1:]
    assert reason.rule == "datasets.sales.privacy.per_question"
    assert reason.whose == ("megamart",)
    assert reason.allowed.startswith("at most rho 0.0")
    assert re.search(r"\(spring-campaign\.yaml:\d+\)$", reason.words)


def test_a_fault_of_the_question_itself_is_nobodys_rule(room):
    (reason,) = refused(
        room, SegmentSize(datasets=("exposures",), by=("city", "exposures.city"))
    ).reasons
    assert (reason.rule, reason.whose, reason.allowed) == ("", (), "exposures.city once")


def test_the_log_holds_the_rules_that_refused(room):
    refused(room, replace(LIFT, by=("segment",)))
    found, _ = inspect.entries(room.service, AUDITOR, start=0, count=1000)
    entry = decode_entry(found[-1])
    assert entry.kind is EntryKind.QUESTION_REFUSED
    (rule,) = entry.fields["rules"]
    assert rule["rule"] == "datasets.exposures.breakdowns.sales_lift"
    assert (rule["whose"], rule["allowed"]) == (["acme-brand"], "city")
    assert POLICY.splitlines()[rule["line"] - 1].strip().startswith("breakdowns:")


def test_the_client_reads_the_reasons_that_the_service_told(room):
    error = refused(room, replace(LIFT, by=("segment",)), asker="megamart")
    info = error_details_pb2.ErrorInfo()
    assert to_status(error).details[0].Unpack(info)
    told = RoomError(info.reason, str(error), info.metadata, reasons_of(info.metadata))
    assert [r.to_json() for r in error.reasons] == [
        {"words": r.words, "rule": r.rule, "file": r.file, "line": r.line, "whose": list(r.whose), "allowed": r.allowed}
        for r in told.reasons
    ]  # fmt: skip
    lines = refusal_in_words(told)
    assert lines[0] == "the policy refuses the question, for 2 reasons:"
    assert lines[2] == "    rule of acme-brand, megamart, fiscal-data; allowed: match_rate"
    assert lines[4] == "    rule of acme-brand; allowed: city"


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "1", '[{"words": 1}]', '[{"words": "a"}]', "[" * 9000, '["a"]', "null"]
)
def test_a_trace_that_cannot_be_read_is_none(text):
    assert reasons_of({"trace": text}) == ()


def test_a_peer_writes_no_control_characters_through_a_reason():
    reason = Reason(words="a\x1b[2J", allowed="b\n", rule="c", file="d", line=1, whose=("e\r",))
    (told,) = reasons_of({"trace": json.dumps([reason.to_json()])})
    assert (told.words, told.allowed, told.whose) == ("a [2J", "b", ("e",))


@given(st.lists(st.text(max_size=200), max_size=40), st.integers(2, 2_000))
def test_a_trace_holds_whole_reasons_and_keeps_to_its_size(words, most):
    reasons = [Reason(words=w, allowed="a") for w in words]
    kept = trace(reasons, most)
    assert list(kept) == reasons[: len(kept)]
    assert len(json.dumps([r.to_json() for r in kept], separators=(",", ":"))) <= most


names = st.sampled_from(["exposures", "sales", "panel"])
pairs = st.lists(names, min_size=2, max_size=2, unique=True).map(tuple)
bys = st.lists(st.sampled_from(["city", "segment", "age", "sales.city"]), max_size=3, unique=True)
questions = st.one_of(
    st.builds(MatchRate, datasets=pairs, by=bys.map(tuple)),
    st.builds(SegmentSize, datasets=names.map(lambda n: (n,)), by=bys.map(tuple)),
    st.builds(
        lambda pair, outcome, by: SalesLift(
            exposures=pair[0], sales=pair[1], outcome=outcome, by=tuple(by)
        ),
        pairs,
        st.sampled_from(["amount", "visits", "buyers", "margin", "average_order"]),
        bys,
    ),
    st.builds(
        lambda top: ContributionBound(
            dataset="sales", measure="amount", grid=(1, top), quantile=Fraction(9, 10)
        ),
        st.integers(2, 2_000_000),
    ),
    st.just(Overlap(hub="exposures", others=("panel", "sales"))),
)


def told_bytes(room, asker, question, rho):
    """Everything that a caller and the log are told of a refusal; None where it is answered."""
    try:
        room.ask(asker, question, rho=rho)
    except CleanRoomError as error:
        # As it reads with its words: the commitment to them is salted, so it differs anyway.
        [found] = entries.newest(room.service.store, Choice(), 1)
        return to_status(error).SerializeToString(), found.entry.fields
    return None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    questions,
    st.sampled_from(["acme-brand", "megamart", "fiscal-data"]),
    st.sampled_from([None, 1]),
)
def test_the_bytes_of_a_refusal_are_the_same_whatever_the_data(rooms, question, asker, rho):
    many, few = (told_bytes(room, asker, question, rho) for room in rooms)
    assert many == few


def test_a_single_reason_is_one_sentence_and_its_proof(room):
    error = refused(room, SegmentSize(datasets=("exposures",), by=("city",)), asker="megamart")
    metadata = error.facts()
    told = RoomError("QUESTION_REFUSED", str(error), metadata, reasons_of(metadata))
    assert refusal_in_words(told) == [
        str(error),
        "  rule of acme-brand, megamart, fiscal-data; allowed: match_rate",
    ]

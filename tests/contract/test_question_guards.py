"""What may not go wrong between the debit of a question and its answer, nor around it."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import (
    DatasetNotSealed,
    FieldInvalid,
    MeasurementLost,
    NotPermitted,
    QuestionRefused,
    UploadConflict,
)
from cleanroom.model.names import Actor, ActorKind, check_label
from cleanroom.model.question import Ask, MatchRate, SalesLift, Window
from cleanroom.policy.parse import parse_policy
from cleanroom.privacy.suppression import line
from cleanroom.storage.fsck import fsck
from cleanroom.usecases import analyse, collaborate, compute, entries, ingest, inspect
from support.policies import edited, problems
from support.rooms import AUDITOR, DOMAIN, OFFICER, Room

POLICY = edited(("2026-03-01", "2026-01-01"), name="spring-campaign")
RATE = MatchRate(datasets=("exposures", "sales"))
LAST_SECOND = 1_790_812_799  # 2026-09-30 23:59:59 UTC, the end of `valid`


@pytest.fixture
def filled(tmp_path):
    room = Room.open(tmp_path, POLICY)
    people = [{"email": f"e{i}"} for i in range(60)]
    arms = [p | {"city": 0, "segment": 0, "arm": i % 2} for i, p in enumerate(people)]
    room.fill(exposures=arms, sales=[p | {"amount": 100} for p in people])
    return room


def _entries(room):
    found, _ = inspect.entries(room.service, AUDITOR, start=0, count=1000)
    return [decode_entry(e) for e in found]


def _reserve(room, request_id, question=RATE, **loss):
    """Debit a question and stop there, as a crash would."""

    class Crash(BaseException):
        pass

    def crash(*_):
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analyse, "measure", crash)
        with pytest.raises(Crash):
            room.ask("acme-brand", question, request_id, **loss)


class _Ticking:
    """A clock that goes on by a second each time it is read."""

    def __init__(self, now):
        self.now = now - 1

    def now_s(self):
        self.now += 1
        return self.now


def test_a_question_of_the_last_second_is_answered_though_the_clock_goes_on(filled):
    filled.service = replace(filled.service, clock=_Ticking(LAST_SECOND))
    answer = json.loads(filled.verified(filled.ask("acme-brand", RATE)).measurement)
    assert answer["family"] == "match_rate"


def test_a_question_reserved_before_its_policy_changed_is_answered_under_the_old_one(filled):
    _reserve(filled, "request-0001")
    changed = POLICY.replace("may_ask: [match_rate, segment_size, sales_lift]", "may_ask: []")
    collaborate.propose(filled.service, OFFICER, changed.encode())
    other = Room(service=filled.service, policy=parse_policy(changed.encode()))
    for member in other.policy.parties:
        other.accept(member.name)
    answer = json.loads(filled.verified(filled.ask("acme-brand", RATE, "request-0001")).measurement)
    assert answer["policy_digest"] == filled.policy.digest
    with pytest.raises(QuestionRefused, match="may_ask"):
        filled.ask("acme-brand", RATE, "request-0002")


def test_one_question_that_cannot_be_resumed_keeps_no_other_waiting(filled, monkeypatch):
    _reserve(filled, "request-0001")
    _reserve(filled, "request-0002", epsilon=Fraction(1, 4))
    first, second = filled.service.store.read(lambda tx: tx.questions.reserved())

    def measure(service, stored):
        if stored.digest == first.digest:
            raise OSError("a damaged file")
        return compute.measure(service, stored)

    with monkeypatch.context() as patch:
        patch.setattr(analyse, "measure", measure)
        assert analyse.resume(filled.service) == 1
    left = filled.service.store.read(lambda tx: tx.questions.reserved())
    assert [q.digest for q in left] == [first.digest]
    assert second.digest != first.digest
    assert filled.ask("acme-brand", RATE, "request-0001")


def test_nothing_is_released_that_costs_other_than_what_was_debited(filled):
    _reserve(filled, "request-0001")
    (stored,) = filled.service.store.read(lambda tx: tx.questions.reserved())
    cheaper = tuple(replace(d, nano_rho=d.nano_rho - 1) for d in stored.debits)
    with pytest.raises(AssertionError, match="what was debited"):
        compute.measure(filled.service, replace(stored, debits=cheaper))


def test_a_version_erased_while_it_is_computed_on_gives_no_answer(filled, monkeypatch):
    version = filled.seal("sales")

    def measure(service, stored):
        done = compute.measure(service, stored)
        ingest.erase(service, filled.owner("sales"), version.id)
        return done

    monkeypatch.setattr(analyse, "measure", measure)
    with pytest.raises(MeasurementLost):
        filled.ask("acme-brand", RATE)
    assert _entries(filled)[-1].kind is EntryKind.QUESTION_FAILED


def test_erasing_the_newest_version_does_not_bring_an_older_one_back(filled):
    filled.upload("sales", [{"email": f"e{i}", "amount": 100} for i in range(50)])
    filled.blind_all()
    version = filled.seal("sales")
    ingest.erase(filled.service, filled.owner("sales"), version.id)
    with pytest.raises(DatasetNotSealed):
        filled.ask("acme-brand", RATE)
    with pytest.raises(UploadConflict, match="no complete upload"):
        filled.seal("sales")


def test_a_long_refusal_is_logged_and_stays_a_refusal(filled):
    values = tuple(f"value-{i:04}-{'x' * 50}" for i in range(1_000))
    lift = SalesLift(
        exposures="exposures", sales="sales", outcome="amount", filters=(("category", values),)
    )
    with pytest.raises(QuestionRefused):
        filled.ask("acme-brand", lift)
    entry = _entries(filled)[-1]
    assert entry.kind is EntryKind.QUESTION_REFUSED
    [found] = entries.newest(filled.service.store, Choice(), 1)
    assert 0 < len(found.entry.fields["why"]) <= 2_000


def test_the_log_tells_who_else_was_given_an_answer(filled):
    first = filled.ask("acme-brand", RATE, "request-0001")
    filled.ask("acme-brand", RATE, "request-0001")
    before = len(_entries(filled))
    assert filled.ask("megamart", RATE, "request-0002") == first
    filled.ask("megamart", RATE, "request-0002")
    (entry,) = _entries(filled)[before:]
    assert (entry.kind, entry.actor) == (EntryKind.QUESTION_REPEATED, "party/megamart")
    answered = json.loads(filled.verified(first).measurement)
    assert entry.fields == {"question_digest": answered["question_digest"]}
    assert not fsck(filled.service.store, filled.service.vault)


def test_an_operators_certificate_reads_no_entries(filled):
    operator = Actor(trust_domain=DOMAIN, kind=ActorKind.OPERATOR, name="operator")
    with pytest.raises(NotPermitted):
        inspect.entries(filled.service, operator, start=0, count=1)
    with pytest.raises(NotPermitted):
        inspect.inclusion(filled.service, operator, index=0, size=1)
    for reader in (AUDITOR, OFFICER):
        assert inspect.entries(filled.service, reader, start=0, count=1)[0]


def test_long_entries_are_listed_in_pages_that_fit_a_message(filled):
    entry = filled.service.entry(EntryKind.ADMINISTRATIVE, "officer/jane", None, why="x" * 60_000)

    def add(tx):
        for _ in range(80):
            tx.log.append(entry)

    before = len(_entries(filled))
    filled.service.store.transact(add)
    start, pages = before, 0
    while True:
        found, size = inspect.entries(filled.service, AUDITOR, start=start, count=1000)
        assert sum(map(len, found)) <= 2 << 20
        start, pages = start + len(found), pages + 1
        if start == size:
            break
    assert size == before + 80
    assert pages == 3


@pytest.mark.parametrize(
    ("from_s", "until_s"), [(-(2**63), 0), (0, 2**63 - 1), (0, 2**53), (5, 5), (6, 5)]
)
def test_a_window_is_a_time(from_s, until_s):
    with pytest.raises(FieldInvalid, match="window"):
        Window(from_s=from_s, until_s=until_s)


def test_the_widest_window_has_a_canonical_form(filled):
    widest = Window(from_s=-(2**53) + 1, until_s=2**53 - 1)
    lift = SalesLift(exposures="exposures", sales="sales", outcome="amount", window=widest)
    with pytest.raises(QuestionRefused, match="no window"):
        filled.ask("acme-brand", lift)


@pytest.mark.parametrize("loss", ["rho", "epsilon"])
def test_a_loss_beyond_all_privacy_is_not_converted(loss):
    assert Ask(collaboration="spring", question=RATE, **{loss: Fraction(1000)})
    with pytest.raises(FieldInvalid, match="at most 1000"):
        Ask(collaboration="spring", question=RATE, **{loss: Fraction(10**99)})


@pytest.mark.parametrize(
    "filters",
    [
        tuple((f"c{i}", ("a",)) for i in range(17)),
        (("c", ("x" * 65,)),),
        (("c", tuple(str(i) for i in range(1_001))),),
        (("c", ()),),
        (("c", ("a",)), ("c", ("b",))),
    ],
)
def test_filters_are_few_and_short(filters):
    with pytest.raises(FieldInvalid, match="filters"):
        SalesLift(exposures="exposures", sales="sales", outcome="amount", filters=filters)


def test_a_label_has_at_most_63_characters():
    assert check_label("a-" * 31 + "b", "name")
    for text in ("a-" * 32 + "b", "a" * 64, "a\n", "a-", ""):
        with pytest.raises(FieldInvalid):
            check_label(text, "name")


def test_every_miss_probability_that_a_policy_may_state_has_a_line():
    document = POLICY.replace("miss_probability: 1e-6", "miss_probability: 0.5")
    assert problems(document) == ()
    assert line(50, Fraction(1, 2), 3.0) >= 49
    (problem,) = problems(document.replace("0.5,", "0.51,").replace("0.5}", "0.51}"))
    assert "at most 0.5" in problem

"""How many questions one asker may ask: counted durably, exact under a race, by the policy alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import pytest

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import MatchRate, SegmentSize
from cleanroom.policy.parse import parse_policy
from cleanroom.storage.fsck import fsck
from cleanroom.usecases import collaborate, entries
from support.policies import edited
from support.rooms import DAY, OFFICER, Room, TestClock, make_service

LIMIT = "limits: {questions: {most: 3, days: 7}}"
POLICY = edited(
    ("2026-03-01", "2026-01-01"),
    ("    owner: megamart\n", f"    owner: megamart\n    {LIMIT}\n"),
)
RATE = MatchRate(datasets=("exposures", "sales"))
SIZE = SegmentSize(datasets=("exposures",), by=("city",))


@pytest.fixture
def room(tmp_path):
    made = Room.open(tmp_path, POLICY)
    people = [{"email": f"e{i}"} for i in range(60)]
    arms = [p | {"city": 0, "segment": 0, "arm": i % 2} for i, p in enumerate(people)]
    made.fill(exposures=arms, sales=[p | {"amount": 100} for p in people])
    return made


def ask(room, number, asker="acme-brand", question=RATE, request_id=""):
    """Ask a question that is another for each number."""
    return room.ask(asker, question, request_id, epsilon=Fraction(1, 100 + number))


def refused(room, number, **asked):
    with pytest.raises(QuestionRefused) as caught:
        ask(room, number, **asked)
    (reason,) = caught.value.reasons
    return str(reason)


def test_one_question_more_than_the_limit_is_refused_and_costs_nothing(room):
    for number in range(3):
        ask(room, number)
    spent = room.spent()
    assert refused(room, 3).startswith(
        "datasets.sales.limits.questions allows 3 new questions in 7 days to each asker: "
        "ask again after 2026-06-08 12:00 UTC"
    )
    assert room.spent() == spent
    [found] = entries.newest(room.service.store, Choice(), 1)
    entry = found.entry
    assert entry.kind is EntryKind.QUESTION_REFUSED
    assert "limits.questions" in entry.fields["why"]


def test_a_question_answered_from_store_does_not_count(room):
    first = ask(room, 0)
    for _ in range(5):
        assert ask(room, 0) == first
    for number in (1, 2):
        ask(room, number)
    assert ask(room, 0) == first  # also after the limit is reached
    refused(room, 3)


def test_each_asker_and_each_dataset_has_its_own_count(room):
    for number in range(3):
        ask(room, number)
    refused(room, 3)
    ask(room, 3, asker="megamart")  # now known, so it is answered from store to anybody
    assert ask(room, 3)
    ask(room, 4, question=SIZE)  # asks nothing of sales
    refused(room, 5)


def test_days_pass_and_the_oldest_question_counts_no_more(room):
    clock = room.service.clock
    ask(room, 0)
    clock.now += DAY
    ask(room, 1)
    ask(room, 2)
    clock.now += 6 * DAY - 1
    refused(room, 3)
    clock.now += 1
    ask(room, 3)
    refused(room, 4)


def test_neither_a_restart_nor_another_policy_forgets_what_was_asked(room, tmp_path):
    for number in range(3):
        ask(room, number)
    changed = POLICY + "# the same rules under another digest\n"
    collaborate.propose(room.service, OFFICER, changed.encode())
    again = Room(service=room.service, policy=parse_policy(changed.encode()))
    for member in again.policy.parties:
        again.accept(member.name)
    again.secrets = room.secrets
    people = [{"email": f"e{i}"} for i in range(60)]
    again.fill(
        exposures=[p | {"city": 0, "segment": 0, "arm": 0} for p in people],
        sales=[p | {"amount": 100} for p in people],
    )
    restarted = replace(again, service=make_service(tmp_path, TestClock(room.service.clock.now)))
    refused(restarted, 3)
    assert not fsck(restarted.service.store, restarted.service.vault)


def test_every_reason_is_told_at_once(room):
    for number in range(3):
        ask(room, number, asker="megamart")
    with pytest.raises(QuestionRefused) as caught:
        room.ask("megamart", replace(RATE, by=("age",)))
    assert [str(r).split(" ")[0] for r in caught.value.reasons] == [
        "by",
        "datasets.sales.limits.questions",
    ]


def test_a_race_of_two_askers_is_granted_exactly_the_limit_to_each(room):
    askers = ("acme-brand", "megamart")

    def one(job):
        asker, number = job
        try:
            ask(room, number, asker=asker)
        except QuestionRefused:
            return asker, False
        return asker, True

    jobs = [(asker, 10 * n + i) for n in range(6) for i, asker in enumerate(askers)]
    with ThreadPoolExecutor(4) as pool:
        answered = list(pool.map(one, jobs))
    for asker in askers:
        assert sum(ok for name, ok in answered if name == asker) == 3
    stored = room.service.store.read(lambda tx: tx.questions.all())
    assert sorted(q.asker for q in stored) == sorted(askers * 3)
    assert not fsck(room.service.store, room.service.vault)

"""A released question computed again: what it tells, to whom, and what it leaves in the log."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import count

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor, ActorKind
from cleanroom.model.question import MatchRate, SalesLift, SegmentSize
from cleanroom.ports.records import QuestionState
from cleanroom.usecases import compute, ingest
from cleanroom.usecases.recompute import Verdict, recompute
from support.policies import edited
from support.rooms import AUDITOR, DOMAIN, OFFICER, Room, party

LARGE = edited(
    ("2026-03-01", "2026-01-01"),
    ("epsilon: 4", "epsilon: 1000"),
    ("per_question: 0.5", "per_question: 100"),
    ("people: 50", "people: 10"),
)
STRICT = edited(("2026-03-01", "2026-01-01"))
RATE = MatchRate(datasets=("exposures", "sales"))
QUESTIONS = {
    "match rate": RATE,
    "sizes": SegmentSize(datasets=("exposures",), by=("city",)),
    "lift": SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",)),
}
OPERATOR = Actor(trust_domain=DOMAIN, kind=ActorKind.OPERATOR, name="operator")


def exposures(n=300):
    return [{"email": f"e{i}", "city": i % 3, "arm": i % 2} for i in range(n)]


def sales(n=300, first=100):
    return [{"email": f"e{i}", "amount": 1000 + i} for i in range(first, n)]


def opened(folder, policy=LARGE):
    room = Room.open(folder, policy, in_memory=True)
    room.fill(exposures=exposures(), sales=sales())
    return room


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("room"))


LOSSES = count(1)


def entry_of(room):
    """Return the index of the newest released entry."""
    data = room.service.store.read(lambda tx: tx.log.entries(0, 1000))
    kinds = [decode_entry(d).kind for d in data]
    return len(kinds) - 1 - kinds[::-1].index(EntryKind.QUESTION_RELEASED)


def asked(room, question=RATE):
    """Ask what was not asked before: another loss makes another release."""
    room.ask("acme-brand", question, rho=5 + Fraction(next(LOSSES), 1000))


def verdict(room, question=RATE):
    asked(room, question)
    return recompute(room.service, AUDITOR, entry_of(room))


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_honest_release_is_plausible(room, name):
    told = verdict(room, QUESTIONS[name])
    assert (told.verdict, told.why) == (Verdict.PLAUSIBLE, ())


def test_a_release_of_which_all_is_withheld_tells_nothing(tmp_path):
    room = Room.open(tmp_path, STRICT, in_memory=True)
    room.fill(exposures=exposures(4), sales=sales(6, first=3))
    room.ask("acme-brand", RATE)
    told = recompute(room.service, AUDITOR, entry_of(room))
    assert (told.verdict, told.why) == (Verdict.IMPOSSIBLE, ("every value was withheld",))


@pytest.mark.parametrize("wrong", ["scale", "shift", "exact"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_service_that_adds_other_noise_than_it_states_is_caught(room, monkeypatch, wrong, name):
    honest = compute.add_noise

    def bent(plan, exact):
        scaled = replace(
            plan, statistics=tuple(replace(s, scale=s.scale * 40) for s in plan.statistics)
        )
        noisy = honest(scaled if wrong == "scale" else plan, exact)
        if wrong == "scale":
            return noisy
        if wrong == "exact":
            return replace(
                exact, values={n: tuple(v + 10**6 for v in e) for n, e in exact.values.items()}
            )
        far = {s: 12 * plan.statistic(s).scale for s in noisy.values}
        moved = {n: tuple(v + int(far[n]) + 12 for v in e) for n, e in noisy.values.items()}
        return replace(noisy, values=moved)

    monkeypatch.setattr(compute, "add_noise", bent)
    # Noise may hide itself, or withhold everything: not six times.
    assert any(verdict(room, QUESTIONS[name]).verdict is Verdict.IMPLAUSIBLE for _ in range(6))


def test_a_release_from_the_data_of_another_version_is_caught(tmp_path):
    room = opened(tmp_path)
    told = room.service.vault.get_version
    room.upload("exposures", exposures(150))
    room.blind_all()
    other = room.seal("exposures")
    first = room.service.store.read(lambda tx: tx.versions.of_dataset(room.name("exposures")))[0]

    class Swapped:
        def __getattr__(self, attribute):
            return getattr(room.service.vault, attribute)

        def get_version(self, version, digest):
            if version == other.id:
                return told(first.id, first.file_digest)
            return told(version, digest)

    swapped = replace(room.service, vault=Swapped())
    for question in QUESTIONS.values():
        asked(room, question)
        index = entry_of(room)
        assert recompute(room.service, AUDITOR, index).verdict is Verdict.PLAUSIBLE
        assert recompute(swapped, AUDITOR, index).verdict is Verdict.IMPLAUSIBLE


def test_a_measurement_that_was_changed_where_it_is_stored_is_caught(room):
    asked(room)
    index = entry_of(room)
    kept = room.service.store.state.questions
    digest = list(kept)[-1]
    honest = kept[digest]
    changed = honest.measurement.replace(b'"level":0.95', b'"level":0.99')
    assert changed != honest.measurement
    kept[digest] = replace(honest, measurement=changed)
    told = recompute(room.service, AUDITOR, index)
    room.service.store.state.questions[digest] = honest
    assert told.verdict is Verdict.IMPLAUSIBLE
    assert "commits" in told.why[0]


def test_the_act_is_in_the_log_and_nothing_is_debited(room):
    asked(room)
    index, spent = entry_of(room), room.spent()
    recompute(room.service, OPERATOR, index)
    data = room.service.store.read(lambda tx: tx.log.entry(tx.log.size() - 1))
    entry = decode_entry(data)
    assert entry.kind is EntryKind.ADMINISTRATIVE
    assert entry.actor == "operator/operator"
    assert (entry.fields["act"], entry.fields["recomputed_entry"]) == ("recomputed", index)
    assert entry.fields["verdict"] == "plausible"
    assert room.spent() == spent


def test_asking_again_tells_the_same(room):
    asked(room)
    index = entry_of(room)
    assert len({recompute(room.service, AUDITOR, index).verdict for _ in range(5)}) == 1


def test_an_erased_version_cannot_be_recomputed(tmp_path):
    room = opened(tmp_path)
    asked(room)
    stored = room.service.store.read(lambda tx: tx.questions.all())[0]
    versions = dict(json.loads(stored.canonical)["versions"])
    ingest.erase(room.service, room.owner("exposures"), versions["exposures"])
    told = recompute(room.service, AUDITOR, entry_of(room))
    assert (told.verdict, told.why) == (Verdict.IMPOSSIBLE, ("a version was erased",))


def test_an_erased_measurement_cannot_be_recomputed(room):
    asked(room)
    index = entry_of(room)
    kept = room.service.store.state.questions
    digest = list(kept)[-1]
    honest = kept[digest]
    kept[digest] = replace(honest, measurement=None, state=QuestionState.ERASED)
    told = recompute(room.service, AUDITOR, index)
    room.service.store.state.questions[digest] = honest
    assert (told.verdict, told.why) == (Verdict.IMPOSSIBLE, ("the measurement was erased",))


@pytest.mark.parametrize("actor", [OFFICER, party("acme-brand"), party("megamart")])
def test_only_auditors_and_the_operator_may(room, actor):
    asked(room)
    size = room.service.store.read(lambda tx: tx.log.size())
    with pytest.raises(NotPermitted):
        recompute(room.service, actor, entry_of(room))
    assert room.service.store.read(lambda tx: tx.log.size()) == size


@pytest.mark.parametrize("index", [0, 10**6, -1])
def test_only_a_released_question_can_be_recomputed(room, index):
    with pytest.raises(FieldInvalid, match="question_released"):
        recompute(room.service, AUDITOR, index)

"""Whatever parties sign, in whatever order, with restarts: nothing is allowed against a word given.

The model knows what each party gave its word to and nothing of how tighter and looser are told
apart: `decide` is asked about every question under the policy in force and under each of those.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from cleanroom.audit.step import Step, StepKind, verify_chain
from cleanroom.model.errors import (
    PolicyDigestMismatch,
    PolicyStepConflict,
    QuestionRefused,
)
from cleanroom.model.question import MatchRate, SalesLift, SegmentSize
from cleanroom.policy.decide import decide
from cleanroom.policy.parse import parse_policy
from cleanroom.storage.sqlite import SqlStore
from cleanroom.usecases import collaborate
from support import signing
from support.cli_room import POLICY as BASE
from support.memory_store import MemoryStore
from support.rooms import NOON, OFFICER, Room, party

PARTIES = ("acme-brand", "megamart", "fiscal-data")
COLLABORATION = "spring-campaign"
SOME = st.lists(st.sampled_from(PARTIES), max_size=2, unique=True)
EDITS = {
    "a comment": ("version: cleanroom/v1", "version: cleanroom/v1 # as agreed"),
    "more budget": ("epsilon: 400", "epsilon: 500"),
    "less budget": ("epsilon: 400", "epsilon: 300"),
    "a smaller question": ("per_question: 40", "per_question: 20"),
    "more people": ("people: 20", "people: 40"),
    "fewer people": ("people: 20", "people: 10"),
    "another asker": ("may_ask: [match_rate]", "may_ask: [match_rate, segment_size]"),
    "one asker fewer": ("may_ask: [match_rate]", "may_ask: []"),
    "another dimension": ("    dimensions: {income:", "    dimensions: {age: [a, b], income:"),
    "one dimension fewer": (", channel: [video, social, both, other]", ""),
    "a shorter time": ("2199-12-31", "2150-12-31"),
    "a later start": ("2020-01-01", "2120-01-01"),
    "a smaller bound": ("max_per_person: 10000", "max_per_person: 500"),
    "one more purpose": ("match_rate: [measurement]", "match_rate: [measurement, segmentation]"),
    "a rule of its own": (
        "    owner: fiscal-data\n",
        "    owner: fiscal-data\n    minimum_aggregation: {people: 60, miss_probability: 1e-3}\n",
    ),
}
QUESTIONS = (
    MatchRate(datasets=("exposures", "sales")),
    MatchRate(datasets=("exposures", "panel"), by=("city",)),
    MatchRate(datasets=("exposures", "sales"), by=("channel",)),
    MatchRate(datasets=("exposures", "panel"), by=("age",)),
    SegmentSize(datasets=("panel",), by=("income",)),
    SegmentSize(datasets=("exposures", "sales"), by=("city",)),
    SalesLift(exposures="exposures", sales="sales", outcome="amount"),
)


def _documents():
    """The base, each edit of it, and each pair of edits."""
    texts = {BASE}
    for (old, new), (other, newer) in product(EDITS.values(), repeat=2):
        assert old in BASE
        once = BASE.replace(old, new)
        texts |= {once, once.replace(other, newer) if other != old else once}
    return sorted(texts)


DOCUMENTS = _documents()


@cache
def _policy(document):
    return parse_policy(document.encode(), f"{COLLABORATION}.yaml")


@cache
def _allowed(document, asker, question):
    """Return (least people, largest loss of each ledger) of a question that is allowed, or None."""
    try:
        found = decide(_policy(document), asker=asker, question=question, now_s=NOON)
    except QuestionRefused:
        return None
    return found.minimum.people, {t.ledger: (t.per_question, t.epsilon) for t in found.ledgers}


def _concerned(question):
    owners = {"exposures": "acme-brand", "sales": "megamart", "panel": "fiscal-data"}
    return {owners[name] for name in question.datasets}


class Machine(RuleBasedStateMachine):
    """Parties propose and accept at random; `words` is what each gave its word to that ruled."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.words, self.given, self.taken = {}, set(), []

    def opened(self):
        raise NotImplementedError

    def reopened(self):
        """Come back after the process was killed."""

    @initialize(others=st.lists(st.sampled_from(DOCUMENTS), min_size=2, max_size=4, unique=True))
    def first(self, others):
        """All agree on the base; few others come up, so that some come up again."""
        self.documents = [BASE, *others]
        self.room = Room.open(Path(self.folder.name), BASE, accept=False, in_memory=True)
        self.service = replace(self.room.service, store=self.opened())
        self._propose(OFFICER, BASE)
        for name in PARTIES:
            self._accepts(name)
        assert self._in_force() == BASE

    def teardown(self):
        self.folder.cleanup()

    @rule(number=st.integers(0, 4), by=st.sampled_from((*PARTIES, "")), names=SOME)
    def a_proposal_and_who_accepts_it(self, number, by, names):
        document = self.documents[number % len(self.documents)]
        self._propose(party(by) if by else OFFICER, document)
        for name in names:
            self._accepts(name)

    @rule(names=SOME)
    def more_accept(self, names):
        for name in names:
            self._accepts(name)

    @rule()
    def the_service_is_killed(self):
        before = self._state()
        self.reopened()
        assert self._state() == before

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def an_old_step_is_played_again(self, data):
        name, digest, signed = data.draw(st.sampled_from(self.taken))
        before = self._state()
        with suppress(PolicyStepConflict, PolicyDigestMismatch):
            self._accept(name, digest, signed, is_new=False)
        assert self._state() == before

    @invariant()
    def nothing_is_allowed_that_a_word_given_refuses(self):
        in_force = self._in_force()
        for question in QUESTIONS if in_force else ():
            for asker in PARTIES:
                now = _allowed(in_force, asker, question)
                for name in _concerned(question) if now else ():
                    self._check(now, _allowed(self.words[name], asker, question))

    @invariant()
    def the_history_holds_together(self):
        if not hasattr(self, "service"):
            return
        steps = self.service.store.read(lambda tx: tx.collaborations.steps(COLLABORATION, 1, 999))
        verify_chain([s.step for s in steps])
        assert [s.digest for s in steps] == [s.step.digest for s in steps]

    def _accepts(self, name):
        latest = self._latest()
        signed = signing.signed_step(
            self.service, party(name), StepKind.ACCEPT, COLLABORATION, latest.digest
        )
        self._accept(name, latest.digest, signed)
        self.given.add(name)
        self._look()

    @staticmethod
    def _check(now, agreed):
        assert agreed is not None
        (people, terms), (least, limits) = now, agreed
        assert people >= least
        for ledger in terms.keys() & limits.keys():
            assert all(a <= b for a, b in zip(terms[ledger], limits[ledger], strict=True))

    def _propose(self, actor, document):
        latest = self._latest()
        if latest is not None and latest.document.decode() == document:
            return
        signing.propose(self.service, actor, document)
        self.given = {actor.acts_for} - {""}
        self._look()

    def _accept(self, name, digest, signed: Step, *, is_new=True):
        try:
            collaborate.accept(
                self.service,
                party(name),
                collaboration=COLLABORATION,
                digest=digest,
                announcement=b"",
                signed=signed,
            )
        finally:
            if is_new:
                self.taken.append((name, digest, signed))

    def _look(self):
        """Note whose word the policy in force has, if it is the one in question."""
        in_force, latest = self._in_force(), self._latest()
        if in_force is not None and in_force == latest.document.decode():
            self.words |= dict.fromkeys(self.given, in_force)

    def _latest(self):
        return self.service.store.read(lambda tx: tx.collaborations.latest(COLLABORATION))

    def _in_force(self):
        if not hasattr(self, "service"):
            return None
        found = self.service.store.read(lambda tx: tx.collaborations.in_force(COLLABORATION))
        return found and found.document.decode()

    def _state(self):
        latest = self._latest()
        return self.service.store.read(
            lambda tx: (
                tx.collaborations.in_force(COLLABORATION),
                latest,
                tx.collaborations.acceptances(COLLABORATION, latest.digest),
                tx.collaborations.steps(COLLABORATION, 1, 999),
                tx.log.size(),
            )
        )


class InMemory(Machine):
    """On the store that shares no code with the durable one."""

    def opened(self):
        return MemoryStore()


class OnDisk(Machine):
    """On SQLite, closed and opened again for a restart."""

    def opened(self):
        return SqlStore(Path(self.folder.name) / "steps.sqlite")

    def reopened(self):
        self.service.store.close()
        self.service = replace(self.service, store=self.opened())

    def teardown(self):
        self.service.store.close()
        super().teardown()


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(stateful_step_count=12)
TestOnDisk = OnDisk.TestCase
TestOnDisk.settings = settings(stateful_step_count=6, max_examples=10)

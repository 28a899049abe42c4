"""A second implementation of Store that shares no code with the durable one.

A transaction works on copies, swapped in when it ends. Promises are those of cleanroom.storage.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from cleanroom.audit.payload import Payload
from cleanroom.audit.step import StepKind
from cleanroom.model.errors import BudgetExhausted, FieldInvalid
from cleanroom.model.names import DatasetName, LedgerName
from cleanroom.ports.records import (
    Acceptance,
    Balance,
    Debit,
    Envelope,
    PolicyStep,
    Proposal,
    QuestionState,
    RelayTask,
    RequestRecord,
    StoredQuestion,
    TaskState,
    Upload,
    UploadState,
    Version,
    Withdrawal,
)
from cleanroom.ports.store import Transaction
from cleanroom.storage.errors import StoreMisused
from support.memory_log import MemoryLog
from support.memory_withdrawals import MemoryWithdrawals

T = TypeVar("T")


@dataclass
class State:
    """Everything kept; dicts remember the order of adding."""

    proposals: dict[tuple[str, str], Proposal] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)
    in_force: dict[str, str] = field(default_factory=dict)
    acceptances: dict[tuple[str, str, str], Acceptance] = field(default_factory=dict)
    steps: dict[tuple[str, int], PolicyStep] = field(default_factory=dict)
    envelopes: dict[tuple[str, str, str], Envelope] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    tasks: dict[str, RelayTask] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    ledgers: dict[LedgerName, Balance] = field(default_factory=dict)
    debits: dict[tuple[str, LedgerName], Debit] = field(default_factory=dict)
    questions: dict[str, StoredQuestion] = field(default_factory=dict)
    requests: dict[tuple[str, str], RequestRecord] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    payloads: dict[tuple[int, str], Payload] = field(default_factory=dict)
    withdrawals: dict[tuple[str, str], Withdrawal] = field(default_factory=dict)
    marks: dict[tuple[DatasetName, bytes], int] = field(default_factory=dict)
    people: dict[tuple[str, int], int] = field(default_factory=dict)

    def copy(self) -> State:
        return State(**{f.name: getattr(self, f.name).copy() for f in fields(self)})

    def check(self) -> None:
        """What the database's foreign keys hold when a transaction ends."""
        for collaboration, digest, _ in self.acceptances:
            _must((collaboration, digest) in self.proposals, "an acceptance of no proposal")
        for step in self.steps.values():
            _must((step.collaboration, step.policy_digest) in self.proposals, "a step of nothing")
        for task in self.tasks.values():
            _must(task.upload in self.uploads, "a relay task of no upload")
        for version, _ in self.people:
            _must(version in self.versions, "people of no version")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise StoreMisused(what)


def _add(rows: dict[Any, Any], key: Any, row: Any) -> None:
    _must(key not in rows, "a duplicate")
    rows[key] = row


class _Part:
    def __init__(self, state: State) -> None:
        self.s = state


class MemoryCollaborations(_Part):
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.s.latest))

    def add_proposal(self, proposal: Proposal) -> None:
        self.s.proposals.setdefault((proposal.collaboration, proposal.digest), proposal)
        self.s.latest[proposal.collaboration] = proposal.digest

    def latest(self, collaboration: str) -> Proposal | None:
        return self.proposal(collaboration, self.s.latest.get(collaboration, ""))

    def in_force(self, collaboration: str) -> Proposal | None:
        return self.proposal(collaboration, self.s.in_force.get(collaboration, ""))

    def proposal(self, collaboration: str, digest: str) -> Proposal | None:
        return self.s.proposals.get((collaboration, digest))

    def put_in_force(self, collaboration: str, digest: str) -> None:
        _must((collaboration, digest) in self.s.proposals, "no such proposal")
        self.s.in_force[collaboration] = digest

    def accept(self, acceptance: Acceptance) -> None:
        key = (acceptance.collaboration, acceptance.digest, acceptance.party)
        known = self.s.acceptances.get(key, acceptance)
        self.s.acceptances[key] = replace(known, announcement=acceptance.announcement)

    def withdraw_acceptances(self, collaboration: str, digest: str) -> None:
        kept = {k: a for k, a in self.s.acceptances.items() if k[:2] != (collaboration, digest)}
        self.s.acceptances = kept

    def acceptances(self, collaboration: str, digest: str) -> tuple[Acceptance, ...]:
        rows = sorted(self.s.acceptances.items())
        return tuple(row for key, row in rows if key[:2] == (collaboration, digest))

    def add_step(self, step: PolicyStep) -> None:
        known = [key for key in self.s.steps if key[0] == step.collaboration]
        _must(step.position == len(known) + 1, "a step out of turn")
        _add(self.s.steps, (step.collaboration, step.position), step)

    def last_step(self, collaboration: str, kind: StepKind | None = None) -> PolicyStep | None:
        rows = [s for s in self.s.steps.values() if s.collaboration == collaboration]
        return next((s for s in reversed(rows) if kind in {None, s.kind}), None)

    def step(self, collaboration: str, position: int) -> PolicyStep | None:
        return self.s.steps.get((collaboration, position))

    def steps(self, collaboration: str, start: int, count: int) -> tuple[PolicyStep, ...]:
        rows = (self.step(collaboration, i) for i in range(start, start + count))
        return tuple(row for row in rows if row is not None)

    def put_envelope(self, envelope: Envelope) -> None:
        key = (envelope.collaboration, envelope.recipient, envelope.sender)
        self.s.envelopes[key] = envelope

    def envelopes(self, collaboration: str, recipient: str) -> tuple[Envelope, ...]:
        rows = sorted(self.s.envelopes.items())
        return tuple(row for key, row in rows if key[:2] == (collaboration, recipient))


class MemoryUploads(_Part):
    def add(self, upload: Upload) -> None:
        _must(self.by_request(upload.owner, upload.request_id) is None, "a duplicate")
        _add(self.s.uploads, upload.id, upload)

    def get(self, upload: str) -> Upload | None:
        return self.s.uploads.get(upload)

    def by_request(self, owner: str, request_id: str) -> Upload | None:
        rows = self.s.uploads.values()
        return next((u for u in rows if (u.owner, u.request_id) == (owner, request_id)), None)

    def of_dataset(self, dataset: DatasetName) -> tuple[Upload, ...]:
        return tuple(u for u in self.s.uploads.values() if u.dataset == dataset)

    def unfinished(self) -> tuple[Upload, ...]:
        states = {UploadState.OPEN, UploadState.COMPLETE}
        return tuple(u for u in self.s.uploads.values() if u.state in states)

    def replace(self, upload: Upload) -> None:
        _must(upload.id in self.s.uploads, "no such upload")
        self.s.uploads[upload.id] = replace(
            self.s.uploads[upload.id], state=upload.state, chunks=upload.chunks, rows=upload.rows
        )


class MemoryRelay(_Part):
    def add(self, task: RelayTask) -> None:
        _add(self.s.tasks, task.id, task)

    def get(self, task: str) -> RelayTask | None:
        return self.s.tasks.get(task)

    def of_upload(self, upload: str) -> tuple[RelayTask, ...]:
        rows = (t for t in self.s.tasks.values() if t.upload == upload)
        return tuple(sorted(rows, key=lambda t: (t.key_type.value, t.position, t.shard)))

    def ready_for(self, party: str) -> tuple[RelayTask, ...]:
        rows = self.s.tasks.values()
        return tuple(t for t in rows if t.party == party and t.state is TaskState.READY)

    def unfinished(self, collaboration: str) -> tuple[RelayTask, ...]:
        states = {TaskState.WAITING, TaskState.READY}
        rows = (t for t in self.s.tasks.values() if t.state in states)
        return tuple(t for t in rows if t.collaboration == collaboration)

    def replace(self, task: RelayTask) -> None:
        _must(task.id in self.s.tasks, "no such task")
        self.s.tasks[task.id] = replace(
            self.s.tasks[task.id],
            state=task.state,
            size=task.size,
            returned=task.returned,
            lease=task.lease,
            leased_until_s=task.leased_until_s,
        )


class MemoryVersions(_Part):
    def add(self, version: Version) -> None:
        _add(self.s.versions, version.id, version)

    def get(self, version: str) -> Version | None:
        return self.s.versions.get(version)

    def latest(self, dataset: DatasetName) -> Version | None:
        rows = [v for v in self.of_dataset(dataset) if v.erased_at_s is None]
        return rows[-1] if rows else None

    def of_dataset(self, dataset: DatasetName) -> tuple[Version, ...]:
        return tuple(v for v in self.s.versions.values() if v.dataset == dataset)

    def all(self) -> tuple[Version, ...]:
        return tuple(self.s.versions.values())

    def erase(self, version: str, at_s: int) -> None:
        known = self.s.versions.get(version)
        if known is None:
            raise StoreMisused("no such version")
        if known.erased_at_s is None:
            self.s.versions[version] = replace(known, erased_at_s=at_s)


class MemoryLedgers(_Part):
    def open(self, ledger: LedgerName, budget: int) -> None:
        if not 0 <= budget < 2**63:
            raise FieldInvalid(field="budget", expected="0 to 2^63 - 1 nano-rho")
        known = self.s.ledgers.get(ledger)
        spent = known.spent if known else 0
        self.s.ledgers[ledger] = Balance(ledger=ledger, budget=max(budget, spent), spent=spent)

    def balance(self, ledger: LedgerName) -> Balance | None:
        return self.s.ledgers.get(ledger)

    def of_owner(self, owner: str) -> tuple[Balance, ...]:
        return tuple(b for b in self.all() if b.ledger.owner == owner)

    def all(self) -> tuple[Balance, ...]:
        return tuple(self.s.ledgers[name] for name in sorted(self.s.ledgers))

    def debit(self, debit: Debit, question: str) -> Balance:
        if debit.nano_rho <= 0:
            raise FieldInvalid(field="loss", expected="more than zero")
        _must(debit.ledger in self.s.ledgers, "no such ledger")
        before = self.s.ledgers[debit.ledger]
        if debit.nano_rho > before.remaining:
            raise BudgetExhausted(ledger=str(debit.ledger), owner=debit.ledger.owner)
        _add(self.s.debits, (question, debit.ledger), debit)
        after = replace(before, spent=before.spent + debit.nano_rho)
        self.s.ledgers[debit.ledger] = after
        return after

    def debits_of(self, question: str) -> tuple[Debit, ...]:
        rows = [d for (digest, _), d in self.s.debits.items() if digest == question]
        return tuple(sorted(rows, key=lambda d: d.ledger))


class MemoryQuestions(_Part):
    def request(self, party: str, request_id: str) -> RequestRecord | None:
        return self.s.requests.get((party, request_id))

    def bind(self, record: RequestRecord) -> None:
        _add(self.s.requests, (record.party, record.request_id), record)

    def requests_of(self, party: str, collaboration: str) -> tuple[RequestRecord, ...]:
        rows = (r for r in self.s.requests.values() if r.party == party)
        asked = {q.digest for q in self.s.questions.values() if q.collaboration == collaboration}
        return tuple(r for r in rows if r.question in asked)

    def asked(self, collaboration: str, asker: str, after_s: int) -> tuple[tuple[int, bytes], ...]:
        found = [
            (q.reserved_at_s, q.canonical)
            for q in self.all()
            if (q.collaboration, q.asker) == (collaboration, asker) and q.reserved_at_s > after_s
        ]
        return tuple(sorted(found, key=lambda pair: pair[0]))

    def reserve(self, question: StoredQuestion) -> None:
        _must(question.state is QuestionState.RESERVED, "not a reservation")
        _must(question.measurement is None, "not a reservation")
        _add(self.s.questions, question.digest, question)

    def get(self, digest: str) -> StoredQuestion | None:
        return self.s.questions.get(digest)

    def release(self, digest: str, measurement: bytes, entry: int) -> None:
        known = self._reserved(digest)
        self.s.questions[digest] = replace(
            known, state=QuestionState.RELEASED, measurement=measurement, released_entry=entry
        )

    def fail(self, digest: str, entry: int) -> None:
        known = self._reserved(digest)
        self.s.questions[digest] = replace(known, state=QuestionState.FAILED, released_entry=entry)

    def erase(self, digest: str) -> None:
        known = self.s.questions.get(digest)
        if known is None or known.state is not QuestionState.RELEASED:
            raise StoreMisused("not released")
        self.s.questions[digest] = replace(known, state=QuestionState.ERASED, measurement=None)

    def reserved(self) -> tuple[StoredQuestion, ...]:
        return tuple(q for q in self.all() if q.state is QuestionState.RESERVED)

    def all(self) -> tuple[StoredQuestion, ...]:
        return tuple(self.s.questions.values())

    def _reserved(self, digest: str) -> StoredQuestion:
        known = self.s.questions.get(digest)
        if known is None or known.state is not QuestionState.RESERVED:
            raise StoreMisused("not reserved")
        return known


class MemoryTransaction:
    def __init__(self, state: State) -> None:
        self.collaborations = MemoryCollaborations(state)
        self.uploads = MemoryUploads(state)
        self.relay = MemoryRelay(state)
        self.versions = MemoryVersions(state)
        self.withdrawals = MemoryWithdrawals(state)
        self.ledgers = MemoryLedgers(state)
        self.questions = MemoryQuestions(state)
        self.log = MemoryLog(state)


class MemoryStore:
    """The `Store` port; one transaction at a time."""

    def __init__(self) -> None:
        self.state = State()
        self._lock, self._writing = threading.RLock(), False

    def transact(self, work: Callable[[Transaction], T]) -> T:
        with self._lock:
            _must(not self._writing, "a transaction inside another one")
            self._writing, copy = True, self.state.copy()
            try:
                result = work(MemoryTransaction(copy))
            finally:
                self._writing = False
            copy.check()
            self.state = copy
            return result

    def read(self, work: Callable[[Transaction], T]) -> T:
        with self._lock:
            _must(not self._writing, "a read inside a transaction")
            copy = self.state.copy()
            result = work(MemoryTransaction(copy))
            _must(copy == self.state, "a write was tried in a read")
            return result

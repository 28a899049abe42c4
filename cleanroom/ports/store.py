"""The durable store as one unit of work; must not know SQL.

Everything that must be true together is written by one `transact` call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from cleanroom.audit.payload import Erasable, Payload
from cleanroom.audit.step import StepKind
from cleanroom.model.names import DatasetName, LedgerName
from cleanroom.ports.records import (
    Acceptance,
    Balance,
    Debit,
    Envelope,
    PolicyStep,
    Proposal,
    RelayTask,
    RequestRecord,
    StoredQuestion,
    Upload,
    Version,
    Withdrawal,
)

T = TypeVar("T")


class Collaborations(Protocol):
    """Proposed policies, acceptances, and which proposal is in force."""

    def names(self) -> tuple[str, ...]:
        """Return all collaborations ever proposed, sorted."""

    def add_proposal(self, proposal: Proposal) -> None:
        """Keep the proposal and make it the latest; the same digest again becomes latest."""

    def latest(self, collaboration: str) -> Proposal | None:
        """Return the proposal made last."""

    def in_force(self, collaboration: str) -> Proposal | None:
        """Return the proposal in force."""

    def proposal(self, collaboration: str, digest: str) -> Proposal | None:
        """Return one proposal, whatever its state."""

    def put_in_force(self, collaboration: str, digest: str) -> None:
        """Make a kept proposal the one in force."""

    def accept(self, acceptance: Acceptance) -> None:
        """Record an acceptance; the same party and digest again replaces the announcement."""

    def withdraw_acceptances(self, collaboration: str, digest: str) -> None:
        """Forget every acceptance of one digest; the log keeps that they were given."""

    def acceptances(self, collaboration: str, digest: str) -> tuple[Acceptance, ...]:
        """Return acceptances of one digest, by party name."""

    def add_step(self, step: PolicyStep) -> None:
        """Keep a step; its position is the one behind the last of its collaboration."""

    def last_step(self, collaboration: str, kind: StepKind | None = None) -> PolicyStep | None:
        """Return the step taken last, of one kind if it is named."""

    def step(self, collaboration: str, position: int) -> PolicyStep | None:
        """Return one step."""

    def steps(self, collaboration: str, start: int, count: int) -> tuple[PolicyStep, ...]:
        """Return up to `count` steps from position `start` on, in order."""

    def put_envelope(self, envelope: Envelope) -> None:
        """Keep a wrapped key; replaces an earlier one of the same sender and recipient."""

    def envelopes(self, collaboration: str, recipient: str) -> tuple[Envelope, ...]:
        """Return the wrapped keys for a recipient, by sender."""


class Uploads(Protocol):
    """Uploads in progress; the chunks themselves are in the vault."""

    def add(self, upload: Upload) -> None:
        """Keep a new upload; its id and (owner, request id) are new."""

    def get(self, upload: str) -> Upload | None:
        """Return an upload by id."""

    def by_request(self, owner: str, request_id: str) -> Upload | None:
        """Return the upload an owner began under a request id."""

    def of_dataset(self, dataset: DatasetName) -> tuple[Upload, ...]:
        """Return all uploads of a dataset, oldest first."""

    def unfinished(self) -> tuple[Upload, ...]:
        """Return the OPEN and COMPLETE uploads of every dataset, oldest first."""

    def replace(self, upload: Upload) -> None:
        """Store the changed state or counters of a known upload."""


class Relay(Protocol):
    """Relay tasks; elements are in the vault."""

    def add(self, task: RelayTask) -> None:
        """Keep a new task."""

    def get(self, task: str) -> RelayTask | None:
        """Return a task by id."""

    def of_upload(self, upload: str) -> tuple[RelayTask, ...]:
        """Return the tasks of an upload by (key type, position, shard)."""

    def ready_for(self, party: str) -> tuple[RelayTask, ...]:
        """Return the READY tasks of a party in the order they were added."""

    def unfinished(self, collaboration: str) -> tuple[RelayTask, ...]:
        """Return the WAITING and READY tasks of a collaboration in the order they were added."""

    def replace(self, task: RelayTask) -> None:
        """Store the changed state, counters or lease of a known task."""


class Versions(Protocol):
    """Metadata of sealed versions; the tables are in the vault."""

    def add(self, version: Version) -> None:
        """Keep a new version."""

    def get(self, version: str) -> Version | None:
        """Return a version by id, erased ones too."""

    def latest(self, dataset: DatasetName) -> Version | None:
        """Return the version sealed last that is not erased."""

    def of_dataset(self, dataset: DatasetName) -> tuple[Version, ...]:
        """Return all versions, oldest first."""

    def all(self) -> tuple[Version, ...]:
        """Return every version of every dataset, oldest first."""

    def erase(self, version: str, at_s: int) -> None:
        """Mark a version erased."""


class Withdrawals(Protocol):
    """What owners withdrew: marks that outlive versions, and people of versions by number."""

    def add(self, withdrawal: Withdrawal) -> None:
        """Keep a new withdrawal; its (owner, request id) is new."""

    def by_request(self, owner: str, request_id: str) -> Withdrawal | None:
        """Return the withdrawal an owner made under a request id."""

    def of_dataset(self, dataset: DatasetName) -> tuple[Withdrawal, ...]:
        """Return all withdrawals of a dataset, oldest first."""

    def mark(self, dataset: DatasetName, marks: Iterable[bytes], at_s: int) -> None:
        """Keep marks with a time, in the place of an earlier time of the same mark."""

    def marks(self, dataset: DatasetName) -> Mapping[bytes, int]:
        """Return every mark of a dataset and its time."""

    def put_people(self, version: str, people: Mapping[int, int]) -> None:
        """Keep people of a version and when each withdrew; who has a time keeps it."""

    def people(self, version: str) -> Mapping[int, int]:
        """Return the people of a version who withdrew, and when."""

    def forget_people(self, version: str) -> None:
        """Delete what `people` returns."""


class Ledgers(Protocol):
    """Privacy ledgers in exact integers (nano-rho). Nothing is ever refunded."""

    def open(self, ledger: LedgerName, budget: int) -> None:
        """Open a ledger, or set the budget of an open one; what was spent stays spent."""

    def balance(self, ledger: LedgerName) -> Balance | None:
        """Return a ledger's balance."""

    def of_owner(self, owner: str) -> tuple[Balance, ...]:
        """Return the balances of an owner by pool."""

    def all(self) -> tuple[Balance, ...]:
        """Return every balance by ledger name."""

    def debit(self, debit: Debit, question: str) -> Balance:
        """Debit for a question digest and return the balance after.

        Raises BudgetExhausted when the cost exceeds what remains, FieldInvalid when the cost is
        not positive; in both cases the transaction must be left by the error.
        """

    def debits_of(self, question: str) -> tuple[Debit, ...]:
        """Return what was debited for a question, by ledger name."""


class Questions(Protocol):
    """Questions by digest and the request ids that asked them."""

    def request(self, party: str, request_id: str) -> RequestRecord | None:
        """Return what a request id was bound to."""

    def bind(self, record: RequestRecord) -> None:
        """Bind a new request id."""

    def requests_of(self, party: str, collaboration: str) -> tuple[RequestRecord, ...]:
        """Return a party's requests in a collaboration, oldest first."""

    def asked(self, collaboration: str, asker: str, after_s: int) -> tuple[tuple[int, bytes], ...]:
        """Return (when, canonical bytes) of what a party reserved after `after_s`, oldest first.

        Whatever became of a question, it counts; a question asked before it by another does not.
        """

    def reserve(self, question: StoredQuestion) -> None:
        """Keep a new RESERVED question."""

    def get(self, digest: str) -> StoredQuestion | None:
        """Return a question by digest."""

    def release(self, digest: str, measurement: bytes, entry: int) -> None:
        """Turn a RESERVED question into a RELEASED one; anything else is a programming error."""

    def fail(self, digest: str, entry: int) -> None:
        """Turn a RESERVED question into a FAILED one."""

    def erase(self, digest: str) -> None:
        """Turn a RELEASED question into an ERASED one, without its measurement."""

    def reserved(self) -> tuple[StoredQuestion, ...]:
        """Return the questions that a restart must resume, oldest first."""

    def all(self) -> tuple[StoredQuestion, ...]:
        """Return every question, oldest first (for fsck)."""


class Log(Protocol):
    """The append-only log with its tree; one leaf for each entry."""

    def append(self, entry: bytes, payloads: Sequence[Erasable] = ()) -> int:
        """Append one encoded entry and its tree nodes; return its index.

        Payloads that it commits to are kept beside it.
        """

    def size(self) -> int:
        """Return the number of entries."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree (RFC 6962); level 0 is the leaf hash."""

    def nodes(self, level: int, start: int, end: int) -> Mapping[int, bytes]:
        """Return the hashes of a level from `start` to before `end`, by index, those there are."""

    def entry(self, index: int) -> bytes | None:
        """Return one entry's bytes."""

    def entries(self, start: int, count: int) -> tuple[bytes, ...]:
        """Return up to `count` entries from `start`, in order."""

    def payloads(self, start: int, end: int) -> tuple[Payload, ...]:
        """Return what is kept beside entries `start` to before `end`, by entry and name."""

    def erase_payloads(self, index: int) -> int:
        """Erase what is kept beside an entry, with its salts; return how many there were."""


class Transaction(Protocol):
    """One serializable unit of work over everything the store keeps."""

    @property
    def collaborations(self) -> Collaborations: ...  # noqa: D102 - the Protocol is the promise
    @property
    def uploads(self) -> Uploads: ...  # noqa: D102
    @property
    def relay(self) -> Relay: ...  # noqa: D102
    @property
    def versions(self) -> Versions: ...  # noqa: D102
    @property
    def withdrawals(self) -> Withdrawals: ...  # noqa: D102
    @property
    def ledgers(self) -> Ledgers: ...  # noqa: D102
    @property
    def questions(self) -> Questions: ...  # noqa: D102
    @property
    def log(self) -> Log: ...  # noqa: D102


class Store(Protocol):
    """A durable store for one service process or several.

    `transact` runs `work` in a serializable transaction. When it returns, everything `work` did
    is durable (survives a kill and a power cut); when `work` raises, nothing of it happened.
    `work` may be run again after a serialization failure, so it must have no other effect.
    Any number of threads may call at once.
    """

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a writing transaction."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on one consistent snapshot; `work` must not write."""

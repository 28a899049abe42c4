"""What the store keeps, as values; must not know tables or files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cleanroom.audit.step import Step, StepKind
from cleanroom.model.dataset import KeyType
from cleanroom.model.names import DatasetName, LedgerName


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A policy document put before the parties; `digest` is the SHA-256 of its bytes, in hex."""

    collaboration: str
    digest: str
    document: bytes
    proposed_by: str
    proposed_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A party's acceptance of one digest; `announcement` carries its signed HPKE public key."""

    collaboration: str
    digest: str
    party: str
    accepted_at_s: int
    announcement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep:
    """One step of a collaboration's history as it was signed; see cleanroom.audit.step.

    `kind`, `policy_digest` and `party` repeat what the statement says. `taken_at_s` is when the
    service took it; `put_in_force` whether the policy came into force by it.
    """

    collaboration: str
    position: int
    digest: str
    kind: StepKind
    policy_digest: str
    party: str
    step: Step
    taken_at_s: int
    put_in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The shared hmac key wrapped by `sender` for `recipient`; opaque to the service."""

    collaboration: str
    sender: str
    recipient: str
    ciphertext: bytes


class UploadState(StrEnum):
    """OPEN takes chunks, COMPLETE is relayed, SEALED became a version, ABANDONED was replaced."""

    OPEN = "open"
    COMPLETE = "complete"
    SEALED = "sealed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload; `chunks` are received and durable, numbered 0..chunks-1."""

    id: str
    dataset: DatasetName
    owner: str
    policy_digest: str
    request_id: str
    state: UploadState
    chunks: int
    rows: int
    created_at_s: int


class TaskState(StrEnum):
    """WAITING for earlier parties, READY for its party, DONE, or FAILED by misbehaviour."""

    WAITING = "waiting"
    READY = "ready"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTask:
    """One pass of one shard of a key type of one upload through one party.

    `position` orders the parties of a pass. `size` counts the elements streamed (padding and
    planted points included); `returned` counts the evaluated chunks that are durable. `lease` names the
    agent that works on it until `leased_until_s`; "" is nobody.
    """

    id: str
    upload: str
    collaboration: str
    key_type: KeyType
    party: str
    position: int
    state: TaskState
    size: int
    returned: int
    shard: int = 0
    shards: int = 1
    lease: str = ""
    leased_until_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A sealed, immutable version. `file_digest` covers the encrypted bytes, `content_digest` the
    plain content (told to the owner only); both hex SHA-256. Counts are told to the owner only.
    `predecessor` is the version it was compacted from; `sealed_at_s` is then that one's.
    """

    id: str
    dataset: DatasetName
    owner: str
    upload: str
    policy_digest: str
    file_digest: str
    content_digest: str
    persons: int
    events: int
    sealed_at_s: int
    erased_at_s: int | None = None
    predecessor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """References that an owner withdrew at once: `given`, of which `known` stood in a version.

    `known` is told to the owner only. `fingerprint` is the hex digest of what was asked for.
    """

    dataset: DatasetName
    owner: str
    request_id: str
    fingerprint: str
    given: int
    known: int
    at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A ledger in nano-rho; `spent` never exceeds `budget`."""

    ledger: LedgerName
    budget: int
    spent: int

    @property
    def remaining(self) -> int:
        """What can still be debited."""
        return self.budget - self.spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """One debit of a ledger for a question, in nano-rho."""

    ledger: LedgerName
    nano_rho: int


class QuestionState(StrEnum):
    """RESERVED is debited and to be computed; RELEASED is stored; FAILED lost its data.

    ERASED was released, and its measurement is kept no longer.
    """

    RESERVED = "reserved"
    RELEASED = "released"
    FAILED = "failed"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredQuestion:
    """A question under its digest: what was debited for it and, once released, the answer.

    `canonical` is the canonical JSON of everything the question means (question, loss, policy
    digest, versions, epoch), from which a restart computes it again. Entries are log indices.
    """

    digest: str
    collaboration: str
    asker: str
    canonical: bytes
    state: QuestionState
    debits: tuple[Debit, ...]
    reserved_entry: int
    reserved_at_s: int
    released_entry: int | None = None
    measurement: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """A caller's request id bound to what it asked (`fingerprint`) and to the question's digest."""

    party: str
    request_id: str
    fingerprint: str
    question: str
    requested_at_s: int

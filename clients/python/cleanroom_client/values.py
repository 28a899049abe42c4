"""Answers of the service about budgets, uploads, versions and requests, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from cleanroom.v1 import analysis_pb2, dataset_pb2, ledger_pb2
from cleanroom_client.tables.report import UploadReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A ledger of the caller's people, in 1e-9 of rho and, rounded up, as epsilon at `delta`."""

    ledger: str
    budget_nano_rho: int
    spent_nano_rho: int
    spent_epsilon: str
    budget_epsilon: str
    delta: str

    @property
    def remaining_nano_rho(self) -> int:
        """What can still be debited."""
        return self.budget_nano_rho - self.spent_nano_rho

    @classmethod
    def from_proto(cls, balance: ledger_pb2.LedgerBalance) -> Self:
        """Return the balance of an answer."""
        return cls(
            ledger=balance.ledger,
            budget_nano_rho=balance.budget_nano_rho,
            spent_nano_rho=balance.spent_nano_rho,
            spent_epsilon=balance.spent_epsilon,
            budget_epsilon=balance.budget_epsilon,
            delta=balance.delta,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, what remains included."""
        return asdict(self) | {"remaining_nano_rho": self.remaining_nano_rho}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus:
    """An upload as the service has it; `waiting_for` are parties that have yet to blind it."""

    id: str
    state: str
    chunks: int
    rows: int
    policy_digest: str
    waiting_for: tuple[str, ...]

    @classmethod
    def from_proto(cls, upload: dataset_pb2.Upload) -> Self:
        """Return the status of an answer."""
        return cls(
            id=upload.id,
            state=upload.state,
            chunks=upload.next_chunk,
            rows=upload.rows,
            policy_digest=upload.policy_digest,
            waiting_for=tuple(upload.waiting_for),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """What an upload came to; without a report when the service had all of it already."""

    upload: UploadStatus
    report: UploadReport | None

    @property
    def was_there(self) -> bool:
        """Whether nothing had to be sent."""
        return self.report is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A sealed version with its exact counts, which only its owner is told; times in unix s."""

    id: str
    policy_digest: str
    file_digest: str
    content_digest: str
    persons: int
    events: int
    sealed_at_s: int
    erased_at_s: int | None

    @classmethod
    def from_proto(cls, version: dataset_pb2.Version) -> Self:
        """Return the version of an answer."""
        return cls(
            id=version.id,
            policy_digest=version.policy_digest,
            file_digest=version.file_digest,
            content_digest=version.content_digest,
            persons=version.persons,
            events=version.events,
            sealed_at_s=version.sealed_at_s,
            erased_at_s=version.erased_at_s or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStatus:
    """A dataset's uploads and versions, oldest first."""

    dataset: str
    uploads: tuple[UploadStatus, ...]
    versions: tuple[Version, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSummary:
    """One of the caller's requests."""

    request_id: str
    family: str
    state: str
    requested_at_s: int

    @classmethod
    def from_proto(cls, summary: analysis_pb2.AnalysisSummary) -> Self:
        """Return the summary of an answer."""
        return cls(
            request_id=summary.request_id,
            family=summary.family,
            state=summary.state,
            requested_at_s=summary.requested_at_s,
        )

"""What verification refuses, named for what failed; must not know who verifies or why.

Each class carries its facts as fields and its text is one sentence that says which check failed.
They are not frozen because the interpreter writes tracebacks into exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(kw_only=True, eq=False)
class AuditError(Exception):
    """Base of every error of this package."""

    sentence: ClassVar[str] = "{why}"
    why: str

    def __str__(self) -> str:
        """Return one sentence naming the failed check."""
        return self.sentence.format(**vars(self))


@dataclass(kw_only=True, eq=False)
class ProofInvalid(AuditError):
    """A proof does not show what it claims, or cannot be made for these sizes."""

    sentence = "the {proof} proof is not valid: {why}"
    proof: str


@dataclass(kw_only=True, eq=False)
class NoteInvalid(AuditError):
    """A signed note, its text, a checkpoint or a verifier key is malformed or not signed."""

    sentence = "the signed note is not valid: {why}"


@dataclass(kw_only=True, eq=False)
class EntryInvalid(AuditError):
    """Bytes or values are not one canonical log entry."""

    sentence = "the log entry is not valid: {why}"


@dataclass(kw_only=True, eq=False)
class CommitmentInvalid(AuditError):
    """A commitment does not open to the payload shown."""

    sentence = "the commitment is not valid: {why}"


@dataclass(kw_only=True, eq=False)
class ReceiptInvalid(AuditError):
    """A receipt fails one numbered step of its verification."""

    sentence = "the receipt is not valid, step {step} ({check}): {why}"
    step: int
    check: str


@dataclass(kw_only=True, eq=False)
class LogInconsistent(AuditError):
    """A log does not match a checkpoint, or one checkpoint does not extend another."""

    sentence = "the log {origin} is not consistent, check of the {check}: {why}"
    origin: str
    check: str


@dataclass(kw_only=True, eq=False)
class StepInvalid(AuditError):
    """A step of agreeing on a policy is malformed, out of place, or not its signer's."""

    sentence = "the policy step is not valid: {why}"


@dataclass(kw_only=True, eq=False)
class ExportInvalid(AuditError):
    """A file of an exported log is missing, surplus or not what the others make it."""

    sentence = "the export is not valid, {path}: {why}"
    path: str


@dataclass(kw_only=True, eq=False)
class WitnessRefused(AuditError):
    """A witness does not cosign; `status` is C2SP tlog-witness's for HTTP.

    `size` is the size of the tree it cosigned last, where the caller only has to catch up.
    """

    sentence = "the witness does not cosign: {why}"
    status: int
    size: int | None = None


@dataclass(kw_only=True, eq=False)
class WitnessUnavailable(AuditError):
    """A witness could not be reached, or did not answer as one."""

    sentence = "the witness {witness} cannot be asked: {why}"
    witness: str

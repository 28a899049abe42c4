"""One signed step of agreeing on a policy as bytes, and the chain that a collaboration's steps make.

Must not know certificates, policies or when a policy comes into force.
A statement names its place in the history and the step before it, so that it can be shown in no
other place, in no other collaboration and never twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cleanroom.audit.encoding import MAX_EXACT_INTEGER
from cleanroom.audit.errors import StepInvalid

NO_STEP: Final = "0" * 64  # what the first step names as the one before it
MAX_STATEMENT_BYTES: Final = 2_048
_STATEMENT_DOMAIN: Final = b"cleanroom/v1 policy step\0"
_DIGEST_DOMAIN: Final = b"cleanroom/v1 policy step digest\0"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LABEL = r"[a-z][a-z0-9-]{0,62}"
_SIGNER = re.compile(
    rf"spiffe://[a-z0-9.-]+/(?:party/({_LABEL})|officer/({_LABEL})/{_LABEL}|[a-z]+/{_LABEL})"
)
_FIELDS: Final = 8


class StepKind(StrEnum):
    """What a step does."""

    PROPOSE = "propose"
    ACCEPT = "accept"


def party_of(signer: str) -> str:
    """Return the party for which an identity acts, "" for one that acts for none.

    `spiffe://domain/party/acme` and `spiffe://domain/officer/acme/jane` act for acme. Raises
    StepInvalid for what is no identity.
    """
    match = _SIGNER.fullmatch(signer)
    if match is None:
        raise StepInvalid(why="its signer is not spiffe://<domain>/<kind>/<name>")
    return match[1] or match[2] or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is signed: `position` counts a collaboration's steps from 1; digests are hex SHA-256.

    `policy_digest` is of the document's bytes, `previous` of the step before (see `Step.digest`).
    `time_s` is what the signer's clock said, in unix seconds. Raises StepInvalid.
    """

    kind: StepKind
    collaboration: str
    policy_digest: str
    position: int
    previous: str
    signer: str
    time_s: int

    def __post_init__(self) -> None:
        """Check every field."""
        if not re.fullmatch(_LABEL, self.collaboration):
            raise StepInvalid(why="its collaboration is not a name")
        if not _DIGEST.fullmatch(self.policy_digest) or not _DIGEST.fullmatch(self.previous):
            raise StepInvalid(why="its digests are not hex SHA-256")
        if not 1 <= self.position <= MAX_EXACT_INTEGER or not 0 <= self.time_s <= MAX_EXACT_INTEGER:
            raise StepInvalid(why="its position or time is out of range")
        if (self.position == 1) != (self.previous == NO_STEP):
            raise StepInvalid(why="only the first step has none before it")
        party_of(self.signer)

    @property
    def party(self) -> str:
        """The party for which the signer acts, "" for none."""
        return party_of(self.signer)

    def encode(self) -> bytes:
        """Return the bytes that are signed: the domain, and each field behind its 4-byte length."""
        return _joined(
            _STATEMENT_DOMAIN,
            self.kind.encode(),
            self.collaboration.encode(),
            bytes.fromhex(self.policy_digest),
            self.position.to_bytes(8),
            bytes.fromhex(self.previous),
            self.signer.encode(),
            self.party.encode(),
            self.time_s.to_bytes(8),
        )

    @classmethod
    def parse(cls, data: bytes) -> Statement:
        """Return the statement of exactly these bytes: the inverse of `encode`.

        Raises StepInvalid, and nothing else, for bytes that `encode` would not have written.
        """
        kind, collaboration, policy, position, previous, signer, party, time_s = _split(data)
        try:
            found = cls(
                kind=StepKind(kind.decode("ascii")),
                collaboration=collaboration.decode("ascii"),
                policy_digest=policy.hex(),
                position=int.from_bytes(position),
                previous=previous.hex(),
                signer=signer.decode("ascii"),
                time_s=int.from_bytes(time_s),
            )
        except ValueError:
            raise StepInvalid(why="its kind or a name is not one of this version") from None
        if found.encode() != data or party.decode("ascii", "replace") != found.party:
            raise StepInvalid(why="it is not in the one form of this version")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A statement's bytes with what shows who made it; both others empty where nobody signed.

    `certificates` is the signer's PEM chain, leaf first.
    """

    statement: bytes
    signature: bytes = field(default=b"", repr=False)
    certificates: bytes = field(default=b"", repr=False)

    @property
    def digest(self) -> str:
        """Hex SHA-256 over domain, statement, signature and certificates, as the next one names it."""
        parts = (self.statement, self.signature, self.certificates)
        return hashlib.sha256(_joined(_DIGEST_DOMAIN, *parts)).hexdigest()

    @property
    def is_signed(self) -> bool:
        """Whether anybody signed it; one without a signature is nobody's word."""
        return bool(self.signature)


def verify_chain(steps: Sequence[Step]) -> tuple[Statement, ...]:
    """Return the statements of a collaboration's whole history once they follow each other.

    1. Each is in the one form of this version.
    2. All are of one collaboration.
    3. Positions count from 1, and each names the digest of the one before.
    4. Only a proposal may be unsigned: nobody accepts without a signature.

    Does not check signatures: see `certificates.verify_signature`. Raises StepInvalid.
    """
    found: list[Statement] = []
    previous = NO_STEP
    for position, step in enumerate(steps, start=1):
        statement = Statement.parse(step.statement)  # 1
        if found and statement.collaboration != found[0].collaboration:  # 2
            raise StepInvalid(why=f"step {position} is of another collaboration than the first")
        if (statement.position, statement.previous) != (position, previous):  # 3
            raise StepInvalid(why=f"step {position} does not follow the one before it")
        if statement.kind is StepKind.ACCEPT and not step.is_signed:  # 4
            raise StepInvalid(why=f"step {position} accepts without a signature")
        found.append(statement)
        previous = step.digest
    return tuple(found)


def _joined(domain: bytes, *parts: bytes) -> bytes:
    """Return the domain and each part behind its 4-byte length: no two lists look the same."""
    return domain + b"".join(len(part).to_bytes(4) + part for part in parts)


def _split(data: bytes) -> list[bytes]:
    if len(data) > MAX_STATEMENT_BYTES or not data.startswith(_STATEMENT_DOMAIN):
        raise StepInvalid(why="it does not begin as a step of this version does, or is too long")
    rest, parts = data[len(_STATEMENT_DOMAIN) :], []
    while rest:
        size = int.from_bytes(rest[:4])
        parts.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    if len(parts) != _FIELDS:
        raise StepInvalid(why="it does not have the fields of this version")
    return parts

"""Statements of parties, and what is wrong with one that is not believed; knows no contents.

Does not check revocation: the service does, on every call that carries a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from cleanroom.audit.certificates import (
    PrivateSigner,
    SignatureFault,
    SignatureRefused,
    sign,
    verify_signature,
)

__all__ = ["Fault", "NotBelieved", "PartySigner", "Trust", "sign", "verify_signed"]

PartySigner = PrivateSigner


class Fault(StrEnum):
    """Why a statement of another party is not believed; the whole list."""

    MALFORMED = "it is not in the form of this version"
    UNTRUSTED = "its certificate does not lead to the given authority, or is out of date"
    WRONG_IDENTITY = "its certificate does not name exactly the expected party"
    UNSUPPORTED_KEY = "its certificate's key is neither EC P-256 nor Ed25519"
    BAD_SIGNATURE = "its signature does not fit"
    OTHER_SUBJECT = "it was made for another collaboration, policy or party"
    NOT_FOR_US = "it cannot be opened with this party's key"


class NotBelieved(ValueError):
    """A statement said to be of `party` fails a check; carries the first fault found."""

    def __init__(self, fault: Fault, party: str) -> None:
        """Keep both."""
        super().__init__(fault, party)
        self.fault = fault
        self.party = party

    def __str__(self) -> str:
        """Return one sentence."""
        return f"a key statement of {self.party} is refused: {self.fault}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a verifier goes by: the authorities, the trust domain, and the time of checking."""

    authorities: tuple[x509.Certificate, ...]
    trust_domain: str
    at: datetime

    def __post_init__(self) -> None:
        """Refuse an empty set of authorities and a time without zone."""
        if not self.authorities or self.at.tzinfo is None:
            raise ValueError("trust needs at least one authority and a time with its zone")


def verify_signed(
    *, message: bytes, signature: bytes, certificates: bytes, party: str, trust: Trust
) -> None:
    """Check that `party` signed `message`; `certificates` is its PEM chain, leaf first.

    See `verify_signature`: the expected name is spiffe://<trust domain>/party/<party>.
    Raises NotBelieved with the first check that fails.
    """
    try:
        verify_signature(
            message=message,
            signature=signature,
            certificates=certificates,
            identity=f"spiffe://{trust.trust_domain}/party/{party}",
            authorities=trust.authorities,
            at=trust.at,
        )
    except SignatureRefused as refused:
        raise NotBelieved(_fault(refused.fault), party) from None


def _fault(fault: SignatureFault) -> Fault:
    match fault:
        case SignatureFault.MALFORMED:
            return Fault.MALFORMED
        case SignatureFault.UNTRUSTED:
            return Fault.UNTRUSTED
        case SignatureFault.WRONG_IDENTITY:
            return Fault.WRONG_IDENTITY
        case SignatureFault.UNSUPPORTED_KEY:
            return Fault.UNSUPPORTED_KEY
        case SignatureFault.BAD_SIGNATURE:
            return Fault.BAD_SIGNATURE

"""Signing as a party and checking who signed, by certificate; knows nothing of what is signed.

Does not check revocation: the service does, on every call that carries a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import verification

PartySigner = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


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


def sign(signer: PartySigner, message: bytes) -> bytes:
    """Return the signature of `message`: ECDSA with SHA-256 on P-256, or Ed25519.

    Raises ValueError for an EC key on another curve.
    """
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        return signer.sign(message)
    if not isinstance(signer.curve, ec.SECP256R1):
        raise ValueError("a party signs with EC P-256 or Ed25519")  # noqa: TRY004 - the curve is a value
    return signer.sign(message, ec.ECDSA(hashes.SHA256()))


def verify_signed(
    *, message: bytes, signature: bytes, certificates: bytes, party: str, trust: Trust
) -> None:
    """Check that `party` signed `message`; `certificates` is its PEM chain, leaf first.

    1. The certificates can be read.
    2. The leaf leads to an authority and is valid at `trust.at`.
    3. The leaf's names are the single URI spiffe://<trust domain>/party/<party>.
    4. The leaf's key made the signature.

    Raises NotBelieved with the first of these that fails.
    """
    leaf, *others = _read(certificates, party)  # 1
    _verify_chain(leaf, others, party, trust)  # 2
    _verify_identity(leaf, party, trust.trust_domain)  # 3
    _verify_signature(leaf, message, signature, party)  # 4


def _read(certificates: bytes, party: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(certificates)
    except ValueError:
        raise NotBelieved(Fault.MALFORMED, party) from None


def _verify_chain(
    leaf: x509.Certificate, others: list[x509.Certificate], party: str, trust: Trust
) -> None:
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(trust.authorities)))
        .time(trust.at.astimezone(UTC).replace(tzinfo=None))
        .extension_policies(ca_policy=_ca_policy(), ee_policy=_leaf_policy())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, others)
    except verification.VerificationError:
        raise NotBelieved(Fault.UNTRUSTED, party) from None


def _ca_policy() -> verification.ExtensionPolicy:
    """Ask of a private authority only what RFC 5280 needs to tell it from a leaf."""
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, verification.Criticality.CRITICAL, _must_be_ca)
        .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _must_sign_certificates)
    )


def _leaf_policy() -> verification.ExtensionPolicy:
    return verification.ExtensionPolicy.permit_all().require_present(
        x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None
    )


def _must_be_ca(
    _policy: verification.Policy, _cert: x509.Certificate, extension: x509.BasicConstraints
) -> None:
    if not extension.ca:
        raise ValueError("not an authority")


def _must_sign_certificates(
    _policy: verification.Policy, _cert: x509.Certificate, extension: x509.KeyUsage | None
) -> None:
    if extension is not None and not extension.key_cert_sign:
        raise ValueError("not allowed to sign certificates")


def _verify_identity(leaf: x509.Certificate, party: str, trust_domain: str) -> None:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expected = x509.UniformResourceIdentifier(f"spiffe://{trust_domain}/party/{party}")
    if list(names) != [expected]:
        raise NotBelieved(Fault.WRONG_IDENTITY, party)


def _verify_signature(leaf: x509.Certificate, message: bytes, signature: bytes, party: str) -> None:
    key = leaf.public_key()
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        else:
            raise NotBelieved(Fault.UNSUPPORTED_KEY, party)
    except InvalidSignature:
        raise NotBelieved(Fault.BAD_SIGNATURE, party) from None

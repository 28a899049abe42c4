"""Who signed, by certificate: the one door to X.509 for whoever verifies what a party signed.

Must not know what is signed, nor where certificates are kept.
Does not check revocation: the service does, on every call that carries a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import verification

PrivateSigner = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class SignatureFault(StrEnum):
    """Why a signature is not believed to be the expected signer's; the whole list."""

    MALFORMED = "its certificates cannot be read"
    UNTRUSTED = "its certificate does not lead to the given authority, or is out of date"
    WRONG_IDENTITY = "its certificate does not name exactly the expected signer"
    UNSUPPORTED_KEY = "its certificate's key is neither EC P-256 nor Ed25519"
    BAD_SIGNATURE = "its signature does not fit"


class SignatureRefused(ValueError):
    """A signature fails a check; carries the first fault found."""

    def __init__(self, fault: SignatureFault) -> None:
        """Keep the fault, which is the sentence."""
        super().__init__(str(fault))
        self.fault = fault


def sign(signer: PrivateSigner, message: bytes) -> bytes:
    """Return the signature of `message`: ECDSA with SHA-256 on P-256, or Ed25519.

    Raises ValueError for an EC key on another curve.
    """
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        return signer.sign(message)
    if not isinstance(signer.curve, ec.SECP256R1):
        raise ValueError("a signer has an EC P-256 or an Ed25519 key")  # noqa: TRY004 - the curve is a value
    return signer.sign(message, ec.ECDSA(hashes.SHA256()))


def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file in its order; raises SignatureRefused(MALFORMED)."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise SignatureRefused(SignatureFault.MALFORMED) from None


def verify_signature(
    *,
    message: bytes,
    signature: bytes,
    certificates: bytes,
    identity: str,
    authorities: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    """Check that `identity` (a URI) signed `message`; `certificates` is its PEM chain, leaf first.

    1. The certificates can be read.
    2. The leaf leads to one of `authorities` and is valid at `at`, a time with its zone.
    3. The leaf's one name is `identity`.
    4. The leaf's key made the signature.

    Raises SignatureRefused with the first of these that fails.
    """
    leaf, *others = load_certificates(certificates)  # 1
    _verify_chain(leaf, others, authorities, at)  # 2
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value  # 3
    if list(names) != [x509.UniformResourceIdentifier(identity)]:
        raise SignatureRefused(SignatureFault.WRONG_IDENTITY)
    _verify_signature(leaf, message, signature)  # 4


def _verify_chain(
    leaf: x509.Certificate,
    others: list[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(authorities)))
        .time(at.astimezone(UTC).replace(tzinfo=None))
        .extension_policies(ca_policy=_ca_policy(), ee_policy=_leaf_policy())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, others)
    except verification.VerificationError:
        raise SignatureRefused(SignatureFault.UNTRUSTED) from None


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


def _verify_signature(leaf: x509.Certificate, message: bytes, signature: bytes) -> None:
    key = leaf.public_key()
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        else:
            raise SignatureRefused(SignatureFault.UNSUPPORTED_KEY)
    except InvalidSignature:
        raise SignatureRefused(SignatureFault.BAD_SIGNATURE) from None

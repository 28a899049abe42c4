"""A party's own certificate and key, checked before they are shown to anybody; knows no gRPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from cleanroom_client.blinding.certificates import PartySigner, Trust
from cleanroom_client.errors import CertificateUnusable
from cleanroom_client.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a TLS connection and a signature need; PEM bytes, and the key as a signer."""

    ca: bytes
    certificates: bytes  # leaf first
    key: bytes = field(repr=False)
    signer: PartySigner = field(repr=False)
    authorities: tuple[x509.Certificate, ...]
    trust_domain: str

    def trust(self, at: datetime) -> Trust:
        """Return what other parties' statements are checked against at a time."""
        return Trust(authorities=self.authorities, trust_domain=self.trust_domain, at=at)


def load_credentials(profile: Profile, now: datetime) -> Credentials:
    """Return the profile's credentials, or raise CertificateUnusable with the first fault.

    1. Authority, certificate and key can be read.
    2. The certificate is valid at `now`.
    3. The key is the certificate's.
    4. The certificate's one name is the profile's identity.

    Does not check that the authority issued the certificate: the service does.
    """
    # 1
    ca, certificates, key = (_read(p) for p in (profile.ca, profile.certificate, profile.key))
    authorities = _certificates(profile.ca, ca)
    leaf = _certificates(profile.certificate, certificates)[0]
    signer = _signer(profile.key, key)
    _check_dates(profile.certificate, leaf, now)  # 2
    _check_key(profile, leaf, signer)  # 3
    _check_identity(profile, leaf)  # 4
    return Credentials(
        ca=ca,
        certificates=certificates,
        key=key,
        signer=signer,
        authorities=authorities,
        trust_domain=profile.trust_domain,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"{path}: cannot be read: {error.strerror}") from None


def _certificates(path: Path, pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise CertificateUnusable(f"{path}: expected certificates in PEM") from None


def _signer(path: Path, pem: bytes) -> PartySigner:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise CertificateUnusable(f"{path}: expected an unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise CertificateUnusable(f"{path}: expected an EC P-256 or Ed25519 key")
    return key


def _check_dates(path: Path, leaf: x509.Certificate, now: datetime) -> None:
    if now < leaf.not_valid_before_utc:
        day = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateUnusable(
            f"{path}: the certificate is not valid before {day}: check this machine's clock"
        )
    if now >= leaf.not_valid_after_utc:
        day = f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateUnusable(
            f"{path}: the certificate expired on {day}: ask the operator for a new one"
        )


def _check_key(profile: Profile, leaf: x509.Certificate, signer: PartySigner) -> None:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(*form) != signer.public_key().public_bytes(*form):
        raise CertificateUnusable(f"{profile.key}: the key is not that of {profile.certificate}")


def _check_identity(profile: Profile, leaf: x509.Certificate) -> None:
    try:
        names = list(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    if names != [x509.UniformResourceIdentifier(profile.identity)]:
        raise CertificateUnusable(
            f"{profile.certificate}: the certificate must name exactly {profile.identity}"
        )

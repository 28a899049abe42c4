"""A certificate authority in memory and what it issues; must not know where files go.

For sandboxes and tests. A production installation has an authority of its own.
Private keys come from the operating system's randomness inside `cryptography`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate with its EC P-256 key; an authority is one that may issue others."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key in unencrypted PKCS #8 PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256 in hex, as a deny list names it."""
        return self.certificate.fingerprint(SHA256()).hex()


def load_credential(certificate_pem: bytes, key_pem: bytes) -> Credential:
    """Inverse of the two PEM properties; raises ValueError."""
    key = load_pem_private_key(key_pem, password=None)
    if not isinstance(key, PrivateKey):
        raise ValueError("the key is not an elliptic curve key")  # noqa: TRY004 - the key is a value
    return Credential(certificate=x509.load_pem_x509_certificate(certificate_pem), key=key)


def create_authority(name: str, *, not_before: datetime, not_after: datetime) -> Credential:
    """Return a self-signed authority whose certificates may not issue further ones."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    builder = _builder(subject, subject, key.public_key(), not_before, not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return Credential(certificate=builder.sign(key, SHA256()), key=key)


def issue(
    authority: Credential,
    names: Sequence[str],
    *,
    not_before: datetime,
    not_after: datetime,
    client: bool = True,
    server: bool = False,
    common_name: str = "cleanroom",
) -> Credential:
    """Return a leaf with exactly these subject alternative names, in order.

    A name with `://` becomes a URI, an address an IP address, anything else a DNS name. Nothing
    keeps a test from asking for two identities, a period in the past, or no name at all.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    builder = _builder(
        issuer.subject, _subject(common_name), key.public_key(), not_before, not_after
    )
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(known, critical=False)
    if names:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    if client or server:
        builder = builder.add_extension(_usage(client=client, server=server), critical=False)
    return Credential(certificate=builder.sign(authority.key, SHA256()), key=key)


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _usage(*, client: bool, server: bool) -> x509.ExtendedKeyUsage:
    wanted = ((client, ExtendedKeyUsageOID.CLIENT_AUTH), (server, ExtendedKeyUsageOID.SERVER_AUTH))
    return x509.ExtendedKeyUsage([usage for asked, usage in wanted if asked])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)

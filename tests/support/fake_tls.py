"""A certificate authority for tests, in memory; knows no product code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TRUST_DOMAIN = "room.example"
LONG = timedelta(days=365)


def key_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Issues certificates for servers and, by URI, for everybody else."""

    def __init__(self):
        self.now = datetime.now(UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = name("test authority")
        self.certificate = (
            self._builder(self._subject, self._key, self.now - LONG, self.now + LONG)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)

    def _builder(self, subject, key, not_before, not_after):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
        )

    def issue(self, names, usage, *, not_before=None, not_after=None):
        """Return (certificate PEM, key PEM)."""
        key = ec.generate_private_key(ec.SECP256R1())
        start = not_before or self.now - timedelta(days=1)
        builder = self._builder(name("leaf"), key, start, not_after or self.now + LONG)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM), key_pem(key)

    def server(self):
        return self.issue([x509.DNSName("localhost")], ExtendedKeyUsageOID.SERVER_AUTH)

    def member(self, who, *, kind="party", **dates):
        uri = x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/{kind}/{who}")
        return self.issue([uri], ExtendedKeyUsageOID.CLIENT_AUTH, **dates)

    def profile(self, folder, server, log_key, *, who="acme-brand", kind="party", **dates):
        """Write a profile with its files; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = self.member(who, kind=kind, **dates)
        (folder / f"{who}.pem").write_bytes(certificate)
        (folder / f"{who}.key").write_bytes(key)
        (folder / "ca.pem").write_bytes(self.pem)
        path = folder / f"{who}.toml"
        path.write_text(profile_text(who, kind, server, log_key))
        return path


def profile_text(who, kind, server, log_key):
    return f"""\
version = "cleanroom-profile/v1"
kind = "{kind}"
name = "{who}"
server = "{server}"
server_name = "localhost"
trust_domain = "{TRUST_DOMAIN}"
collaboration = "spring"
ca = "ca.pem"
certificate = "{who}.pem"
key = "{who}.key"
keystore = "{who}.keystore.json"
log_key = "{log_key}"
"""

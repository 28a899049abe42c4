"""Who calls: the one URI SAN of the client certificate; the one door to X.509 in the service.

The TLS handshake has verified the chain to the configured CA and that the caller holds the key.
Everything else is checked here on every call, because a channel may outlive its certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from cleanroom.model.errors import FieldInvalid, IdentityRefused
from cleanroom.model.names import Actor
from cleanroom.ports.environment import Clock


@dataclass(frozen=True, slots=True)
class _Holder:
    actor: Actor
    fingerprint: str
    not_before_s: int
    not_after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Turns call contexts into actors.

    `denied` returns the current deny list: hex SHA-256 fingerprints of certificates, or URIs.
    """

    trust_domain: str
    clock: Clock
    denied: Callable[[], frozenset[str]]

    def actor(self, context: grpc.ServicerContext) -> Actor:
        """Return the caller; raises IdentityRefused with the check that failed."""
        return self.check(certificate_of(context))

    def check(self, pem: bytes) -> Actor:
        """Return the holder of a PEM certificate; raises IdentityRefused."""
        holder = _read(pem)
        # 1. The trust domain is ours.
        if holder.actor.trust_domain != self.trust_domain:
            raise IdentityRefused(why=f"its trust domain is not {self.trust_domain}")
        # 2. It is valid now, not only at the handshake.
        if not holder.not_before_s <= self.clock.now_s() <= holder.not_after_s:
            raise IdentityRefused(why="it has expired or is not valid yet")
        # 3. Neither it nor its holder has been denied since.
        if self.denied() & {holder.fingerprint, str(holder.actor)}:
            raise IdentityRefused(why="it has been revoked")
        return holder.actor


def certificate_of(context: grpc.ServicerContext) -> bytes:
    """Return the PEM certificate that the caller showed; raises IdentityRefused."""
    shown: Mapping[str, Sequence[bytes]] = context.auth_context()  # type: ignore[assignment] # the stubs say int
    certificates = shown.get("x509_pem_cert", ())
    if len(certificates) != 1:
        raise IdentityRefused(why="the connection shows no client certificate")
    return certificates[0]


@lru_cache(maxsize=1024)
def _read(pem: bytes) -> _Holder:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise IdentityRefused(why="it lacks a subject alternative name or a usage") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or len(list(names)) != 1:
        raise IdentityRefused(why="it must carry exactly one name, a URI")
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise IdentityRefused(why="it is not for client authentication")
    try:
        actor = Actor.parse(uris[0])
    except FieldInvalid as error:
        raise IdentityRefused(why=str(error)) from error
    return _Holder(
        actor=actor,
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        not_before_s=int(certificate.not_valid_before_utc.timestamp()),
        not_after_s=int(certificate.not_valid_after_utc.timestamp()),
    )

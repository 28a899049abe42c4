"""How the shared hmac key travels: announced HPKE keys and signed envelopes (RFC 9180).

HPKE in base mode does not say who encrypted, so announcements and envelopes alike are signed
with the sender's TLS key: an operator who carries them can neither read a key nor plant one.
Knows nothing of how statements are carried.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, fields
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding.certificates import (
    Fault,
    NotBelieved,
    PartySigner,
    Trust,
    sign,
    verify_signed,
)
from cleanroom_client.blinding.points import BadPoint, check_point
from cleanroom_client.blinding.secret import SharedKey

# DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_ANNOUNCE_DOMAIN = b"cleanroom/v1 hpke key announcement\0"
_ENVELOPE_DOMAIN = b"cleanroom/v1 hmac key envelope\0"
_INFO_DOMAIN = b"cleanroom/v1 hmac key wrap\0"


def _joined(domain: bytes, *parts: bytes) -> bytes:
    """Return the domain and each part behind its 4-byte length: no two lists look the same."""
    return domain + b"".join(len(part).to_bytes(4) + part for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """Fields that travel as one JSON object; bytes in base64. `encode` and `parse` are inverse."""

    def encode(self) -> bytes:
        """Return the statement as UTF-8 JSON."""
        return json.dumps(
            {k: v if isinstance(v, str) else _b64(v) for k, v in asdict(self).items()}
        ).encode()

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Inverse of `encode`; raises NotBelieved(MALFORMED) for anything else."""
        names = {field.name: field.type for field in fields(cls)}
        try:
            document = json.loads(text)
            if not isinstance(document, dict) or set(document) != set(names):
                raise ValueError("not exactly the fields of this version")  # noqa: TRY301 - one door
            values = {k: _read_field(v, as_text=names[k] == "str") for k, v in document.items()}
        except (ValueError, TypeError, RecursionError):
            raise NotBelieved(Fault.MALFORMED, "another party") from None
        return cls(**values)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _read_field(value: object, *, as_text: bool) -> str | bytes:
    if not isinstance(value, str):
        raise TypeError("every field is text")
    return value if as_text else base64.b64decode(value, validate=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement(_Statement):
    """A party's HPKE public key for one collaboration under one policy, signed by the party."""

    collaboration: str
    party: str
    policy_digest: str
    public_key: bytes  # 32, X25519
    certificates: bytes  # PEM, leaf first
    signature: bytes

    def signed_bytes(self) -> bytes:
        """Return what the signature covers: version, domain and every fact."""
        return _joined(
            _ANNOUNCE_DOMAIN,
            self.collaboration.encode(),
            self.party.encode(),
            self.policy_digest.encode(),
            self.public_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope(_Statement):
    """The shared hmac key, encrypted to `recipient` and signed by `sender`."""

    collaboration: str
    sender: str
    recipient: str
    ciphertext: bytes
    certificates: bytes  # of the sender, PEM, leaf first
    signature: bytes

    def signed_bytes(self) -> bytes:
        """Return what the signature covers."""
        parties = (self.collaboration, self.sender, self.recipient)
        return _joined(_ENVELOPE_DOMAIN, *(p.encode() for p in parties), self.ciphertext)


def announce(
    *,
    collaboration: str,
    party: str,
    policy_digest: str,
    public_key: X25519PublicKey,
    signer: PartySigner,
    certificates: bytes,
) -> Announcement:
    """Return the signed announcement of this party's HPKE public key."""
    raw = public_key.public_bytes_raw()
    facts = (collaboration.encode(), party.encode(), policy_digest.encode(), raw)
    return Announcement(
        collaboration=collaboration,
        party=party,
        policy_digest=policy_digest,
        public_key=raw,
        certificates=certificates,
        signature=sign(signer, _joined(_ANNOUNCE_DOMAIN, *facts)),
    )


def verify_announcement(
    announcement: Announcement, *, collaboration: str, party: str, policy_digest: str, trust: Trust
) -> X25519PublicKey:
    """Return the HPKE key of `party`, or raise NotBelieved.

    1. It speaks of the collaboration, party and policy at hand.
    2. The party signed it (see `verify_signed`).
    3. The key is a canonical point that is not of low order.

    Does not check that it is the party's newest announcement.
    """
    said = (announcement.collaboration, announcement.party, announcement.policy_digest)
    if said != (collaboration, party, policy_digest):  # 1
        raise NotBelieved(Fault.OTHER_SUBJECT, party)
    verify_signed(  # 2
        message=announcement.signed_bytes(),
        signature=announcement.signature,
        certificates=announcement.certificates,
        party=party,
        trust=trust,
    )
    try:
        check_point(announcement.public_key)  # 3
    except BadPoint:
        raise NotBelieved(Fault.MALFORMED, party) from None
    return X25519PublicKey.from_public_bytes(announcement.public_key)


def wrap_key(
    shared_key: SharedKey,
    *,
    recipient_key: X25519PublicKey,
    collaboration: str,
    sender: str,
    recipient: str,
    signer: PartySigner,
    certificates: bytes,
) -> Envelope:
    """Return the shared key encrypted to `recipient_key`, which `verify_announcement` gave."""
    info = _info(collaboration, sender, recipient)
    ciphertext = _SUITE.encrypt(shared_key.reveal_to_keystore(), recipient_key, info)
    parties = (collaboration.encode(), sender.encode(), recipient.encode())
    return Envelope(
        collaboration=collaboration,
        sender=sender,
        recipient=recipient,
        ciphertext=ciphertext,
        certificates=certificates,
        signature=sign(signer, _joined(_ENVELOPE_DOMAIN, *parties, ciphertext)),
    )


def unwrap_key(
    envelope: Envelope,
    *,
    private_key: X25519PrivateKey,
    collaboration: str,
    sender: str,
    recipient: str,
    trust: Trust,
) -> SharedKey:
    """Return the shared key inside, or raise NotBelieved.

    1. It speaks of the collaboration and parties at hand.
    2. The sender signed it.
    3. It opens with our key, and holds a key of 32 bytes.
    """
    said = (envelope.collaboration, envelope.sender, envelope.recipient)
    if said != (collaboration, sender, recipient):  # 1
        raise NotBelieved(Fault.OTHER_SUBJECT, sender)
    verify_signed(  # 2
        message=envelope.signed_bytes(),
        signature=envelope.signature,
        certificates=envelope.certificates,
        party=sender,
        trust=trust,
    )
    info = _info(collaboration, sender, recipient)
    try:
        return SharedKey(_SUITE.decrypt(envelope.ciphertext, private_key, info))  # 3
    except (InvalidTag, ValueError):
        raise NotBelieved(Fault.NOT_FOR_US, sender) from None


def _info(collaboration: str, sender: str, recipient: str) -> bytes:
    return _joined(_INFO_DOMAIN, collaboration.encode(), sender.encode(), recipient.encode())

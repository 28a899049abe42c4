"""Announcements and envelopes: each check fails on its own, in its own words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom_client.blinding import SharedKey
from cleanroom_client.blinding.certificates import Fault, NotBelieved, Trust, sign
from cleanroom_client.blinding.envelope import (
    Announcement,
    Envelope,
    announce,
    unwrap_key,
    verify_announcement,
    wrap_key,
)

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_DOMAIN, _ROOM, _DIGEST = "room.example", "spring", "ab" * 32


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _certificate(subject, public_key, issuer, signer, *extensions, days=30):
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer),
        subject_name=_name(subject),
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=_NOW - timedelta(days=1),
        not_valid_after=_NOW + timedelta(days=days),
    )
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints)
        builder = builder.add_extension(extension, critical=critical)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm)


class _Authority:
    def __init__(self, name="test authority"):
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        ca = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = _certificate(name, self.key.public_key(), name, self.key, ca)

    def trust(self, at=_NOW):
        return Trust(authorities=(self.certificate,), trust_domain=_DOMAIN, at=at)

    def issue(self, key, *uris, days=30):
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        san = x509.SubjectAlternativeName(names)
        leaf = _certificate("leaf", key.public_key(), self.name, self.key, san, days=days)
        return leaf.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(name="authority", scope="module")
def _authority():
    return _Authority()


@pytest.fixture(name="hpke", scope="module")
def _hpke():
    return X25519PrivateKey.from_private_bytes(bytes(range(32)))


def _uri(party, kind="party", domain=_DOMAIN):
    return f"spiffe://{domain}/{kind}/{party}"


def _announced(authority, hpke, *uris, key=None, days=30):
    key = key or ec.generate_private_key(ec.SECP256R1())
    return announce(
        collaboration=_ROOM,
        party="acme",
        policy_digest=_DIGEST,
        public_key=hpke.public_key(),
        signer=key,
        certificates=authority.issue(key, *(uris or (_uri("acme"),)), days=days),
    )


def _verify(announcement, trust, **other):
    expected = {"collaboration": _ROOM, "party": "acme", "policy_digest": _DIGEST} | other
    return verify_announcement(announcement, trust=trust, **expected)


def _fault(announcement, trust, **other):
    with pytest.raises(NotBelieved) as caught:
        _verify(announcement, trust, **other)
    assert str(caught.value.fault) in str(caught.value)
    return caught.value.fault


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_an_announcement_verifies_and_survives_its_encoding(authority, hpke, key):
    announcement = _announced(authority, hpke, key=key)
    assert Announcement.parse(announcement.encode()) == announcement
    assert _verify(announcement, authority.trust()) == hpke.public_key()


@pytest.mark.parametrize("fact", ["collaboration", "party", "policy_digest"])
def test_an_announcement_for_something_else_is_refused(authority, hpke, fact):
    announcement = _announced(authority, hpke)
    assert _fault(announcement, authority.trust(), **{fact: "other"}) is Fault.OTHER_SUBJECT


@pytest.mark.parametrize("fact", ["collaboration", "party", "policy_digest"])
def test_changing_a_signed_fact_breaks_the_signature(authority, hpke, fact):
    key = ec.generate_private_key(ec.SECP256R1())
    announcement = _announced(authority, hpke, key=key)
    changed = replace(announcement, **{fact: "beta"})
    chain = authority.issue(key, _uri(changed.party))
    changed = replace(changed, certificates=chain)
    assert _fault(changed, authority.trust(), **{fact: "beta"}) is Fault.BAD_SIGNATURE


def test_a_replaced_key_breaks_the_signature(authority, hpke):
    mine = X25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    changed = replace(_announced(authority, hpke), public_key=mine)
    assert _fault(changed, authority.trust()) is Fault.BAD_SIGNATURE


def test_a_certificate_of_another_authority_or_time_is_refused(authority, hpke):
    announcement = _announced(authority, hpke)
    late = _NOW + timedelta(days=60)
    assert _fault(announcement, _Authority().trust()) is Fault.UNTRUSTED
    assert _fault(announcement, authority.trust(at=late)) is Fault.UNTRUSTED
    assert _fault(announcement, authority.trust(at=_NOW - timedelta(days=9))) is Fault.UNTRUSTED


@pytest.mark.parametrize(
    "uris",
    [
        (_uri("beta"),),
        (_uri("acme", kind="officer"),),
        (_uri("acme", domain="other.example"),),
        (_uri("acme"), _uri("beta")),
        (_uri("acme") + "/more",),
    ],
)
def test_a_certificate_that_does_not_name_exactly_the_party_is_refused(authority, hpke, uris):
    announcement = _announced(authority, hpke, *uris)
    assert _fault(announcement, authority.trust()) is Fault.WRONG_IDENTITY


@pytest.mark.parametrize("said", [[], [x509.BasicConstraints(ca=False, path_length=None)]])
def test_a_leaf_may_not_act_as_an_authority(authority, hpke, said):
    middle_key = ec.generate_private_key(ec.SECP256R1())
    middle = _certificate("leaf", middle_key.public_key(), authority.name, authority.key, *said)
    middle = middle.public_bytes(serialization.Encoding.PEM)
    rogue = _Authority("leaf")
    rogue.key = middle_key
    announcement = _announced(rogue, hpke)
    chained = replace(announcement, certificates=announcement.certificates + middle)
    assert _fault(chained, authority.trust()) is Fault.UNTRUSTED


def test_a_low_order_key_is_refused_even_when_signed(authority, hpke):
    key = ec.generate_private_key(ec.SECP256R1())
    bad = replace(_announced(authority, hpke, key=key), public_key=bytes(32))
    bad = replace(bad, signature=sign(key, bad.signed_bytes()))
    assert _fault(bad, authority.trust()) is Fault.MALFORMED


def test_certificates_that_cannot_be_read_are_refused(authority, hpke):
    broken = replace(_announced(authority, hpke), certificates=b"no pem")
    assert _fault(broken, authority.trust()) is Fault.MALFORMED


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"\xff", b'{"collaboration": 1}', b"[" * 100_000, b"1"],
)
def test_only_a_statement_of_this_version_is_parsed(text):
    for kind in (Announcement, Envelope):
        with pytest.raises(NotBelieved) as caught:
            kind.parse(text)
        assert caught.value.fault is Fault.MALFORMED


def test_a_statement_with_an_unknown_field_or_bad_base64_is_not_parsed(authority, hpke):
    text = _announced(authority, hpke).encode()
    for changed in (
        text.replace(b'{"coll', b'{"more": "", "coll', 1),
        text.replace(b'"public_key": "', b'"public_key": "*'),
    ):
        with pytest.raises(NotBelieved):
            Announcement.parse(changed)


def test_signing_refuses_another_curve():
    with pytest.raises(ValueError, match="P-256"):
        sign(ec.generate_private_key(ec.SECP384R1()), b"")


def test_trust_refuses_no_authority_and_a_time_without_zone(authority):
    for authorities, at in (((), _NOW), ((authority.certificate,), _NOW.replace(tzinfo=None))):
        with pytest.raises(ValueError, match="at least one authority"):
            Trust(authorities=authorities, trust_domain=_DOMAIN, at=at)


_PARTIES = {"collaboration": _ROOM, "sender": "acme", "recipient": "mart"}


@pytest.fixture(name="envelope")
def _envelope(authority, hpke):
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.issue(key, _uri("acme"))
    public = hpke.public_key()
    secret = SharedKey(b"\x07" * 32)
    return wrap_key(secret, recipient_key=public, signer=key, certificates=chain, **_PARTIES)


def test_a_wrapped_key_opens_for_its_recipient_only(authority, hpke, envelope):
    trust = authority.trust()
    again = Envelope.parse(envelope.encode())
    opened = unwrap_key(again, private_key=hpke, trust=trust, **_PARTIES)
    assert opened.reveal_to_keystore() == b"\x07" * 32
    assert b"\x07" * 32 not in envelope.ciphertext
    other = X25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    with pytest.raises(NotBelieved) as caught:
        unwrap_key(envelope, private_key=other, trust=trust, **_PARTIES)
    assert caught.value.fault is Fault.NOT_FOR_US


@pytest.mark.parametrize("fact", ["collaboration", "sender", "recipient"])
def test_an_envelope_between_others_is_refused(authority, hpke, envelope, fact):
    parties = _PARTIES | {fact: "other"}
    with pytest.raises(NotBelieved) as caught:
        unwrap_key(envelope, private_key=hpke, trust=authority.trust(), **parties)
    assert caught.value.fault is Fault.OTHER_SUBJECT


def test_an_operator_cannot_plant_a_key_of_its_own(authority, hpke, envelope):
    operator = ec.generate_private_key(ec.SECP256R1())
    planted = wrap_key(
        SharedKey(bytes(32)),
        recipient_key=hpke.public_key(),
        signer=operator,
        certificates=envelope.certificates,
        **_PARTIES,
    )
    with pytest.raises(NotBelieved) as caught:
        unwrap_key(planted, private_key=hpke, trust=authority.trust(), **_PARTIES)
    assert caught.value.fault is Fault.BAD_SIGNATURE


def test_the_wrapping_is_bound_to_its_parties(authority, hpke, envelope):
    key = ec.generate_private_key(ec.SECP256R1())
    moved = replace(envelope, recipient="beta", certificates=authority.issue(key, _uri("acme")))
    moved = replace(moved, signature=sign(key, moved.signed_bytes()))
    parties = _PARTIES | {"recipient": "beta"}
    with pytest.raises(NotBelieved) as caught:
        unwrap_key(moved, private_key=hpke, trust=authority.trust(), **parties)
    assert caught.value.fault is Fault.NOT_FOR_US


@pytest.mark.parametrize("ciphertext", [b"", b"short", bytes(80), bytes(200)])
def test_a_signed_envelope_without_a_key_inside_is_refused(authority, hpke, envelope, ciphertext):
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.issue(key, _uri("acme"))
    empty = replace(envelope, ciphertext=ciphertext, certificates=chain)
    empty = replace(empty, signature=sign(key, empty.signed_bytes()))
    with pytest.raises(NotBelieved) as caught:
        unwrap_key(empty, private_key=hpke, trust=authority.trust(), **_PARTIES)
    assert caught.value.fault is Fault.NOT_FOR_US

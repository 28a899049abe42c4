"""Profiles and the party's own certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import DNSName, UniformResourceIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID

from cleanroom.audit.note import Ed25519Signer, verifier_of
from cleanroom_client.credentials import load_credentials
from cleanroom_client.errors import CertificateUnusable, ProfileInvalid
from cleanroom_client.profile import Kind, Profile
from support.fake_tls import TRUST_DOMAIN, Authority, key_pem, profile_text

NOW = datetime.now(UTC)
LOG_KEY = verifier_of(Ed25519Signer(name="log.example", key=Ed25519PrivateKey.generate())).text


@pytest.fixture(scope="module")
def authority():
    return Authority()


def sample(folder, **changes):
    """Write the documented sample with some values changed, or removed by None."""
    lines = []
    for line in profile_text("acme-brand", "party", "127.0.0.1:8443", LOG_KEY).splitlines():
        key = line.split(" ")[0]
        if key not in changes:
            lines.append(line)
        elif changes[key] is not None:
            lines.append(f"{key} = {changes[key]}")
    path = folder / "acme-brand.toml"
    path.write_text(
        "\n".join([*lines, *(f"{k} = {v}" for k, v in changes.items() if k == "extra")])
    )
    return path


def test_profile_is_read_with_paths_relative_to_its_file(tmp_path):
    profile = Profile.load(sample(tmp_path))
    assert profile.kind is Kind.PARTY
    assert profile.identity == f"spiffe://{TRUST_DOMAIN}/party/acme-brand"
    assert profile.key == tmp_path / "acme-brand.key"
    assert profile.keystore == tmp_path / "acme-brand.keystore.json"
    assert profile.log_key.text == LOG_KEY


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extra": '"1"'}, "unknown key extra"),
        ({"version": '"cleanroom-profile/v2"'}, "version: expected"),
        ({"version": None}, "version: expected"),
        ({"server": None}, "the key server is missing"),
        ({"server": '"localhost"'}, "expected host:port"),
        ({"server": "8443"}, "server: expected text"),
        ({"kind": '"admin"'}, "expected one of party, officer, auditor"),
        ({"log_key": '"log.example"'}, "log_key: "),
        ({"keystore": None}, "needs collaboration and keystore"),
        ({"name": '"a'}, "not valid TOML"),
    ],
)
def test_profile_refuses_what_it_does_not_know(tmp_path, changes, said):
    path = sample(tmp_path, **changes)
    with pytest.raises(ProfileInvalid) as refused:
        Profile.load(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_profile_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProfileInvalid, match="there is no profile here"):
        Profile.load(tmp_path / "none.toml")


def test_profile_of_an_auditor_needs_no_keystore(tmp_path):
    path = sample(tmp_path, kind='"auditor"', keystore=None, collaboration=None)
    assert Profile.load(path).keystore is None


def test_credentials_are_read(tmp_path, authority):
    profile = Profile.load(authority.profile(tmp_path, "127.0.0.1:1", LOG_KEY))
    assert load_credentials(profile, NOW).trust(NOW).trust_domain == TRUST_DOMAIN


def test_expired_certificate_is_refused_with_its_date(tmp_path, authority):
    end = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    path = authority.profile(
        tmp_path, "127.0.0.1:1", LOG_KEY, not_before=end - timedelta(days=9), not_after=end
    )
    with pytest.raises(CertificateUnusable, match="expired on 2026-02-03 04:05 UTC"):
        load_credentials(Profile.load(path), end)


def test_certificate_of_the_future_is_refused_with_its_date(tmp_path, authority):
    start = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    path = authority.profile(tmp_path, "127.0.0.1:1", LOG_KEY, not_before=start)
    with pytest.raises(CertificateUnusable, match="not valid before 2026-02-03"):
        load_credentials(Profile.load(path), start - timedelta(seconds=1))


def test_key_of_another_certificate_is_refused(tmp_path, authority):
    path = authority.profile(tmp_path, "127.0.0.1:1", LOG_KEY)
    (tmp_path / "acme-brand.key").write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(CertificateUnusable, match="the key is not that of"):
        load_credentials(Profile.load(path), NOW)


@pytest.mark.parametrize(
    "names",
    [
        [UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/party/megamart")],
        [DNSName("localhost")],
        [
            UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/party/acme-brand"),
            UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/party/megamart"),
        ],
    ],
)
def test_certificate_must_name_exactly_the_party(tmp_path, authority, names):
    path = authority.profile(tmp_path, "127.0.0.1:1", LOG_KEY)
    certificate, key = authority.issue(names, ExtendedKeyUsageOID.CLIENT_AUTH)
    (tmp_path / "acme-brand.pem").write_bytes(certificate)
    (tmp_path / "acme-brand.key").write_bytes(key)
    with pytest.raises(CertificateUnusable, match="must name exactly spiffe://"):
        load_credentials(Profile.load(path), NOW)


@pytest.mark.parametrize("file", ["ca.pem", "acme-brand.pem", "acme-brand.key"])
def test_unreadable_files_are_named(tmp_path, authority, file):
    path = authority.profile(tmp_path, "127.0.0.1:1", LOG_KEY)
    (tmp_path / file).write_bytes(b"not PEM")
    with pytest.raises(CertificateUnusable, match=file):
        load_credentials(Profile.load(path), NOW)
    (tmp_path / file).unlink()
    with pytest.raises(CertificateUnusable, match=file):
        load_credentials(Profile.load(path), NOW)

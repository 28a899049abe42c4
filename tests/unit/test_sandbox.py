from __future__ import annotations

import hashlib
import ipaddress
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from cleanroom.audit.note import NoteVerifier, verifier_of
from cleanroom.config import load_config
from cleanroom.model.errors import FieldInvalid, IdentityRefused, PolicyInvalidError
from cleanroom.model.names import ActorKind
from cleanroom.rpc.identity import Identities
from cleanroom.sandbox.create import Options, SandboxRefused, create_sandbox, point_to
from cleanroom.sandbox.pki import create_authority, issue, load_credential
from cleanroom.storage.keys import load_master_key
from cleanroom.wiring.opening import load_signers
from cleanroom_client.credentials import load_credentials
from cleanroom_client.profile import Profile
from support.policies import EXAMPLES, edited

NOW_S = 1_790_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)
POLICY = (EXAMPLES / "demo.yaml").read_bytes()
PARTIES = ("acme-brand", "megamart", "fiscal-data")


class FixedClock:
    def now_s(self) -> int:
        return NOW_S


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return create_sandbox(tmp_path_factory.mktemp("made") / "room", POLICY, clock=FixedClock())


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def authority_of(sandbox):
    return load_credential(sandbox.ca_certificate.read_bytes(), sandbox.ca_key.read_bytes())


def verifier(sandbox, at=NOW):
    store = verification.Store([certificate(sandbox.ca_certificate)])
    return verification.PolicyBuilder().store(store).time(at)


def identities():
    return Identities(trust_domain="cleanroom.test", clock=FixedClock(), denied=frozenset)


def test_keys_are_readable_by_their_owner_alone(sandbox):
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in sandbox.root.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert stat.S_IMODE(sandbox.root.stat().st_mode) == 0o700


def test_every_actor_has_a_certificate_that_verifies_and_names_it_alone(sandbox):
    for actor in sandbox.actors:
        leaf = certificate(sandbox.certificate(actor))
        verified = verifier(sandbox).build_client_verifier().verify(leaf, [])
        assert verified.subjects == [x509.UniformResourceIdentifier(str(actor))]
        assert identities().check(sandbox.certificate(actor).read_bytes()) == actor
    kinds = [actor.kind for actor in sandbox.actors]
    assert kinds == [
        *[ActorKind.PARTY] * 3,
        *[ActorKind.OFFICER] * 3,
        ActorKind.AUDITOR,
        ActorKind.OFFICER,
        ActorKind.OPERATOR,
    ]


@pytest.mark.parametrize(
    "name", [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)
def test_the_server_certificate_verifies_for_its_names(sandbox, name):
    leaf = certificate(sandbox.root / "tls" / "server.pem")
    assert leaf in verifier(sandbox).build_server_verifier(name).verify(leaf, [])


def test_the_server_certificate_is_no_client_certificate(sandbox):
    pem = (sandbox.root / "tls" / "server.pem").read_bytes()
    usage = certificate(sandbox.root / "tls" / "server.pem").extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )
    assert ExtendedKeyUsageOID.CLIENT_AUTH not in usage.value
    with pytest.raises(IdentityRefused):
        identities().check(pem)


def test_certificates_end_after_the_days_asked_for(tmp_path):
    made = create_sandbox(tmp_path / "room", POLICY, options=Options(days=2), clock=FixedClock())
    leaf = certificate(made.certificate(made.actors[0]))
    assert leaf.not_valid_after_utc == NOW + timedelta(days=2)
    with pytest.raises(verification.VerificationError):
        verifier(made, NOW + timedelta(days=3)).build_client_verifier().verify(leaf, [])


def test_the_configuration_loads_and_its_keys_are_usable(sandbox):
    config = load_config(sandbox.server_config)
    assert len(load_master_key(config.master_key)) == 32
    [signer] = load_signers(config.log)
    assert verifier_of(signer) == NoteVerifier.parse(sandbox.log_vkey.read_text().strip())
    assert config.bootstrap is not None
    assert config.bootstrap.read_bytes() == POLICY


def test_profiles_are_what_the_sdk_reads(sandbox):
    for name in PARTIES:
        profile = Profile.load(sandbox.profile(name))
        assert (profile.name, profile.collaboration) == (name, "spring-campaign")
        assert profile.server == "127.0.0.1:8443"
        assert profile.log_key.text == sandbox.log_vkey.read_text().strip()
        load_credentials(profile, NOW)
        of_it = Profile.load(sandbox.profile_of(sandbox.officer(name)))
        assert (of_it.kind, of_it.acts_for) == ("officer", name)
        load_credentials(of_it, NOW)
    for kind in ("auditor", "officer"):
        assert Profile.load(sandbox.profile(kind)).kind == kind
        load_credentials(Profile.load(sandbox.profile(kind)), NOW)


def test_a_party_needs_nothing_outside_its_profile_and_folder(sandbox, tmp_path):
    (tmp_path / "megamart").mkdir()
    for file in (sandbox.root / "parties" / "megamart").iterdir():
        (tmp_path / "megamart" / file.name).write_bytes(file.read_bytes())
    moved = tmp_path / "megamart.toml"
    moved.write_bytes(sandbox.profile("megamart").read_bytes())
    assert load_credentials(Profile.load(moved), NOW).trust_domain == "cleanroom.test"


def test_a_party_called_auditor_does_not_get_the_auditors_profile(tmp_path):
    policy = edited(("fiscal-data", "auditor"), name="demo").encode()
    made = create_sandbox(tmp_path / "room", policy, clock=FixedClock())
    assert Profile.load(made.profile("auditor")).kind == "party"
    assert Profile.load(made.root / "auditor.toml").kind == "auditor"


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path):
    made = create_sandbox(tmp_path / "room", POLICY, clock=FixedClock())
    before = {p: p.read_bytes() for p in made.root.rglob("*") if p.is_file()}
    with pytest.raises(SandboxRefused, match="is not empty"):
        create_sandbox(tmp_path / "room", POLICY, clock=FixedClock())
    assert {p: p.read_bytes() for p in made.root.rglob("*") if p.is_file()} == before


def test_an_empty_folder_is_taken_and_a_file_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    assert create_sandbox(tmp_path / "empty", POLICY, clock=FixedClock()).server_config.is_file()
    (tmp_path / "file").touch()
    with pytest.raises(SandboxRefused, match="is not a folder"):
        create_sandbox(tmp_path / "file", POLICY, clock=FixedClock())


def test_a_policy_with_errors_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(PolicyInvalidError):
        create_sandbox(tmp_path / "sub" / "room", b"version: 1\n", clock=FixedClock())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_nothing_behind(tmp_path):
    class Exhausted:
        def token_bytes(self, n):
            if n == 32:
                raise OSError("no more randomness")
            return hashlib.sha256(b"name").digest()[:n]

        def points(self, n):
            raise AssertionError(n)

    with pytest.raises(OSError, match="no more randomness"):
        create_sandbox(tmp_path / "room", POLICY, clock=FixedClock(), entropy=Exhausted())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [{"listen": "8443"}, {"trust_domain": "a b"}, {"days": 0}, {"days": 3651}]
)
def test_options_that_cannot_work_are_refused_by_name(wrong):
    with pytest.raises(FieldInvalid):
        Options(**wrong)


def test_profiles_are_pointed_to_where_the_server_turned_out_to_be(tmp_path):
    made = create_sandbox(
        tmp_path / "room", POLICY, options=Options(listen="0.0.0.0:0"), clock=FixedClock()
    )
    assert Profile.load(made.profile("megamart")).server == "127.0.0.1:0"
    point_to(made, "127.0.0.1:40000")
    assert {Profile.load(made.profile(n)).server for n in PARTIES} == {"127.0.0.1:40000"}


ALICE = "spiffe://cleanroom.test/party/alice"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"names": [ALICE, ALICE.replace("alice", "bob")]}, "exactly one name"),
        ({"names": [ALICE, "localhost"]}, "exactly one name"),
        ({"names": []}, "lacks a subject alternative name"),
        ({"names": ["spiffe://else.test/party/alice"]}, "trust domain"),
        ({"not_after": NOW - timedelta(minutes=1)}, "expired"),
        ({"not_before": NOW + timedelta(minutes=1)}, "not valid yet"),
        ({"client": False, "server": True}, "client authentication"),
    ],
)
def test_odd_certificates_can_be_issued_and_are_refused_by_the_service(sandbox, changes, why):
    usual = {
        "names": [ALICE],
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=1),
    }
    authority = authority_of(sandbox)
    assert identities().check(issue(authority, **usual).certificate_pem).name == "alice"
    with pytest.raises(IdentityRefused, match=why):
        identities().check(issue(authority, **{**usual, **changes}).certificate_pem)


def test_another_authority_of_the_same_name_is_not_believed(sandbox):
    period = {"not_before": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=1)}
    other = create_authority("cleanroom.test sandbox authority", **period)
    leaf = issue(other, [ALICE], **period).certificate
    with pytest.raises(verification.VerificationError):
        verifier(sandbox).build_client_verifier().verify(leaf, [])

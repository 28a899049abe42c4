"""The SDK's steps: signed where the history ends, read only where it holds together."""

from __future__ import annotations

import hashlib

import grpc
import pytest

from cleanroom.audit.certificates import sign
from cleanroom.audit.step import Statement, Step, StepKind
from cleanroom.v1 import collaboration_pb2
from cleanroom_client import PolicyUnknown
from cleanroom_client.errors import ProfileInvalid
from support.fake_answers import terms_of
from support.fake_partner import connect, exposures, join
from support.fake_service import fake_service, refuse

AGREED = (
    b"matching:\n  scheme: psi\n  keys: [email, phone]\n"
    b"datasets:\n  exposures: {owner: acme-brand}\n  sales: {owner: megamart, people: 50}\n"
)
TIGHTER = AGREED.replace(b"people: 50", b"people: 80")


@pytest.fixture(name="room")
def _room():
    with fake_service() as room:
        room.document = AGREED
        yield room


def _take_over(room, folder, document, *, who="megamart", signed=True, at_once=True):
    """Let somebody put a document in force by a proposal of its own."""
    path = folder / f"{who}.yaml"
    path.write_bytes(document)
    with connect(room, folder, who=who) as partner:
        partner.propose(path)
    room.agreed.steps[-1].put_in_force = at_once
    if not signed:
        step = room.agreed.steps[-1]
        step.step.signature = step.step.certificates = b""
        step.digest = Step(statement=step.step.statement).digest


def _upload(room, folder):
    with connect(room, folder) as partner:
        partner.upload("exposures", exposures(3))


def test_an_upload_follows_a_policy_that_another_owner_tightened(room, tmp_path):
    join(room, tmp_path)
    _take_over(room, tmp_path, TIGHTER)
    _upload(room, tmp_path)
    (upload,) = room.uploads.values()
    assert upload.policy_digest == hashlib.sha256(TIGHTER).hexdigest()


def test_so_it_does_after_several_of_them(room, tmp_path):
    join(room, tmp_path)
    _take_over(room, tmp_path, TIGHTER)
    _take_over(room, tmp_path, TIGHTER.replace(b"80", b"90"))
    _upload(room, tmp_path)
    assert len(room.uploads) == 1


OTHER_FACTS = {
    "another scheme": (b"scheme: psi", b"scheme: hmac"),
    "another key type": (b"[email, phone]", b"[email, phone, cookie]"),
    "another order of keys": (b"[email, phone]", b"[phone, email]"),
    "another owner": (b"sales: {owner: megamart", b"sales: {owner: accomplice"),
    "one owner more": (b"datasets:\n", b"datasets:\n  panel: {owner: accomplice}\n"),
    "another region": (b"scheme: psi", b"scheme: psi\n  default_region: DE"),
}


@pytest.mark.parametrize("edit", OTHER_FACTS.values(), ids=OTHER_FACTS.keys())
def test_no_upload_follows_a_policy_that_treats_identifiers_otherwise(room, tmp_path, edit):
    join(room, tmp_path)
    changed = TIGHTER.replace(*edit)
    assert changed != TIGHTER
    if b"hmac" in changed:
        room.terms = terms_of("hmac")
    _take_over(room, tmp_path, changed)
    with pytest.raises(PolicyUnknown, match=r"was not accepted|names other owners"):
        _upload(room, tmp_path)
    assert not room.uploads


@pytest.mark.parametrize(
    "how", [{"signed": False}, {"at_once": False}, {"who": "stranger"}], ids=str
)
def test_no_upload_follows_what_no_owner_signed_into_force(room, tmp_path, how):
    join(room, tmp_path)
    _take_over(room, tmp_path, TIGHTER, **how)
    with pytest.raises(PolicyUnknown, match="was not accepted"):
        _upload(room, tmp_path)
    assert not room.uploads


def test_no_upload_follows_a_step_whose_signature_is_not_its_signers(room, tmp_path):
    join(room, tmp_path)
    _take_over(room, tmp_path, TIGHTER)
    step = room.agreed.steps[-1]
    step.step.signature = room.agreed.steps[0].step.signature
    step.digest = _step(step).digest
    with pytest.raises(PolicyUnknown, match="was not accepted"):
        _upload(room, tmp_path)


def _step(item):
    signed = item.step
    return Step(
        statement=signed.statement, signature=signed.signature, certificates=signed.certificates
    )


def test_no_upload_follows_from_a_document_that_the_service_made_up(room, tmp_path):
    join(room, tmp_path)
    _take_over(room, tmp_path, TIGHTER)
    room.agreed.documents[hashlib.sha256(AGREED).hexdigest()] = TIGHTER
    with pytest.raises(PolicyUnknown, match="does not have the digest"):
        _upload(room, tmp_path)


def _left_out(steps):
    del steps[0]


def _exchanged(steps):
    first, second = (collaboration_pb2.PolicyStep.FromString(s.SerializeToString()) for s in steps)
    steps[:] = [second, first]


def _of_another_collaboration(steps):
    for step in steps:
        said = Statement.parse(step.step.statement)
        step.step.statement = said.encode().replace(b"spring", b"autumn")


@pytest.mark.parametrize("change", [_left_out, _exchanged, _of_another_collaboration])
def test_a_history_that_does_not_hold_together_is_refused(room, tmp_path, change):
    join(room, tmp_path)
    change(room.agreed.steps)
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="history"):
        partner.history()


def test_each_step_is_told_with_whether_it_is_believed(room, tmp_path):
    join(room, tmp_path)
    step = room.agreed.steps[-1].step
    said = Statement.parse(step.statement)
    certificate, key = room.authority.member("acme-brand")
    step.certificates = certificate
    step.signature = sign(_key(key), step.statement)
    with connect(room, tmp_path) as partner:
        first, second = partner.history()
    assert (first.is_believed, first.statement.party) == (True, "acme-brand")
    assert not second.is_believed
    assert "exactly the expected signer" in second.fault
    assert second.statement == said


def _key(pem):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem, None)


def _went_on(context):
    refuse(context, grpc.StatusCode.ABORTED, "POLICY_STEP_CONFLICT", "the history went on")


def test_an_acceptance_is_signed_again_behind_others(room, tmp_path):
    room.faults["AcceptPolicy"] = [_went_on, _went_on]
    with connect(room, tmp_path) as partner:
        partner.accept()
    assert room.count("AcceptPolicy") == 3
    assert Statement.parse(room.agreed.steps[0].step.statement).kind is StepKind.ACCEPT


def test_an_acceptance_is_not_moved_to_what_was_proposed_meanwhile(room, tmp_path):
    def replaced(context):
        room.document = TIGHTER
        _went_on(context)

    room.faults["AcceptPolicy"] = [replaced]
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="read it again"):
        partner.accept()
    assert not room.agreed.steps


def test_an_officer_accepts_for_its_party_without_a_keystore(room, tmp_path):
    folder = tmp_path / "officer"
    _officer(room, folder, party="acme-brand")
    with connect(room, folder, who="jane") as jane:
        jane.accept()
    (step,) = room.agreed.steps
    assert Statement.parse(step.step.statement).party == "acme-brand"
    assert room.acceptances == {"jane": b""}  # the fake goes by the last part of the name
    assert not list(folder.glob("*.keystore*"))


def test_an_officer_of_no_party_is_told_that_it_cannot_accept(room, tmp_path):
    room.profile(tmp_path, who="jane", kind="officer")
    with connect(room, tmp_path, who="jane") as jane, pytest.raises(ProfileInvalid, match="party"):
        jane.accept()


def _officer(room, folder, *, party):
    """Write an officer's profile: its certificate names the party before it."""
    path = room.profile(folder, who="jane", kind="officer")
    certificate, key = room.authority.member("jane", kind=f"officer/{party}")
    (folder / "jane.pem").write_bytes(certificate)
    (folder / "jane.key").write_bytes(key)
    text = path.read_text().replace('keystore = "jane.keystore.json"\n', "")
    path.write_text(text + f'party = "{party}"\n')

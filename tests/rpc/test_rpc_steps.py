"""Signed steps over TLS: whose word is taken, and in which place only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import grpc
import pytest

from cleanroom.audit.certificates import load_certificates, sign, verify_signature
from cleanroom.audit.step import NO_STEP, Statement, Step, StepKind, verify_chain
from cleanroom.sandbox.pki import create_authority, issue
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom.v1.collaboration_pb2_grpc import CollaborationServiceStub
from support.policies import edited
from support.rooms import NOON, Room
from support.served import DOMAIN, END, START, reason_of, served

POLICY = edited(("2026-03-01", "2026-01-01"))
ACME = f"spiffe://{DOMAIN}/party/acme-brand"
JANE = f"spiffe://{DOMAIN}/officer/acme-brand/jane"


@dataclass(frozen=True)
class Caller:
    """Somebody with a certificate, a channel, and a key to sign with."""

    uri: str
    credential: object
    stub: CollaborationServiceStub

    def view(self):
        return self.stub.GetCollaboration(pb.GetCollaborationRequest(), timeout=20)

    def statement(self, seen, **other):
        facts = {
            "kind": StepKind.ACCEPT,
            "collaboration": seen.collaboration,
            "policy_digest": seen.latest.digest,
            "position": seen.next_position,
            "previous": seen.previous,
            "signer": self.uri,
            "time_s": NOON,
        }
        return Statement(**(facts | other))

    def signed(self, statement, by=None):
        held, data = by or self.credential, statement.encode()
        return pb.SignedStep(
            statement=data, signature=sign(held.key, data), certificates=held.certificate_pem
        )

    def accept(self, seen, signed):
        request = pb.AcceptPolicyRequest(
            collaboration=seen.collaboration, digest=seen.latest.digest, signed=signed
        )
        return self.stub.AcceptPolicy(request, timeout=20)


@pytest.fixture
def server(tmp_path):
    room = Room.open(tmp_path, POLICY, accept=False, in_memory=True)
    with served(room.service, tmp_path) as running:
        yield running


@pytest.fixture
def caller(server):
    def make(uri):
        held = issue(server.authority, [uri], not_before=START, not_after=END)
        stub = CollaborationServiceStub(server.channel_of(held))
        return Caller(uri=uri, credential=held, stub=stub)

    return make


def _refused(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return reason_of(refused.value)


SIGNATURE = (grpc.StatusCode.INVALID_ARGUMENT, "SIGNATURE_INVALID")


@pytest.mark.parametrize("uri", [ACME, JANE])
def test_a_party_and_its_officer_accept_in_the_partys_name(caller, uri):
    somebody = caller(uri)
    seen = somebody.view()
    answer = somebody.accept(seen, somebody.signed(somebody.statement(seen)))
    assert list(answer.waiting_for) == ["megamart", "fiscal-data"]
    assert [a.party for a in somebody.view().latest_acceptances] == ["acme-brand"]


def test_an_officer_of_nobody_accepts_for_nobody(caller):
    officer = caller(f"spiffe://{DOMAIN}/officer/officer")
    seen = officer.view()
    refused = _refused(lambda: officer.accept(seen, officer.signed(officer.statement(seen))))
    assert refused[1] == "NOT_FOUND_OR_NOT_PERMITTED"


def test_an_officer_of_a_party_sees_its_collaborations_and_not_the_log(caller, server):
    from cleanroom.v1.audit_pb2 import ListEntriesRequest
    from cleanroom.v1.audit_pb2_grpc import AuditServiceStub

    assert caller(JANE).view().collaboration == "spring-campaign"
    stub = AuditServiceStub(server.channel(JANE))
    refused = _refused(lambda: stub.ListEntries(ListEntriesRequest(count=1), timeout=20))
    assert refused[1] == "NOT_FOUND_OR_NOT_PERMITTED"
    stranger = caller(f"spiffe://{DOMAIN}/officer/stranger/joe")
    assert _refused(stranger.view)[1] == "FIELD_INVALID"


def _nothing(_caller, _seen):
    return pb.SignedStep()


def _of_another_signer(caller, seen):
    return caller.signed(caller.statement(seen, signer=f"spiffe://{DOMAIN}/party/megamart"))


def _of_another_act(caller, seen):
    return caller.signed(caller.statement(seen, kind=StepKind.PROPOSE))


def _of_another_policy(caller, seen):
    return caller.signed(caller.statement(seen, policy_digest="ab" * 32))


def _of_another_collaboration(caller, seen):
    return caller.signed(caller.statement(seen, collaboration="autumn-campaign"))


def _of_another_day(caller, seen):
    return caller.signed(caller.statement(seen, time_s=NOON - 86_400))


def _with_a_changed_signature(caller, seen):
    signed = caller.signed(caller.statement(seen))
    signed.signature = signed.signature[:-1] + bytes([signed.signature[-1] ^ 1])
    return signed


def _with_a_changed_statement(caller, seen):
    signed = caller.signed(caller.statement(seen))
    signed.statement = caller.statement(seen, time_s=NOON + 1).encode()
    return signed


def _with_another_key(caller, seen):
    other = issue(_foreign(), [caller.uri], not_before=START, not_after=END)
    signed = caller.signed(caller.statement(seen), by=other)
    signed.certificates = caller.credential.certificate_pem
    return signed


def _with_a_certificate_of_another_authority(caller, seen):
    other = issue(_foreign(), [caller.uri], not_before=START, not_after=END)
    return caller.signed(caller.statement(seen), by=other)


def _with_no_statement_of_ours(caller, seen):
    data = b"cleanroom/v1 hpke key announcement\0" + seen.latest.digest.encode()
    signed = caller.signed(caller.statement(seen))
    signed.statement, signed.signature = data, sign(caller.credential.key, data)
    return signed


def _with_endless_certificates(caller, seen):
    signed = caller.signed(caller.statement(seen))
    signed.certificates = signed.certificates * 40
    return signed


def _foreign():
    return create_authority("other", not_before=START, not_after=END)


@pytest.mark.parametrize(
    "make",
    [
        _nothing,
        _of_another_signer,
        _of_another_act,
        _of_another_policy,
        _of_another_collaboration,
        _of_another_day,
        _with_a_changed_signature,
        _with_a_changed_statement,
        _with_another_key,
        _with_a_certificate_of_another_authority,
        _with_no_statement_of_ours,
        _with_endless_certificates,
    ],
)
def test_a_step_that_its_caller_did_not_sign_is_not_taken(caller, make):
    acme = caller(ACME)
    seen = acme.view()
    assert _refused(lambda: acme.accept(seen, make(acme, seen))) == SIGNATURE
    assert not acme.view().latest_acceptances


def test_another_valid_certificate_of_the_same_party_does_not_sign_on_this_connection(
    caller, server
):
    acme = caller(ACME)
    seen = acme.view()
    stolen = issue(server.authority, [ACME], not_before=START, not_after=END)
    signed = acme.signed(acme.statement(seen), by=stolen)
    assert _refused(lambda: acme.accept(seen, signed)) == SIGNATURE


@pytest.mark.parametrize(
    "other", [{"position": 3}, {"position": 1, "previous": NO_STEP}, {"previous": "ab" * 32}]
)
def test_a_wrong_place_is_refused_with_the_right_one(caller, other):
    acme = caller(ACME)
    seen = acme.view()
    signed = acme.signed(acme.statement(seen, **other))
    with pytest.raises(grpc.RpcError) as refused:
        acme.accept(seen, signed)
    assert reason_of(refused.value) == (grpc.StatusCode.ABORTED, "POLICY_STEP_CONFLICT")
    assert f"number {seen.next_position} behind {seen.previous}" in refused.value.details()


def test_a_step_sent_again_is_answered_and_taken_once(caller):
    acme = caller(ACME)
    seen = acme.view()
    signed = acme.signed(acme.statement(seen))
    first, again = acme.accept(seen, signed), acme.accept(seen, signed)
    assert list(first.waiting_for) == list(again.waiting_for)
    assert acme.view().next_position == seen.next_position + 1


def test_an_acceptance_does_not_count_for_the_same_policy_proposed_anew(caller):
    acme, mega = caller(ACME), caller(f"spiffe://{DOMAIN}/party/megamart")
    seen = acme.view()
    old = acme.signed(acme.statement(seen))
    acme.accept(seen, old)
    _propose(mega, POLICY + "# another\n")
    _propose(mega, POLICY)
    fresh = acme.view()
    assert fresh.latest.digest == seen.latest.digest
    assert not fresh.latest_acceptances
    acme.accept(fresh, old)  # answered as before, and nothing more
    assert not acme.view().latest_acceptances
    moved = acme.signed(replace(Statement.parse(old.statement), position=fresh.next_position))
    assert _refused(lambda: acme.accept(fresh, moved))[1] == "POLICY_STEP_CONFLICT"


def _propose(caller, document):
    data = document.encode()
    asked = caller.stub.ProposePolicy(
        pb.ProposePolicyRequest(document=data, validate_only=True), timeout=20
    )
    statement = Statement(
        kind=StepKind.PROPOSE,
        collaboration=asked.collaboration,
        policy_digest=asked.digest,
        position=asked.next_position,
        previous=asked.previous,
        signer=caller.uri,
        time_s=NOON,
    )
    request = pb.ProposePolicyRequest(document=data, signed=caller.signed(statement))
    return caller.stub.ProposePolicy(request, timeout=20)


def test_looking_at_what_a_proposal_would_mean_keeps_nothing(caller):
    acme = caller(ACME)
    before = acme.view()
    request = pb.ProposePolicyRequest(document=(POLICY + "# x\n").encode(), validate_only=True)
    asked = acme.stub.ProposePolicy(request, timeout=20)
    assert (asked.next_position, asked.previous) == (before.next_position, before.previous)
    assert asked.digest != before.latest.digest
    assert acme.view() == before


def test_a_history_verifies_with_nothing_but_the_authority(caller, server):
    names = ("party/acme-brand", "officer/megamart/mia", "party/fiscal-data")
    for name in names:
        member = caller(f"spiffe://{DOMAIN}/{name}")
        seen = member.view()
        member.accept(seen, member.signed(member.statement(seen)))
    listed = caller(ACME).stub.ListPolicySteps(
        pb.ListPolicyStepsRequest(collaboration="spring-campaign", start=1, count=100), timeout=20
    )
    steps = [
        Step(
            statement=s.step.statement,
            signature=s.step.signature,
            certificates=s.step.certificates,
        )
        for s in listed.steps
    ]
    statements = verify_chain(steps)
    assert [s.party for s in statements] == ["", "acme-brand", "megamart", "fiscal-data"]
    assert [s.put_in_force for s in listed.steps] == [False, False, False, True]
    for statement, step in list(zip(statements, steps, strict=True))[1:]:
        verify_signature(
            message=step.statement,
            signature=step.signature,
            certificates=step.certificates,
            identity=statement.signer,
            authorities=load_certificates(server.authority.certificate_pem),
            at=datetime.fromtimestamp(statement.time_s, UTC),
        )


def test_outsiders_read_neither_steps_nor_policies(caller):
    stranger, seen = caller(f"spiffe://{DOMAIN}/party/stranger"), caller(ACME).view()
    steps = pb.ListPolicyStepsRequest(collaboration="spring-campaign", start=1, count=1)
    policy = pb.GetPolicyRequest(collaboration="spring-campaign", digest=seen.latest.digest)
    for call in (
        lambda: stranger.stub.ListPolicySteps(steps, timeout=20),
        lambda: stranger.stub.GetPolicy(policy, timeout=20),
    ):
        assert _refused(call)[1] == "NOT_FOUND_OR_NOT_PERMITTED"

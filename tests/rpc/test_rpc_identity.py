"""Who may call: certificates that are not what they must be."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.sandbox.pki import create_authority, issue
from cleanroom.usecases import inspect
from cleanroom.v1.collaboration_pb2 import GetCollaborationRequest
from cleanroom.v1.collaboration_pb2_grpc import CollaborationServiceStub
from support.policies import edited
from support.rooms import AUDITOR, NOON, Room
from support.served import DOMAIN, END, START, reason_of, served

POLICY = edited(("2026-03-01", "2026-01-01"))
ACME = f"spiffe://{DOMAIN}/party/acme-brand"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Room.open(tmp_path_factory.mktemp("room"), POLICY, accept=False)


@pytest.fixture(scope="module")
def server(room, tmp_path_factory):
    with served(room.service, tmp_path_factory.mktemp("tls")) as running:
        yield running


def _call(channel):
    return CollaborationServiceStub(channel).GetCollaboration(GetCollaborationRequest(), timeout=20)


def _refusal(channel):
    with pytest.raises(grpc.RpcError) as refused:
        _call(channel)
    return reason_of(refused.value)


def test_a_party_with_one_uri_is_who_the_uri_says(server):
    assert _call(server.channel(ACME)).collaboration == "spring-campaign"


ODD = {
    "two URIs": (ACME, f"spiffe://{DOMAIN}/party/megamart"),
    "a URI and a DNS name": (ACME, "acme.example"),
    "a DNS name": ("acme-brand",),
    "no name": (),
    "another trust domain": ("spiffe://other.test/party/acme-brand",),
    "another scheme": (f"https://{DOMAIN}/party/acme-brand",),
    "an unknown kind": (f"spiffe://{DOMAIN}/root/acme-brand",),
    "a longer path": (f"{ACME}/admin",),
    "an odd party name": (f"spiffe://{DOMAIN}/party/Acme%20Brand",),
}


@pytest.mark.parametrize("names", ODD.values(), ids=ODD.keys())
def test_a_certificate_with_other_names_is_refused(server, names):
    assert _refusal(server.channel(*names)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "IDENTITY_REFUSED",
    )


def test_a_certificate_that_is_not_for_clients_is_refused(server):
    channel = server.channel(ACME, client=False, server=True)
    assert _refusal(channel)[0] in {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNAVAILABLE,
    }


def test_an_authority_of_somebody_else_does_not_get_through_the_handshake(server):
    other = create_authority("other", not_before=START, not_after=END)
    foreign = issue(other, [ACME], not_before=START, not_after=END)
    assert _refusal(server.channel_of(foreign))[0] is grpc.StatusCode.UNAVAILABLE


def test_no_certificate_does_not_get_through_the_handshake(server):
    assert _refusal(server.channel_of(None))[0] is grpc.StatusCode.UNAVAILABLE


def test_an_expired_certificate_does_not_get_through_the_handshake(server):
    channel = server.channel(ACME, not_after=START + timedelta(days=1))
    assert _refusal(channel)[0] is grpc.StatusCode.UNAVAILABLE


def test_a_certificate_that_expires_while_its_channel_is_open_is_refused(server, room):
    channel = server.channel(ACME)
    _call(channel)
    room.service.clock.now = int(END.timestamp()) + 1
    try:
        assert _refusal(channel)[1] == "IDENTITY_REFUSED"
    finally:
        room.service.clock.now = NOON
    assert _call(channel).collaboration


@pytest.mark.parametrize("by", ["fingerprint", "uri"])
def test_a_revoked_certificate_is_refused_on_its_open_channel(server, by):
    credential = issue(server.authority, [ACME], not_before=START, not_after=END)
    channel = server.channel_of(credential)
    _call(channel)
    server.denied.add(credential.fingerprint if by == "fingerprint" else ACME)
    try:
        assert _refusal(channel) == (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_REFUSED")
    finally:
        server.denied.clear()
    assert _call(channel).collaboration


def test_a_refused_caller_is_in_the_log(server, room):
    _refusal(server.channel(ACME, "acme.example"))
    entries, _ = inspect.entries(room.service, AUDITOR, start=0, count=1000)
    assert decode_entry(entries[-1]).kind is EntryKind.AUTHENTICATION_FAILED


def test_new_server_certificates_are_used_without_a_restart(server):
    new = issue(
        server.authority,
        ["localhost"],
        not_before=START,
        not_after=END,
        client=False,
        server=True,
    )
    old_channel = server.channel(ACME)
    _call(old_channel)
    (server.folder / "server.key").write_bytes(new.key_pem)
    (server.folder / "server.pem").write_bytes(new.certificate_pem)
    assert _call(server.channel(ACME)).collaboration
    assert _call(old_channel).collaboration

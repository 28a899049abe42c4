"""The SDK acts on what its party accepted, not on what the service says was accepted."""

from __future__ import annotations

import secrets
import threading

import grpc
import pytest

from cleanroom.v1 import relay_pb2
from cleanroom_client import PolicyUnknown
from cleanroom_client.keystore import Keystore, SecretsMissing
from support.fake_answers import terms_of
from support.fake_partner import connect, exposures
from support.fake_service import fake_service, refuse

HMAC = (
    b"matching: {scheme: hmac}\n"
    b"datasets: {exposures: {owner: acme-brand}, sales: {owner: megamart}}\n"
)
_ENTROPY = secrets.token_bytes
DIGEST = "ab" * 32


@pytest.fixture(name="room")
def _room():
    with fake_service() as room:
        yield room


@pytest.fixture(name="store")
def _store(tmp_path):
    store = Keystore.create(tmp_path / "keystore.json", passphrase=None, entropy=_ENTROPY)
    store.ensure("spring", entropy=_ENTROPY)
    return store


def _join(room, folder):
    for who in ("acme-brand", "megamart"):
        with connect(room, folder, who=who) as partner:
            partner.accept()


def test_a_document_that_the_service_put_in_the_place_of_the_accepted_one_gets_nothing(
    room, tmp_path
):
    _join(room, tmp_path)
    room.terms = terms_of("sha256")
    room.document = b"matching: {scheme: sha256, allow_unsalted: true}\n"
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="was not accepted"):
        partner.upload("exposures", exposures(3))
    assert not room.uploads


def test_the_key_is_wrapped_for_no_owner_that_the_accepted_policy_does_not_name(room, tmp_path):
    room.terms, room.document = terms_of("hmac"), HMAC
    _join(room, tmp_path)
    with connect(room, tmp_path, who="accomplice") as partner:
        partner.accept()
    room.terms.owners.append("accomplice")
    with connect(room, tmp_path) as holder, pytest.raises(PolicyUnknown, match="other owners"):
        holder.blind()
    assert not room.envelopes


def test_the_key_is_not_shared_under_a_policy_that_was_never_accepted(room, tmp_path):
    room.terms, room.document = terms_of("hmac"), HMAC
    _join(room, tmp_path)
    room.document = HMAC + b"# and a word more\n"
    with connect(room, tmp_path) as holder, pytest.raises(PolicyUnknown, match="was not accepted"):
        holder.blind()
    assert not room.envelopes


def test_an_answer_for_another_collaboration_is_refused(room, tmp_path):
    room.profile(tmp_path, who="acme-brand")
    path = tmp_path / "acme-brand.toml"
    text = path.read_text().replace('collaboration = "spring"', 'collaboration = "autumn"')
    path.write_text(text)
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="not autumn"):
        partner.collaboration()


def test_what_was_accepted_is_read_back_and_seen_by_other_processes(store, tmp_path):
    beside = Keystore.open(tmp_path / "keystore.json", passphrase=None)
    assert not beside.has_accepted("spring", DIGEST)
    for digest in (DIGEST, "cd" * 32, DIGEST):
        store.note_accepted("spring", digest, entropy=_ENTROPY)
    assert store.secrets("spring").accepted == (b"\xab" * 32, b"\xcd" * 32)
    assert beside.has_accepted("spring", DIGEST)
    assert not beside.has_accepted("spring", "ef" * 32)


def test_nothing_is_noted_for_a_collaboration_without_secrets(store):
    with pytest.raises(SecretsMissing):
        store.note_accepted("autumn", DIGEST, entropy=_ENTROPY)
    with pytest.raises(SecretsMissing):
        store.ensure_shared_key("autumn", entropy=_ENTROPY)


def test_processes_that_make_the_shared_key_at_once_all_get_one(store, tmp_path):
    stores = [Keystore.open(tmp_path / "keystore.json", passphrase=None) for _ in range(8)]
    made = []

    def make(one):
        made.append(one.ensure_shared_key("spring", entropy=_ENTROPY).reveal_to_keystore())

    threads = [threading.Thread(target=make, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(stores)
    assert len(set(made)) == 1


def _over(context):
    refuse(
        context, grpc.StatusCode.FAILED_PRECONDITION, "UPLOAD_CONFLICT", "its upload was replaced"
    )


def test_a_task_that_is_over_meanwhile_does_not_end_the_agent(room, tmp_path):
    _join(room, tmp_path)
    room.elements["t-1"] = [(9).to_bytes(32, "little")]
    room.tasks["t-1"] = relay_pb2.RelayTask(
        id="t-1", collaboration="spring", key_type="email", size=1, chunk_elements=4
    )
    room.pending = 1

    def give_way(context):
        room.pending = 0
        _over(context)

    room.faults["StreamElements"] = [give_way]
    with connect(room, tmp_path) as partner:
        assert partner.blind(max_wait_s=5) == 1
    assert not room.tasks

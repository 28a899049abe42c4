"""The keystore file: who may read it, how it is sealed, what a damaged one says."""

import json
import os
import secrets
import threading

import pytest

from cleanroom_client import keystore as module
from cleanroom_client.blinding import SharedKey
from cleanroom_client.keystore import (
    Keystore,
    KeystoreDamaged,
    KeystoreError,
    KeystoreExists,
    KeystoreExposed,
    KeystoreMissing,
    KeystoreUnreadable,
    PassphraseNeeded,
    PassphraseUnused,
    PassphraseWrong,
    Secrets,
    SecretsMissing,
)

_ENTROPY = secrets.token_bytes


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / module.FILE_NAME


@pytest.fixture(autouse=True)
def _quick_scrypt(monkeypatch):
    monkeypatch.setattr(module, "_SCRYPT_N", 2**4)


def _raw(held):
    shared = None if held.shared is None else held.shared.reveal_to_keystore()
    blinding, person = held.blinding.reveal_to_keystore(), held.person.reveal_to_keystore()
    return blinding, person, held.hpke.private_bytes_raw(), shared


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_what_is_ensured_is_read_back_the_same(path, passphrase):
    store = Keystore.create(path, passphrase=passphrase, entropy=_ENTROPY)
    made = store.ensure("spring", entropy=_ENTROPY)
    store.ensure("autumn", entropy=_ENTROPY)
    store.keep_shared_key("spring", SharedKey(b"\x05" * 32), entropy=_ENTROPY)
    again = Keystore.open(path, passphrase=passphrase)
    assert again.collaborations == ("autumn", "spring")
    assert _raw(again.secrets("spring")) == (*_raw(made)[:3], b"\x05" * 32)
    assert _raw(again.ensure("spring", entropy=_ENTROPY)) == _raw(again.secrets("spring"))


def test_secrets_of_two_collaborations_share_nothing(path):
    store = Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    one, two = (_raw(store.ensure(name, entropy=_ENTROPY))[:3] for name in ("one", "two"))
    assert len({*one, *two}) == 6


def test_the_file_is_private_whatever_the_umask(path):
    before = os.umask(0)
    try:
        Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o601])
def test_a_file_open_to_others_is_refused(path, mode):
    Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    path.chmod(mode)
    with pytest.raises(KeystoreExposed, match="chmod 600"):
        Keystore.open(path, passphrase=None)


def test_a_sealed_file_shows_no_secret_and_not_even_a_name(path):
    store = Keystore.create(path, passphrase="correct horse", entropy=_ENTROPY)
    held = store.ensure("spring", entropy=_ENTROPY)
    text = path.read_text()
    assert set(json.loads(text)) == {"version", "salt", "nonce", "sealed"}
    assert "spring" not in text
    assert not any(module._b64(raw) in text for raw in _raw(held)[:3])


def test_each_save_draws_a_new_salt_and_nonce(path):
    store = Keystore.create(path, passphrase="correct horse", entropy=_ENTROPY)
    first = json.loads(path.read_text())
    store.ensure("spring", entropy=_ENTROPY)
    second = json.loads(path.read_text())
    assert first["nonce"] != second["nonce"]
    assert first["salt"] != second["salt"]


@pytest.mark.parametrize(
    ("made_with", "opened_with", "error"),
    [
        ("right", "wrong", PassphraseWrong),
        ("right", "", PassphraseWrong),
        ("right", None, PassphraseNeeded),
        (None, "any", PassphraseUnused),
    ],
)
def test_the_passphrase_must_be_the_one_it_was_sealed_with(path, made_with, opened_with, error):
    Keystore.create(path, passphrase=made_with, entropy=_ENTROPY)
    with pytest.raises(error) as caught:
        Keystore.open(path, passphrase=opened_with)
    assert str(path) in str(caught.value)
    assert "right" not in str(caught.value)


def test_an_altered_sealed_file_is_refused(path):
    Keystore.create(path, passphrase="right", entropy=_ENTROPY)
    document = json.loads(path.read_text())
    box = bytearray(module._unb64(document["sealed"]))
    box[0] ^= 1
    path.write_text(json.dumps(document | {"sealed": module._b64(bytes(box))}))
    with pytest.raises(PassphraseWrong):
        Keystore.open(path, passphrase="right")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "\ufffe",
        '{"version": "cleanroom-keystore/v2", "collaborations": {}}',
        '{"version": "cleanroom-keystore/v1"}',
        '{"version": "cleanroom-keystore/v1", "collaborations": []}',
        '{"version": "cleanroom-keystore/v1", "collaborations": {"a": 1}}',
        '{"version": "cleanroom-keystore/v1", "collaborations": {"a": {}}}',
        '{"version": "cleanroom-keystore/v1", "collaborations": {"a": {"blinding": "AA=="}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_named_as_such(path, text):
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeystoreDamaged, match="damaged"):
        Keystore.open(path, passphrase=None)


def test_an_unknown_secret_is_refused(path):
    store = Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    store.ensure("spring", entropy=_ENTROPY)
    document = json.loads(path.read_text())
    document["collaborations"]["spring"]["more"] = module._b64(bytes(32))
    path.write_text(json.dumps(document))
    with pytest.raises(KeystoreDamaged):
        Keystore.open(path, passphrase=None)


def test_a_missing_file_and_a_folder_are_told_apart(path):
    with pytest.raises(KeystoreMissing):
        Keystore.open(path, passphrase=None)
    path.mkdir(0o700)
    with pytest.raises(KeystoreUnreadable):
        Keystore.open(path, passphrase=None)


def test_create_never_overwrites(path):
    store = Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    store.ensure("spring", entropy=_ENTROPY)
    before = path.read_bytes()
    with pytest.raises(KeystoreExists):
        Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    assert path.read_bytes() == before


def test_nothing_is_held_before_it_is_ensured(path):
    store = Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    with pytest.raises(SecretsMissing):
        store.secrets("spring")
    with pytest.raises(SecretsMissing):
        store.keep_shared_key("spring", SharedKey(bytes(32)), entropy=_ENTROPY)


def test_two_openings_of_one_file_agree_on_the_secret_made_first(path):
    one = Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    two = Keystore.open(path, passphrase=None)
    made = one.ensure("spring", entropy=_ENTROPY)
    assert _raw(two.ensure("spring", entropy=_ENTROPY)) == _raw(made)


def test_racing_openings_end_with_one_secret(path):
    Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    stores = [Keystore.open(path, passphrase=None) for _ in range(6)]
    found = []
    threads = [
        threading.Thread(target=lambda s=s: found.append(_raw(s.ensure("x", entropy=_ENTROPY))))
        for s in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_failed_save_keeps_the_old_file_and_uses_nothing_unsaved(path, monkeypatch):
    store = Keystore.create(path, passphrase=None, entropy=_ENTROPY)
    before = path.read_bytes()

    def fail(_descriptor):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", fail)
        with pytest.raises(OSError, match="no space"):
            store.ensure("spring", entropy=_ENTROPY)
    assert path.read_bytes() == before
    with pytest.raises(SecretsMissing):
        store.secrets("spring")
    assert _raw(store.ensure("spring", entropy=_ENTROPY))  # the temporary file is in nobody's way


def test_printing_shows_no_secret(path):
    store = Keystore.create(path, passphrase="correct horse", entropy=_ENTROPY)
    held = store.ensure("spring", entropy=_ENTROPY)
    assert repr(held) == "Secrets()"
    assert repr(store) == f"<Keystore {path}>"


def test_fresh_secrets_have_no_shared_key_and_errors_are_one_family():
    assert Secrets.generate(_ENTROPY).shared is None
    assert all(issubclass(e, KeystoreError) for e in (KeystoreDamaged, PassphraseWrong))

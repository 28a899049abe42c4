"""A bad profile, certificate, keystore, receipt, policy or configuration, as users make them.

Each gives one sentence that says what to do and an exit code; the corrected command works.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from cleanroom.sandbox.pki import create_authority, issue, load_credential
from cleanroom_client.keystore import Keystore
from support.cli import Command, free_address, says, serving
from support.cli_room import PAIR, POLICY

SHORT = ("--timeout", "1")  # and so long an unreachable service is tried again

PROFILES = {
    "unknown key": (lambda t: t + 'colour = "red"\n', ["unknown key colour", "server_name"]),
    "no name": (lambda t: t.replace('name = "acme-brand"\n', "", 1), ["key name", "missing"]),
    "no TOML": (lambda _: "server = \n", ["not valid TOML", "line 1"]),
    "no port": (lambda t: t.replace("127.0.0.1:", "127.0.0.1;"), ["server", "host:port"]),
    "no certificate": (lambda t: t.replace("acme-brand.pem", "none.pem"), ["none.pem"]),
    "another's key": (
        lambda t: t.replace("acme-brand/acme-brand.key", "megamart/megamart.key"),
        ["megamart.key", "not that of", "acme-brand.pem"],
    ),
    "another's identity": (
        lambda t: t.replace("acme-brand/acme-brand.", "megamart/megamart."),
        ["megamart.pem", "spiffe://cleanroom.test/party/acme-brand"],
    ),
    "another server's name": (
        lambda t: t.replace('"localhost"', '"elsewhere.example"'),
        ["no trusted connection", "server_name"],
    ),
    "another authority": (
        lambda t: t.replace("acme-brand/ca.pem", "other-ca.pem"),
        ["no trusted connection", "ca"],
    ),
    "a certificate of another authority": (
        lambda t: t.replace("acme-brand/acme-brand.", "stranger."),
        ["cannot be reached", "accepts this certificate"],
    ),
    "an expired certificate": (
        lambda t: t.replace("acme-brand/acme-brand.", "expired."),
        ["expired.pem", "expired on", "ask the operator"],
    ),
    "no server there": (
        lambda t: re.sub(r"127\.0\.0\.1:\d+", free_address(), t),
        ["127.0.0.1:", "cannot be reached", "check that it runs"],
    ),
    "log key": (lambda t: re.sub(r'log_key = "[^"]*"', 'log_key = "x"', t), ["log_key", "name+"]),
}


@pytest.fixture(scope="module")
def refused_profiles(room):
    _make_certificates(room)
    text = room.profile("acme-brand").read_text()
    commands = []
    for index, (change, _) in enumerate(PROFILES.values()):
        path = room.box / "parties" / f"bad-{index}.toml"
        path.write_text(change(text))
        words = ("cleanroom-client", "--profile", str(path), *SHORT, "budget")
        commands.append(Command(words=words))
    return dict(zip(PROFILES, room.terminal.run_all(commands), strict=True))


def _make_certificates(room):
    now = datetime.now(UTC)
    name = ["spiffe://cleanroom.test/party/acme-brand"]
    past = {"not_before": now - timedelta(days=9), "not_after": now - timedelta(days=2)}
    future = {"not_before": now - timedelta(days=1), "not_after": now + timedelta(days=9)}
    ca = room.box / "ca"
    ours = load_credential((ca / "ca.pem").read_bytes(), (ca / "ca.key").read_bytes())
    other = create_authority("another authority", **future)
    folder = room.box / "parties"
    (folder / "other-ca.pem").write_bytes(other.certificate_pem)
    for file, held in (
        ("expired", issue(ours, name, **past)),
        ("stranger", issue(other, name, **future)),
    ):
        (folder / f"{file}.pem").write_bytes(held.certificate_pem)
        (folder / f"{file}.key").write_bytes(held.key_pem)


@pytest.mark.parametrize("name", PROFILES)
def test_a_bad_profile_is_refused_with_the_file_and_the_key(refused_profiles, name):
    says(refused_profiles[name], PROFILES[name][1])


def test_no_profile_is_a_sentence_too(room):
    says(room.terminal.run("cleanroom-client", "budget"), ["--profile FILE"])
    says(
        room.terminal.run("cleanroom-client", "--profile", "none.toml", "budget"),
        ["none.toml", "no profile"],
    )
    says(
        room.client("auditor", "upload", "sales", "sales.csv"),
        ["sales", "megamart's", "only its owner"],
    )
    assert "ledgers/megamart/loyalty" in room.client("megamart", "budget").ok()


def test_a_bad_keystore_is_refused_with_what_to_do(room):
    store = room.box / "parties/fiscal-data/fiscal-data.keystore"
    good, upload = store.read_bytes(), ("fiscal-data", "upload", "panel", "panel.csv", "--again")
    store.chmod(0o644)
    says(room.client(*upload), ["open to other users", f"chmod 600 {store}"])
    store.chmod(0o600)
    store.write_bytes(good[:50])
    says(room.client(*upload), ["damaged", "backup"])
    store.unlink()
    says(room.client(*upload), ["no keystore", "'accept'"])
    Keystore.create(store, passphrase="right", entropy=secrets.token_bytes)
    says(room.client(*upload), ["CLEANROOM_PASSPHRASE"])
    says(room.client(*upload, env={"CLEANROOM_PASSPHRASE": "wrong"}), ["does not open"])
    store.write_bytes(good)
    says(room.client(*upload, env={"CLEANROOM_PASSPHRASE": "right"}), ["not sealed"])
    assert "is complete" in room.client(*upload).ok()


def test_a_receipt_with_one_byte_changed_or_another_logs_key_is_refused(room):
    room.client("acme-brand", "ask", "match-rate", *PAIR, "--receipt", "r.json").ok()
    raw = (room.folder / "r.json").read_bytes()
    key = "box/log.vkey"
    other = re.sub(r"\+[0-9a-f]+\+", "+00000000+", (room.folder / key).read_text().strip())
    places = {"digit": raw.index(b"epoch_s") + 10, "entry": raw.index(b'"entry"') + 60}
    for name, at in places.items():
        (room.folder / name).write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    (room.folder / "cut").write_bytes(raw[:-30])
    cases = (
        ("digit", key, ["digit", "not valid", "step 5"]),
        ("entry", key, ["entry", "not valid", "step"]),
        ("cut", key, ["cut", "step 1", "damaged"]),
        ("r.json", other, ["key"]),
        ("r.json", "nokey", ["--log-key", "name+keyid+base64"]),
        ("none", key, ["none", "cannot be read"]),
    )
    for file, log_key, words in cases:
        command = ("cleanroom-client", "receipt", "verify", file, "--log-key", log_key)
        says(room.terminal.run(*command), words)
    command = ("cleanroom-client", "receipt", "verify", "r.json", "--log-key", key)
    assert "the receipt is valid" in room.terminal.run(*command).ok()


# The operator

LINES = POLICY.count("\n")
POLICIES = {
    "duplicate": (
        POLICY + "collaboration: other\n",
        [f":{LINES + 1}:1:", "'collaboration'", "line 2"],
    ),
    "tab": (POLICY.replace("  acme-brand:", "\tacme-brand:"), [":5:1:", "tab", "spaces"]),
    "unknown": (POLICY + "colour: red\n", [f":{LINES + 1}:1:", "'colour'"]),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_bad_policy_is_refused_with_line_and_column_everywhere(room, name):
    text, words = POLICIES[name]
    (room.folder / f"{name}.yaml").write_text(text)
    words = [f"{name}.yaml{words[0]}", *words[1:]]
    linted = room.operator("policy", "lint", f"{name}.yaml")
    assert linted.code == 2
    assert [word for word in words if word not in linted.out] == []
    says(room.operator("sandbox", "init", "new", "--policy", f"{name}.yaml"), words)
    assert not (room.folder / "new").exists()
    says(room.client("officer", "propose", f"{name}.yaml"), words)
    assert name not in room.client("officer", "status").ok()


def test_a_sandbox_is_not_made_over_anything_nor_of_nothing(room):
    init = ("sandbox", "init")
    policy = ("--policy", "policy.yaml")
    says(room.operator(*init, "box", *policy), ["box", "not empty", "new folder"])
    says(room.operator(*init, "new", "--policy", "none.yaml"), ["none.yaml"])
    says(room.operator(*init, "new", *policy, "--listen", "nowhere"), ["listen", "host:port"])
    says(room.operator(*init, "new"), ["'--policy'", "--help"])
    assert not (room.folder / "new").exists()


def test_two_servers_on_one_folder_or_port_are_refused(room):
    says(room.operator("serve", "--config", "box/server.toml"), ["data", "in use", "stop it"])
    init = ("sandbox", "init", "second", "--policy", "policy.yaml")
    room.operator(*init, "--listen", room.address).ok()
    second = room.folder / "second/server.toml"
    result = room.operator("serve", "--config", second)
    says(result, [f"cannot listen on {room.address}", "address already in use", "listen"])
    second.write_text(second.read_text().replace(room.address, free_address()))
    with serving(second):
        pass


def test_a_bad_configuration_is_refused_with_the_key(room):
    text = (room.box / "server.toml").read_text()
    (room.box / "unknown.toml").write_text('colour = "red"\n' + text)
    says(room.operator("serve", "--config", "box/unknown.toml"), ["colour", "listen"])
    says(room.operator("serve", "--config", "none.toml"), ["none.toml", "no configuration"])
    says(room.operator("audit", "verify"), ["an exported folder", "--config", "--help"])
    listing = ("audit", "list", "--config", "box/server.toml")
    says(room.operator(*listing, "--since", "yesterday"), ["--since", "2026-03-01"])
    says(room.operator(*listing, "--kind", "rumour"), ["--kind", "policy_accepted"])


def test_a_log_that_was_changed_is_refused(room):
    copy = room.folder / "copy"
    shutil.copytree(room.box, copy, ignore=shutil.ignore_patterns("*.lock", "server.log"))
    config = ("--config", "copy/server.toml")
    assert room.operator("audit", "verify", *config).ok()
    version = next((copy / "data/vault/versions").rglob("persons.parquet"))
    damaged = bytearray(version.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    version.write_bytes(damaged)
    fsck = room.operator("fsck", *config)
    assert fsck.code == 1
    assert "1 problem" in fsck.out
    with closing(sqlite3.connect(copy / "data/cleanroom.sqlite")) as store, store:
        store.execute("UPDATE log_entries SET entry = CAST(entry || ' ' AS BLOB) WHERE idx = 1")
    says(room.operator("audit", "verify", *config), ["log", "not consistent", "entry 1"])
    assert room.operator("audit", "verify", "--config", "box/server.toml").ok()


def test_the_servers_log_holds_json_lines_only(room, refused_profiles):
    assert refused_profiles
    for line in (room.box / "server.log").read_text().splitlines():
        assert json.loads(line)["level"]
    assert (room.box / "data").stat().st_mode & 0o077 == 0

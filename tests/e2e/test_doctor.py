"""`doctor` on a served room: what is well, what will not be for long, and what is wrong."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from cleanroom.sandbox.pki import issue, load_credential
from cleanroom_client.blinding.kernel import available
from support.cli import free_address


def examined(room, profile=None, env=None, before=()):
    """Return the exit code, and verdict and text by check."""
    words = ("--profile", str(profile)) if profile else ()
    result = room.terminal.run(
        "cleanroom-client", *words, *before, "doctor", "--json", env=env or {}
    )
    found = json.loads(result.out)
    return result.code, {f["check"]: (f["verdict"], f["text"]) for f in found}


def changed(room, name, change):
    """Return a copy of the advertiser's profile with a change."""
    path = room.box / "parties" / f"doctor-{name}.toml"
    path.write_text(change(room.profile("acme-brand").read_text()))
    return path


def test_doctor_finds_nothing_wrong_with_a_party_that_is_at_work(room):
    code, found = examined(room, room.profile("acme-brand"))
    assert code == 0
    assert list(found) == ["kernel", "certificate", "keystore", "service"]
    assert {verdict for verdict, _ in list(found.values())[1:]} == {"ok"}
    digest = json.loads(room.client("acme-brand", "status", "--json").ok())["in_force"]
    assert digest in found["service"][1]
    assert "spiffe://cleanroom.test/party/acme-brand" in found["certificate"][1]


def test_doctor_tells_an_auditor_how_long_the_log_is(room):
    code, found = examined(room, room.profile("auditor"))
    assert (code, list(found)) == (0, ["kernel", "certificate", "service"])
    assert found["service"][0] == "ok"
    assert "entries" in found["service"][1]


def test_doctor_without_a_profile_looks_at_this_machine_alone(room):
    code, found = examined(room)
    assert (code, list(found)) == (0, ["kernel"])


@pytest.mark.parametrize(
    ("path", "verdict"), [("python", "warning"), ("abacus", "problem"), (available()[0], None)]
)
def test_doctor_says_what_blinding_runs_on(room, path, verdict):
    code, found = examined(room, env={"CLEANROOM_KERNEL": path})
    assert code == int(verdict == "problem")
    assert found["kernel"][0] == (verdict or ("ok" if path != "python" else "warning"))
    assert "kernel" in found["kernel"][1] or path in found["kernel"][1]


def test_doctor_names_a_profile_that_cannot_be_used(room):
    profile = changed(room, "unknown", lambda text: text + 'colour = "red"\n')
    code, found = examined(room, profile)
    assert (code, found["profile"][0]) == (1, "problem")
    assert "unknown key colour" in found["profile"][1]


def test_doctor_names_a_service_that_does_not_answer(room):
    address = free_address()
    profile = changed(room, "silent", lambda text: text.replace(room.address, address))
    code, found = examined(room, profile, before=("--timeout", "1"))
    assert (code, found["service"][0], found["keystore"][0]) == (1, "problem", "ok")
    assert "cannot be reached" in found["service"][1]


def test_doctor_asks_to_accept_where_the_keystore_is_new(room):
    profile = changed(
        room, "new", lambda text: text.replace("acme-brand/acme-brand.keystore", "none.json")
    )
    code, found = examined(room, profile)
    assert (code, found["keystore"][0]) == (1, "problem")
    assert "run 'accept' first" in found["keystore"][1]
    assert found["service"][0] == "warning"
    assert "was not accepted with this keystore" in found["service"][1]


def test_doctor_warns_of_a_certificate_that_ends_soon(room):
    now = datetime.now(UTC)
    folder = room.box / "ca"
    pems = (folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes()
    authority = load_credential(*pems)
    soon = issue(
        authority,
        ["spiffe://cleanroom.test/party/acme-brand"],
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=5),
    )
    parties = room.box / "parties"
    (parties / "soon.pem").write_bytes(soon.certificate_pem)
    (parties / "soon.key").write_bytes(soon.key_pem)
    shutil.copymode(room.profile("acme-brand"), parties / "soon.key")
    profile = changed(
        room, "soon", lambda t: re.sub(r'"acme-brand/acme-brand\.(pem|key)"', r'"soon.\1"', t)
    )
    code, found = examined(room, profile)
    assert (code, found["certificate"][0]) == (0, "warning")
    assert "4 more days" in found["certificate"][1]
    assert "ask the operator for a new one" in found["certificate"][1]

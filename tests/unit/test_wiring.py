from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from cleanroom.config import Log, Tls, load_config
from cleanroom.model.names import Actor
from cleanroom.sandbox.create import create_sandbox
from cleanroom.sandbox.pki import create_authority, issue
from cleanroom.wiring.denied import DenyList
from cleanroom.wiring.environment import SystemEntropy
from cleanroom.wiring.errors import CannotServe
from cleanroom.wiring.lock import DataInUse, held
from cleanroom.wiring.logs import JsonLines
from cleanroom.wiring.opening import load_signers, open_store
from cleanroom.wiring.tls import check_tls
from cleanroom_client.blinding import BlindingKey
from support.policies import EXAMPLES

FINGERPRINT = "ab" * 32
ALICE = "spiffe://cleanroom.test/party/alice"
NOW_S = 1_790_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)
POLICY = (EXAMPLES / "demo.yaml").read_bytes()


def test_points_are_distinct_and_acceptable_to_those_who_blind_them():
    points = SystemEntropy().points(4)
    assert len(set(points)) == 4
    key = BlindingKey.generate(SystemEntropy().token_bytes)
    assert len({key.blind_one(point) for point in points}) == 4


def test_the_deny_list_knows_fingerprints_identities_and_comments(tmp_path):
    file = tmp_path / "denied.txt"
    colons = ":".join(["AB"] * 32)
    file.write_text(f"# stolen\n\n{colons}  # laptop\n{ALICE}\n")
    assert DenyList(file)() == {FINGERPRINT, ALICE}


def test_the_deny_list_is_read_again_when_the_file_changes(tmp_path):
    file = tmp_path / "denied.txt"
    file.write_text("# nobody\n")
    denied = DenyList(file)
    assert denied() == frozenset()
    file.write_text(f"{ALICE}\n")
    assert denied() == {ALICE}
    file.write_text("# nobody at all\n")
    assert denied() == frozenset()


@pytest.mark.parametrize("harm", ["bad line", "gone"])
def test_a_damaged_deny_list_readmits_nobody(tmp_path, caplog, harm):
    file = tmp_path / "denied.txt"
    file.write_text(f"{ALICE}\n")
    denied = DenyList(file)
    if harm == "gone":
        file.unlink()
    else:
        file.write_text(f"{FINGERPRINT}\nspiffe://oops\n")
    assert ALICE in denied()
    assert "stays denied" in caplog.text
    assert harm == "gone" or FINGERPRINT in denied()


def test_a_server_does_not_start_without_the_deny_list_it_was_told_of(tmp_path):
    with pytest.raises(CannotServe, match=r"denied\.txt"):
        DenyList(tmp_path / "denied.txt")
    (tmp_path / "denied.txt").write_text("alice\n")
    with pytest.raises(CannotServe, match=r"denied\.txt:1: expected"):
        DenyList(tmp_path / "denied.txt")


def test_one_data_folder_is_held_by_one_server(tmp_path):
    with held(tmp_path / "data"):
        with pytest.raises(DataInUse, match="in use by another"), held(tmp_path / "data"):
            pass
        with pytest.raises(DataInUse), held(tmp_path / "data", shared=True):
            pass
    with (
        held(tmp_path / "data", shared=True),
        held(tmp_path / "data", shared=True),
        pytest.raises(DataInUse),
        held(tmp_path / "data"),
    ):
        pass


@pytest.fixture
def tls(tmp_path):
    period = {"not_before": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=1)}
    authority = create_authority("test", **period)
    leaf = issue(authority, ["localhost"], client=False, server=True, **period)
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    (tmp_path / "server.pem").write_bytes(leaf.certificate_pem)
    (tmp_path / "server.key").write_bytes(leaf.key_pem)
    (tmp_path / "other.key").write_bytes(authority.key_pem)
    return Tls(
        ca=tmp_path / "ca.pem",
        certificate=tmp_path / "server.pem",
        key=tmp_path / "server.key",
    )


def test_good_tls_files_pass_and_expired_ones_do_not(tls):
    check_tls(tls, NOW_S)
    with pytest.raises(CannotServe, match="is valid from"):
        check_tls(tls, NOW_S + 2 * 86_400)


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("server.key", None, "cannot be read"),
        ("server.key", "other.key", "is not the unencrypted key"),
        ("server.pem", "other.key", "is not the unencrypted key"),
        ("ca.pem", "other.key", "expected certificates"),
    ],
)
def test_tls_files_that_cannot_work_are_named_at_start(tls, tmp_path, file, content, why):
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes((tmp_path / content).read_bytes())
    with pytest.raises(CannotServe, match=why) as caught:
        check_tls(tls, NOW_S)
    assert file in str(caught.value)


def test_a_log_key_open_to_others_or_of_another_kind_is_refused(tls, tmp_path):
    log = Log(name="cleanroom.test/log", key=tls.key)
    tls.key.chmod(0o640)
    with pytest.raises(CannotServe, match="chmod 600"):
        load_signers(log)
    tls.key.chmod(0o600)
    with pytest.raises(CannotServe, match="expected an unencrypted Ed25519"):
        load_signers(log)
    with pytest.raises(CannotServe, match="cannot be read"):
        load_signers(Log(name="cleanroom.test/log", key=tmp_path / "absent"))


def unsealable():
    try:
        int("maria@example.org")
    except ValueError as error:
        raise RuntimeError("cannot seal maria@example.org") from error


def test_a_logged_error_tells_where_it_arose_and_not_what_it_held():
    with pytest.raises(RuntimeError) as caught:
        unsealable()
    shown = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("rpc", logging.ERROR, "f", 1, "call %s failed", ("c-1",), shown)
    line = JsonLines().format(record)
    told = json.loads(line)
    assert "maria" not in line
    assert (told["level"], told["message"]) == ("ERROR", "call c-1 failed")
    assert [e["type"] for e in told["error"]] == ["RuntimeError", "ValueError"]
    assert "test_wiring.py" in told["error"][0]["where"][0]


def test_a_server_announces_itself_once_refuses_a_second_and_drains(tmp_path):
    sandbox = create_sandbox(tmp_path / "room", POLICY)
    text = sandbox.server_config.read_text().replace("127.0.0.1:8443", "127.0.0.1:0")
    sandbox.server_config.write_text(text)
    command = [sys.executable, "-m", "cleanroom", "serve", "--config", sandbox.server_config]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as first:
        line = first.stdout.readline()
        assert line.startswith("cleanroom serving on 127.0.0.1:")
        assert int(line.rpartition(":")[2]) > 0
        second = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (second.returncode, second.stdout) == (1, "")
        assert "in use by another" in second.stderr
        assert second.stderr.count("\n") == 1
        first.terminate()
        rest, messages = first.communicate(timeout=60)
    assert (first.returncode, rest) == (0, "")
    assert all(json.loads(message)["level"] == "INFO" for message in messages.splitlines())
    _check_proposed_by_the_operator(sandbox)


def _check_proposed_by_the_operator(sandbox):
    store = open_store(load_config(sandbox.server_config))
    latest = store.read(lambda tx: tx.collaborations.latest("spring-campaign"))
    store.close()
    operator = Actor.parse("spiffe://cleanroom.test/operator/operator")
    assert latest.document == POLICY
    assert latest.proposed_by == operator.short


@pytest.mark.parametrize("kernel", ["auto", "python"])
def test_padding_is_made_of_points_that_cannot_be_told_from_elements(monkeypatch, kernel):
    """On the curve, like every hashed and blinded element; half of all numbers are on its twist."""
    monkeypatch.setenv("CLEANROOM_KERNEL", kernel)
    p = 2**255 - 19
    points = SystemEntropy().points(300)
    assert len(set(points)) == 300
    for point in points:
        u = int.from_bytes(point, "little")
        assert u < p
        assert pow(u**3 + 486662 * u**2 + u, (p - 1) // 2, p) == 1

"""A running server that is cosigned by a witness, and whose log's key is replaced."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from cleanroom.audit.note import NoteVerifier
from cleanroom.config import load_config
from cleanroom.demo.processes import Server, StepFailed, free_address
from cleanroom.sandbox.create import Options, create_sandbox
from cleanroom.usecases.inspect import note_refused_caller
from cleanroom.wiring.build import build_service
from cleanroom.wiring.opening import open_store
from cleanroom_client.cli.app import run as client_run
from support.operator_cli import run
from support.policies import EXAMPLES
from support.witnesses import over_http, some_witness


@pytest.fixture
def sandbox(tmp_path):
    options = Options(listen=free_address())
    return create_sandbox(tmp_path / "room", (EXAMPLES / "demo.yaml").read_bytes(), options=options)


def configure(sandbox, **lines):
    """Put lines into the [log] table of the configuration."""
    path = sandbox.server_config
    table = "".join(f"{key} = {value}\n" for key, value in lines.items())
    path.write_text(path.read_text().replace("[log]\n", f"[log]\n{table}", 1))


def audit(capsys, sandbox, *arguments):
    return run(capsys, "audit", *arguments, "--config", sandbox.server_config)


def test_a_witness_cosigns_while_the_server_runs(sandbox, tmp_path, capsys):
    log_key = NoteVerifier.parse(sandbox.log_vkey.read_text().strip())
    witness = some_witness(tmp_path / "state.json", logs={log_key.name: [log_key]})
    with over_http(witness) as client:
        configure(sandbox, checkpoint_every_s=1)
        text = sandbox.server_config.read_text()
        table = f'[[log.witnesses]]\nurl = "{client.url}"\nkey = "{client.key.text}"\n[tls]\n'
        sandbox.server_config.write_text(text.replace("[tls]\n", table))
        with Server(sandbox.server_config, tmp_path):
            wait_for(lambda: audit(capsys, sandbox, "checkpoint", "--witnessed")[0] == 0)
            assert audit(capsys, sandbox, "export", tmp_path / "out")[0] == 0
    verify = ("audit", "verify", tmp_path / "out", "--log-key", sandbox.log_vkey)
    code, out, _ = run(capsys, *verify, "--witness-key", client.key.text)
    assert (code, "by witness.example/w1" in out) == (0, True)
    absent = client.key.text.replace("/w1", "/w2")
    code, _, err = run(capsys, *verify, "--witness-key", absent)
    assert (code, err.count("\n")) == (2, 1)  # the key id does not fit the name


def test_a_log_goes_on_under_a_new_key(sandbox, tmp_path, capsys):
    config = load_config(sandbox.server_config)
    with Server(sandbox.server_config, tmp_path):
        pass
    code, out, _ = audit(capsys, sandbox, "new-key", sandbox.root / "keys/log-2.key")
    assert code == 0
    new = out.splitlines()[1]

    replace_key(sandbox, '"keys/log-2.key"')
    with pytest.raises(StepFailed) as caught, Server(sandbox.server_config, tmp_path):
        pass
    assert "previous_key" in str(caught.value)

    configure(sandbox, previous_key='"keys/log.key"')
    with Server(sandbox.server_config, tmp_path):
        pass
    assert audit(capsys, sandbox, "export", tmp_path / "out")[0] == 0
    for key in (sandbox.log_vkey, new):
        both = tmp_path / "both.vkey"
        both.write_text(f"{sandbox.log_vkey.read_text()}{new}\n")
        assert run(capsys, "audit", "verify", tmp_path / "out", "--log-key", both)[0] == 0
        arguments = ("audit", "diff-checkpoint", *[tmp_path / "out/checkpoint"] * 2)
        assert run(capsys, *arguments, "--log-key", key)[0] == 0
    _, listed, _ = audit(capsys, sandbox, "list", "--kind", "administrative")
    assert "log_keys" in listed
    assert config.log.name in listed
    assert Path(sandbox.root / "keys/log.key").exists()


def replace_key(sandbox, value):
    path = sandbox.server_config
    path.write_text(path.read_text().replace('key = "keys/log.key"', f"key = {value}", 1))


def wait_for(holds):
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_an_officer_erases_the_words_of_an_entry_from_afar(sandbox, tmp_path, capsys):
    secret = "words to be forgotten"
    with closing(open_store(load_config(sandbox.server_config))) as store:
        note_refused_caller(build_service(load_config(sandbox.server_config), store), secret)
        at = store.read(lambda tx: tx.log.size()) - 1

    def client(who, *words):
        code = client_run(["--profile", str(sandbox.profile(who)), "audit", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    with Server(sandbox.server_config, tmp_path):
        for words in (
            ("show", at),
            ("list", "--json", "--reason", "be forgotten"),
            ("list", "--json"),
        ):
            code, said = client("auditor", *words)
            assert (code, secret in said) == (0, True), (words, said)
        assert client("auditor", "erase", at)[0] == 1
        assert client("officer", "erase", at) == (0, f"entry {at}: 1 erased\n")
        assert client("officer", "erase", at) == (0, f"entry {at}: nothing to erase\n")
        for words in (("show", at), ("list", "--json", "--whole")):
            code, said = client("auditor", *words)
            assert (code, secret in said) == (0, False), words
        assert "payload_erased" in client("auditor", "list", "--json")[1]
    assert audit(capsys, sandbox, "verify")[0] == 0
    assert run(capsys, "fsck", "--config", sandbox.server_config)[0] == 0
    for path in sandbox.root.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()

"""A witness by the C2SP tlog-witness protocol: what it cosigns, what it refuses, what it remembers."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.audit.checkpoint import Checkpoint, sign_checkpoint
from cleanroom.audit.cosignature import cosignatures, with_lines, witness_key_of
from cleanroom.audit.errors import WitnessRefused, WitnessUnavailable
from cleanroom.audit.note import Ed25519Signer, verifier_of
from cleanroom.audit.tlog_witness import (
    AddCheckpoint,
    decode_add_checkpoint,
    encode_add_checkpoint,
)
from cleanroom.witness.client import HttpWitness
from cleanroom.witness.folder import create_witness
from cleanroom.witness.state import WitnessState, WitnessUnusable, alone, create_state
from support.audit_logs import LOG_KEY, ORIGIN, SIGNER, STRANGER, checkpoint_of, some_log
from support.exports import another_log
from support.operator_cli import run
from support.witnesses import NOW_S, over_http, request, some_witness, witness_signer

KEY = witness_key_of(witness_signer())
ROOT = Path(__file__).parents[2]


@pytest.fixture
def witness(tmp_path):
    return some_witness(tmp_path / "state.json")


def refusal(witness, body):
    with pytest.raises(WitnessRefused) as caught:
        witness.add_checkpoint(body)
    return caught.value


def holds(line, entries, time_s=NOW_S):
    note = with_lines(sign_checkpoint(checkpoint_of(entries), SIGNER), [line])
    return [(c.witness, c.time_s) for c in cosignatures(note, [KEY])] == [(KEY.name, time_s)]


def test_it_cosigns_a_log_that_grows(witness):
    assert holds(witness.add_checkpoint(request(some_log(3))), some_log(3))
    assert holds(witness.add_checkpoint(request(some_log(3), 3)), some_log(3))
    assert holds(witness.add_checkpoint(request(some_log(300), 3)), some_log(300))


def test_it_cosigns_an_empty_log_and_what_follows(witness):
    assert holds(witness.add_checkpoint(request([])), [])
    assert holds(witness.add_checkpoint(request(some_log(2))), some_log(2))


def test_it_refuses_by_the_statuses_of_the_specification(witness):
    witness.add_checkpoint(request(some_log(5)))
    other = Ed25519Signer(name="other.example/log", key=SIGNER.key)
    unknown = sign_checkpoint(Checkpoint(origin=other.name, size=1, root=bytes(32)), other)
    cases = [
        (404, request([], note=unknown)),
        (403, request(some_log(6), 5, signer=STRANGER)),
        (400, request(some_log(6), 7, proof=[])),
        (409, request(some_log(6), 4)),
        (409, request(another_log(5, 2), 5)),
        (422, request(another_log(8, 2), 5)),
        (422, request(some_log(8), 5, proof=[])),
        (422, request(some_log(5), 5, proof=[bytes(32)])),
        (400, b"old 5\nno blank line"),
    ]
    assert [refusal(witness, body).status for _, body in cases] == [status for status, _ in cases]
    assert holds(witness.add_checkpoint(request(some_log(8), 5)), some_log(8))


def test_it_tells_the_size_to_go_on_from_but_not_for_a_fork(witness):
    witness.add_checkpoint(request(some_log(5)))
    behind = refusal(witness, request(some_log(6), 4))
    assert (behind.status, behind.size) == (409, 5)
    fork = refusal(witness, request(another_log(5, 2), 5))
    assert (fork.status, fork.size) == (409, None)
    assert "the log was forked" in str(fork)


def test_it_refuses_a_rollback(witness):
    witness.add_checkpoint(request(some_log(9)))
    for old_size in (0, 3, 5):
        assert refusal(witness, request(some_log(5), old_size)).status == 409
    assert refusal(witness, request(some_log(5), 9, proof=[])).status == 400


def test_it_remembers_across_a_restart(tmp_path):
    path = tmp_path / "state.json"
    some_witness(path).add_checkpoint(request(some_log(5)))
    again = some_witness(path)
    assert refusal(again, request(another_log(7, 2), 5)).status == 422
    assert holds(again.add_checkpoint(request(some_log(7), 5)), some_log(7))


def test_it_signs_nothing_that_it_could_not_remember(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    witness = some_witness(path)
    witness.add_checkpoint(request(some_log(5)))

    def full_disk(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        witness.add_checkpoint(request(some_log(7), 5))
    monkeypatch.undo()
    assert WitnessState(path).trees[ORIGIN] == checkpoint_of(some_log(5))
    assert holds(witness.add_checkpoint(request(some_log(6), 5)), some_log(6))


def test_of_two_histories_asked_at_once_it_cosigns_one(tmp_path):
    witness = some_witness(tmp_path / "state.json")
    witness.add_checkpoint(request(some_log(4)))
    bodies = [request(some_log(9), 4), request(another_log(9, 5), 4)] * 8
    start = threading.Barrier(len(bodies))

    def ask(body):
        start.wait()
        try:
            witness.add_checkpoint(body)
        except WitnessRefused:
            return None
        return body

    with ThreadPoolExecutor(len(bodies)) as pool:
        granted = {body for body in pool.map(ask, bodies) if body is not None}
    assert len(granted) == 1


def test_it_follows_a_log_from_one_key_to_the_next(tmp_path):
    keys = {ORIGIN: (LOG_KEY, verifier_of(STRANGER))}
    witness = some_witness(tmp_path / "state.json", logs=keys)
    witness.add_checkpoint(request(some_log(3)))
    both = sign_checkpoint(checkpoint_of(some_log(5)), SIGNER, STRANGER)
    witness.add_checkpoint(request(some_log(5), 3, note=both))
    new = sign_checkpoint(checkpoint_of(some_log(8)), STRANGER)
    assert KEY.name in witness.add_checkpoint(request(some_log(8), 5, note=new))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"!v":"cleanroom-witness/v1"}', b'{"!v":"cleanroom-witness/v1","trees":[]}'],
)
def test_a_damaged_or_lost_memory_is_refused(tmp_path, data):
    path = tmp_path / "state.json"
    with pytest.raises(WitnessUnusable, match="must not sign"):
        WitnessState(path)
    path.write_bytes(data)
    with pytest.raises(WitnessUnusable, match="damaged"):
        WitnessState(path)


def test_a_memory_is_never_begun_anew(tmp_path):
    create_state(tmp_path / "state.json")
    with pytest.raises(FileExistsError):
        create_state(tmp_path / "state.json")


def test_two_processes_do_not_share_a_memory(tmp_path):
    with alone(tmp_path), pytest.raises(WitnessUnusable, match="in use"), alone(tmp_path):
        pass


# the request


@given(
    st.integers(0, 10**18),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_request_is_read_back(old_size, proof, note):
    asked = AddCheckpoint(old_size=old_size, proof=tuple(proof), note=note)
    assert decode_add_checkpoint(encode_add_checkpoint(asked)) == asked


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 1",
        b"old 01\n\nnote",
        b"old -1\n\nnote",
        b"Old 1\n\nnote",
        b"old 1\nAAAA\n\nnote",
        b"old 1\n" + b"A" * 43 + b"=\n" * 1 + b"junk\n\nnote",
        b"old 1\n" + (b"A" * 43 + b"=\n") * 64 + b"\nnote",
        b"\xff\n\nnote",
    ],
)
def test_a_request_that_is_none_is_refused(body):
    with pytest.raises(WitnessRefused) as caught:
        decode_add_checkpoint(body)
    assert caught.value.status == 400


@given(st.binary(max_size=400))
def test_no_bytes_bring_anything_but_a_refusal(body):
    with pytest.raises(WitnessRefused):
        decode_add_checkpoint(body)


# over HTTP


def test_over_http_it_answers_as_the_specification_has_it(witness):
    with over_http(witness) as client:
        assert holds(client.add_checkpoint(request(some_log(5))), some_log(5))
        with pytest.raises(WitnessRefused) as caught:
            client.add_checkpoint(request(some_log(6), 4))
        assert (caught.value.status, caught.value.size) == (409, 5)
        with pytest.raises(WitnessRefused) as caught:
            client.add_checkpoint(request(another_log(5, 2), 5))
        assert (caught.value.status, caught.value.size) == (409, None)
        assert "the log was forked" in str(caught.value)
        with urllib.request.urlopen(f"{client.url}/") as answer:
            assert answer.read().decode() == f"{KEY.text}\n"


def test_over_http_a_size_alone_is_the_body_of_a_conflict(witness):
    witness.add_checkpoint(request(some_log(5)))
    with over_http(witness) as client:
        host = client.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host)
        for _ in range(2):  # one connection serves several requests
            connection.request("POST", "/add-checkpoint", request(some_log(6), 4))
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (409, b"5\n")
            assert answer.headers["Content-Type"] == "text/x.tlog.size"
        connection.request("POST", "/elsewhere", b"x")
        assert connection.getresponse().status == 404
        connection.close()


@pytest.mark.parametrize("length", ["", "x", "99999999"])
def test_over_http_a_request_without_a_fair_length_is_refused(witness, length):
    with over_http(witness) as client:
        connection = http.client.HTTPConnection(client.url.removeprefix("http://"))
        connection.putrequest("POST", "/add-checkpoint")
        if length:
            connection.putheader("Content-Length", length)
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_a_witness_that_is_down_is_unavailable_in_one_sentence():
    client = HttpWitness(url="http://127.0.0.1:9", key=KEY, timeout_s=1)
    with pytest.raises(WitnessUnavailable, match=r"witness\.example/w1 cannot be asked: .*refused"):
        client.add_checkpoint(request(some_log(1)))


# the command


def test_init_makes_a_witness_and_says_what_to_do_with_its_key(tmp_path, capsys):
    folder = tmp_path / "w"
    name = "witness.example/w1"
    arguments = ("witness", "init", folder, "--name", name, "--log-key", LOG_KEY.text)
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert (folder / "witness.vkey").read_text().strip() in out
    assert f"cleanroom witness serve {folder}" in out
    assert (folder / "witness.key").stat().st_mode & 0o777 == 0o600
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "is not an empty folder" in err


@pytest.mark.parametrize(
    ("name", "key"), [("a b", LOG_KEY.text), ("w", "nonsense"), ("w", KEY.text), ("", LOG_KEY.text)]
)
def test_init_refuses_before_it_makes_anything(tmp_path, capsys, name, key):
    code, out, err = run(
        capsys, "witness", "init", tmp_path / "w", "--name", name, "--log-key", key
    )
    assert (code != 0, out, err.count("\n")) == (True, "", 1)
    assert not (tmp_path / "w").exists()


def test_serve_refuses_a_folder_that_is_no_witness(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "absent"):
        code, out, err = run(capsys, "witness", "serve", folder)
        assert (code, out, err.count("\n")) == (1, "", 1)
    create_witness(tmp_path / "w", "w.example", LOG_KEY.text)
    (tmp_path / "w/state.json").unlink()
    code, _, err = run(capsys, "witness", "serve", tmp_path / "w")
    assert (code, "must not sign, restore it" in err) == (1, True)


@pytest.fixture
def process(tmp_path):
    """Give a function that starts a witness process and returns it with its client."""
    public = create_witness(tmp_path / "w", "witness.example/p", LOG_KEY.text)
    started = []
    places = os.pathsep.join((str(ROOT), str(ROOT / "clients/python")))

    command = [sys.executable, "-m", "cleanroom", "witness", "serve"]

    def start():
        child = subprocess.Popen(
            [*command, tmp_path / "w", "--listen", "127.0.0.1:0"],
            env=os.environ | {"PYTHONPATH": places},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(child)
        address = child.stdout.readline().split()[-1]
        key = type(KEY).parse(public)
        return child, HttpWitness(url=f"http://{address}", key=key)

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_killed_witness_goes_on_where_it_was(process):
    size = 0
    for round_ in range(3):
        child, client = process()
        for _ in range(3):
            client.add_checkpoint(request(some_log(size + 4), size))
            size += 4
        if round_ == 1:
            child.terminate()
            assert child.wait(timeout=20) == 0
        child.kill()
        child.wait()
    _, client = process()
    with pytest.raises(WitnessRefused) as caught:
        client.add_checkpoint(request(another_log(size, 1), size))
    assert caught.value.status == 409
    client.add_checkpoint(request(some_log(size + 1), size))

"""Exports verified by programs that share no code with ours: Go's sumdb/note and tlog, pymerkle."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cleanroom.audit.cosignature import cosign, with_lines, witness_key_of
from cleanroom.audit.export import verify_export
from cleanroom.audit.note import verifier_of
from cleanroom.audit.tiles import Bundle, decode_bundle
from support.audit_logs import LOG_KEY, ORIGIN, STRANGER, changed, checkpoint_of, some_log
from support.exports import exported_to, fill, note_of
from support.memory_store import MemoryStore
from support.witnesses import witness_signer

SOURCE = Path(__file__).parents[1] / "support" / "go_verify" / "main.go"
# Debian's golang-golang-x-mod-dev puts its sources here, for builds without modules or a network.
GOPATH = Path("/usr/share/gocode")
SIZES = (1, 255, 256, 700)
MANY = 70_000  # the size of the specification's own example: tiles on three levels


@pytest.fixture(scope="session")
def go_verify(tmp_path_factory):
    """Build the verifier once; return a function that runs it."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed (Debian: golang-go)")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("golang.org/x/mod is not installed (Debian: golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "go_verify"
    env = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run(["go", "build", "-o", program, SOURCE], env=env, check=True, timeout=280)

    def run(folder, key=LOG_KEY, witnesses=()):
        command = [program, str(folder), key.text, *(witness.text for witness in witnesses)]
        return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)

    return run


def export_of(size, folder):
    files, _ = exported_to(fill(MemoryStore(), some_log(size)), folder)
    return files


def stated(size):
    root = base64.b64encode(checkpoint_of(some_log(size)).root).decode()
    return f"{ORIGIN} {size} {root}\n"


@pytest.mark.parametrize("size", SIZES)
def test_go_verifies_an_export(go_verify, tmp_path, size):
    export_of(size, tmp_path)
    found = go_verify(tmp_path)
    assert (found.stdout, found.stderr) == (stated(size), "")


def test_go_verifies_an_export_that_was_continued(go_verify, tmp_path):
    for size in (100, 300, 700):
        export_of(size, tmp_path)
    assert go_verify(tmp_path).stdout == stated(700)


def test_go_refuses_what_we_refuse(go_verify, tmp_path):
    export_of(300, tmp_path)
    for path in ("checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/entries/001.p/44"):
        file = tmp_path / path
        whole = file.read_bytes()
        file.write_bytes(changed(whole, len(whole) // 2))
        found = go_verify(tmp_path)
        assert (found.returncode, found.stdout) == (1, ""), path
        file.write_bytes(whole)
    assert go_verify(tmp_path, verifier_of(STRANGER)).returncode == 1
    assert go_verify(tmp_path).returncode == 0


def test_go_verifies_cosignatures(go_verify, tmp_path):
    store = fill(MemoryStore(), some_log(300))
    text = note_of(store).partition("\n\n")[0] + "\n"
    signers = [witness_signer(number) for number in (1, 2)]
    keys = [witness_key_of(signer) for signer in signers]
    note = with_lines(note_of(store), [cosign(text, signers[0], 1_760_000_000)])
    exported_to(store, tmp_path, note=note)
    assert go_verify(tmp_path, witnesses=keys[:1]).stdout == stated(300)
    missing = go_verify(tmp_path, witnesses=keys)
    assert (missing.returncode, missing.stderr) == (1, "2 of 3 signers signed\n")
    file = tmp_path / "checkpoint"
    file.write_bytes(changed(file.read_bytes(), -10))
    assert go_verify(tmp_path, witnesses=keys[:1]).returncode == 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_go_verifies_an_export_of_70000_entries(go_verify, tmp_path):
    files = export_of(MANY, tmp_path)
    assert verify_export(files, [LOG_KEY]).summary.checkpoint.size == MANY
    found = go_verify(tmp_path)
    assert (found.stdout, found.stderr) == (stated(MANY), "")


def pymerkle_root(folder, size):
    """Return the root that pymerkle makes of the entries of an export."""
    pymerkle = pytest.importorskip("pymerkle", reason="pymerkle is not installed")
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for first in range(0, size, 256):
        bundle = Bundle(index=first // 256, width=min(256, size - first))
        data = (folder / bundle.path).read_bytes()
        for entry in decode_bundle(data, bundle.width, bundle.path):
            tree.append_entry(entry)
    return tree.get_root()


@pytest.mark.parametrize("size", SIZES)
def test_pymerkle_makes_the_root_of_an_export(tmp_path, size):
    files = export_of(size, tmp_path)
    root = verify_export(files, [LOG_KEY]).summary.checkpoint.root
    assert pymerkle_root(tmp_path, size) == root


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_pymerkle_makes_the_root_of_an_export_of_70000_entries(tmp_path):
    files = export_of(MANY, tmp_path)
    root = verify_export(files, [LOG_KEY]).summary.checkpoint.root
    assert pymerkle_root(tmp_path, MANY) == root

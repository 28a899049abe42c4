"""`cleanroom audit export`, `verify DIR` and `diff-checkpoint`, as an operator and an auditor run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cleanroom.audit.entry import EntryKind, encode_entry
from cleanroom.config import load_config
from cleanroom.sandbox.create import create_sandbox
from cleanroom.wiring.lock import held
from cleanroom.wiring.opening import load_signers, open_store
from support.audit_logs import some_entry, some_log
from support.exports import fill, note_of
from support.operator_cli import run
from support.policies import EXAMPLES

ROOT = Path(__file__).parents[2]


class Room:
    """A sandbox with a log, an export of it, and the command line."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.sandbox = create_sandbox(folder / "room", (EXAMPLES / "demo.yaml").read_bytes())
        self.config = load_config(self.sandbox.server_config)
        self.key = str(self.sandbox.log_vkey)
        self.exported = folder / "exported"

    def grow(self, entries):
        with closing(open_store(self.config)) as store:
            fill(store, entries)

    def at_server(self, *arguments):
        return self.run(*arguments, "--config", self.sandbox.server_config)

    def run(self, *arguments):
        return run(self.capsys, "audit", *arguments)

    def keep(self, name):
        path = self.folder / name
        path.write_text(self.at_server("checkpoint")[1], encoding="utf-8")
        return path


@pytest.fixture
def room(tmp_path, capsys):
    made = Room(tmp_path, capsys)
    made.grow(some_log(300))
    return made


def test_export_and_verify_tell_what_is_there(room):
    code, out, err = room.at_server("export", room.exported)
    assert (code, err) == (0, "")
    assert f"300 entries are in {room.exported}, 5 files are new" in out
    code, out, err = room.run("verify", room.exported, "--log-key", room.key)
    assert (code, err) == (0, "")
    assert "entries     300\n" in out
    assert "files       7, each checked" in out
    assert out.endswith("the log is consistent\n")


def test_export_and_verify_as_json_are_for_programs(room):
    told = json.loads(room.at_server("export", room.exported, "--json")[1])
    assert (told["entries"], told["new_files"]) == (300, 5)
    found = json.loads(room.run("verify", room.exported, "--log-key", room.key, "--json")[1])
    assert (found["entries"], found["files"]) == (300, 7)
    assert found["checkpoint"] == told["checkpoint"]
    assert found["kinds"] == {"question_reserved": 300}
    stored = json.loads(room.at_server("verify", "--json")[1])
    assert stored == found | {"files": 0}


def test_export_works_beside_a_server_that_holds_the_data(room):
    with held(room.config.data):
        assert room.at_server("export", room.exported)[0] == 0


def test_an_export_is_continued(room):
    room.at_server("export", room.exported)
    kept = room.keep("kept")
    room.grow(some_log(20))
    assert "320 entries" in room.at_server("export", room.exported)[1]
    code, out, _ = room.run("verify", room.exported, "--log-key", room.key, "--against", kept)
    assert (code, f"continues   {kept}" in out) == (0, True)


def test_verify_of_an_export_needs_no_server_and_no_server_libraries(room):
    room.at_server("export", room.exported)
    key = Path(room.key).read_text()
    shutil.rmtree(room.sandbox.root)
    program = (
        "import sys\n"
        "for name in ('sqlalchemy', 'duckdb', 'ibis', 'opendp', 'ruamel', 'grpc'):\n"
        "    sys.modules[name] = None\n"
        "from cleanroom.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    places = os.pathsep.join((str(ROOT), str(ROOT / "clients/python")))
    command = [sys.executable, "-c", program, "audit", "verify", room.exported]
    done = subprocess.run(
        [*command, "--log-key", key.strip()],
        env=os.environ | {"PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "the log is consistent" in done.stdout


def test_verify_names_the_changed_file_in_one_sentence(room):
    room.at_server("export", room.exported)
    path = room.exported / "tile/entries/001.p/44"
    path.write_bytes(path.read_bytes().replace(b"q299", b"q298"))
    code, out, err = room.run("verify", room.exported, "--log-key", room.key)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "tile/0/001.p/44: entry 299 is not the one whose hash stands here" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name either an exported folder or, with --config, a server's log"),
        (("exported",), "nothing proves its own key"),
        (("exported", "--log-key", "nonsense"), "it is no file, and as a key"),
        (("nowhere", "--log-key", "KEY"), "there is no such folder"),
    ],
)
def test_verify_says_what_it_needs(room, arguments, said):
    given = [room.key if argument == "KEY" else argument for argument in arguments]
    code, out, err = room.run("verify", *given)
    assert (code != 0, out, err.count("\n")) == (True, "", 1)
    assert said in err


def test_export_refuses_a_folder_of_something_else(room):
    code, _, err = room.at_server("export", room.sandbox.root)
    assert (code, err.count("\n")) == (1, 1)
    assert "no export has such a file" in err


def test_diff_checkpoint_tells_agreement_growth_and_forks(room):
    old = room.keep("old")
    room.grow(some_log(20))
    new = room.keep("new")
    room.at_server("export", room.exported)
    given = ("--log-key", room.key)

    code, out, _ = room.run("diff-checkpoint", new, old, *given, "--export", room.exported)
    assert (code, out) == (0, f"extends: the 300 entries of {old} begin the 320 of {new}\n")
    assert room.at_server("diff-checkpoint", old, new)[0] == 0
    assert room.run("diff-checkpoint", old, old, *given)[1].startswith("agree: ")
    code, out, _ = room.run("diff-checkpoint", old, new, *given)
    assert (code, out.startswith("not shown: ")) == (2, True)

    other = fill_fork(room)
    code, out, _ = room.run("diff-checkpoint", other, new, *given, "--export", room.exported)
    assert (code, out.startswith("fork: ")) == (1, True)
    code, out, _ = room.run("diff-checkpoint", other, old, *given)
    assert (code, "both are signed by the log's key" in out) == (1, True)


def fill_fork(room):
    """Return a checkpoint that the log's own key signed over another history of 300 entries."""
    from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
    from support.audit_logs import LOG_KEY
    from support.memory_store import MemoryStore

    [signer] = load_signers(room.config.log)
    tree = open_checkpoint(note_of(fill(MemoryStore(), some_log(301)[1:])), LOG_KEY)
    path = room.folder / "fork"
    forged = Checkpoint(origin=signer.name, size=tree.size, root=tree.root)
    path.write_text(sign_checkpoint(forged, signer), encoding="utf-8")
    return path


def acts(numbers):
    return [encode_entry(some_entry(n, kind=EntryKind.ADMINISTRATIVE)) for n in numbers]


def test_fsck_compares_the_stored_tree_with_what_was_shown_and_exported(tmp_path, capsys):
    room = Room(tmp_path, capsys)
    room.grow(acts(range(300)))
    room.at_server("export", room.exported)
    fsck = ("fsck", "--config", room.sandbox.server_config)
    assert run(room.capsys, *fsck, "--export", room.exported)[:2] == (0, "clean\n")

    path = room.exported / "tile/0/001.p/44"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, out, _ = run(room.capsys, *fsck, "--export", room.exported)
    assert (code, "entry 299 is not the one whose hash stands here" in out) == (1, True)
    path.write_bytes(whole)

    room.config.database.unlink()
    room.grow(acts(range(1, 301)))
    code, out, _ = run(room.capsys, *fsck, "--export", room.exported)
    assert code == 1
    assert "the newest checkpoint: the log" in out
    assert f"export {room.exported}: the log" in out
    assert out.count("the log was forked") == 2


def test_fsck_says_that_an_export_is_none(room):
    fsck = ("fsck", "--config", room.sandbox.server_config)
    code, out, _ = run(room.capsys, *fsck, "--export", room.exported)
    assert (code, "there is no such folder" in out) == (1, True)

"""An export whose process is killed at any moment serves no half of a file, and is finished later.

20 kills, 200 where CLEANROOM_SLOW is set.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing

import pytest

from cleanroom.audit.errors import ExportInvalid
from cleanroom.audit.export import export_checkpoint, verify_export
from cleanroom.audit.export_files import nodes_of, read_bundle
from cleanroom.audit.log import verify_extension
from cleanroom.audit.tiles import WIDTH, Bundle, width_at
from cleanroom.audit.tree import consistency_proof, leaf_hash, root
from cleanroom.config import load_config
from cleanroom.sandbox.create import create_sandbox
from cleanroom.storage.export_folder import ExportFolder
from cleanroom.wiring.opening import log_keys, open_store
from support.audit_logs import some_log
from support.exports import fill
from support.policies import EXAMPLES
from support.processes import ENVIRONMENT

KILLS = 200 if os.environ.get("CLEANROOM_SLOW") else 20
GROWTH = 700  # entries between two kills: full tiles and partial ones
FORKED = (
    "import os, sys\n"
    "from cleanroom.cli.app import main\n"
    "import cleanroom.usecases.export, cleanroom.storage.export_folder\n"
    "print('ready', flush=True)\n"
    "sys.stdin.readline()\n"
    "main(sys.argv[1:])\n"
)


@pytest.fixture
def room(tmp_path):
    sandbox = create_sandbox(tmp_path / "room", (EXAMPLES / "demo.yaml").read_bytes())
    return load_config(sandbox.server_config)


def started(config, folder):
    """Return a process that exports as soon as it is told, what is slow being loaded already."""
    command = [sys.executable, "-c", FORKED, "audit", "export", folder, "--config", config.file]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def killed_after(process, seconds):
    """Let it begin, kill it after some time; return whether it was done before."""
    with process:
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(seconds)
        process.kill()
    return process.returncode == 0


def check_served(folder, keys, log):
    """Check every file that the checkpoint counts on, as a reader does at this moment."""
    files = ExportFolder(folder)
    try:
        checkpoint = export_checkpoint(files, keys)
    except ExportInvalid:
        assert not (folder / "checkpoint").exists()
        return None
    nodes = nodes_of(files, checkpoint.size)
    assert root(checkpoint.size, nodes) == checkpoint.root
    for index in range(-(-checkpoint.size // WIDTH)):
        bundle = Bundle(index=index, width=width_at(0, index, checkpoint.size))
        entries = read_bundle(files, bundle)
        first = index * WIDTH
        assert entries == log[first : first + bundle.width]
        assert [nodes(0, first + at) for at in range(bundle.width)] == list(map(leaf_hash, entries))
    return checkpoint


@pytest.mark.timeout(1800)
def test_an_export_killed_at_any_moment_serves_whole_files(room, tmp_path):
    folder, keys, entropy = tmp_path / "out", log_keys(room.log), random.Random(6)
    log, last, undone = some_log(GROWTH * (KILLS + 1)), None, 0
    for number in range(KILLS):
        with closing(open_store(room)) as store:
            fill(store, log[GROWTH * number : GROWTH * (number + 1)])
        undone += not killed_after(started(room, folder), entropy.uniform(0.05, 0.9))
        now = check_served(folder, keys, log) if folder.exists() else None
        if now is not None and last is not None:
            nodes = nodes_of(ExportFolder(folder), now.size)
            verify_extension(last, now, consistency_proof(last.size, now.size, nodes))
        assert last is None or now is not None
        last = now
    assert undone > KILLS // 4
    process = started(room, folder)
    out, _ = process.communicate("\n", timeout=240)
    assert (process.returncode, f"{GROWTH * KILLS} entries" in out) == (0, True)
    found = verify_export(ExportFolder(folder), keys)
    assert found.summary.checkpoint.size == GROWTH * KILLS

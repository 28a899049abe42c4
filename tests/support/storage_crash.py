"""A child that is killed at every point between two durable steps, and what is left each time.

`python -m support.storage_crash FOLDER` runs a story once to count its points, then once for each
point in a fork that SIGKILLs itself there, and prints one JSON object for each run.
A point lies before each writing statement, commit, write past the cache, fsync, rename, link, unlink, mkdir and rmdir,
and at the end: between any two durable steps, therefore.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from cleanroom.model.errors import BudgetExhausted
from cleanroom.ports.records import QuestionState, UploadState
from cleanroom.ports.store import Transaction
from cleanroom.storage.fsck import fsck
from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.vault import FileVault
from support import storage_cases as cases

CALLS = ("fsync", "fdatasync", "pwrite", "rename", "replace", "link", "unlink", "mkdir", "rmdir")
WRITES = ("INSERT", "UPDATE", "DELETE")
COST = 10


class Points:
    """Counts points and kills the process at the one asked for; 0 never."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.passed = deadly, 0

    def reach(self) -> None:
        self.passed += 1
        if self.passed == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._before(getattr(os, name)))
        event.listen(Engine, "commit", lambda _connection: self.reach())
        event.listen(Engine, "before_cursor_execute", self._at_statement)

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.reach()
            return call(*args, **kwargs)

        return wrapped

    def _at_statement(self, _connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.lstrip().startswith(WRITES):
            self.reach()


def opened(folder: Path) -> tuple[SqlStore, FileVault]:
    vault = FileVault(
        folder / "vault", cases.MASTER_KEY, cases.FixedEntropy(f"{folder}{os.getpid()}")
    )
    return SqlStore(folder / "room.db"), vault


def story(folder: Path, acknowledge: Callable[[str], object]) -> None:
    """The durable steps of an upload, a sealing, a question and an erasure, told as they end."""
    store, vault = opened(folder)
    cases.open_ledgers(store, budget=3 * COST)
    acknowledge("ledgers")
    store.transact(lambda tx: tx.uploads.add(cases.upload()))
    vault.put_blob("u-1", "known", b"blob")
    with closing(vault.begin_run("u-1")) as run:
        run.add(0, b"rows", b"digest")
        run.keep("rows-000000")
    counted = cases.upload(chunks=1, rows=3)
    store.transact(lambda tx: tx.uploads.replace(counted))
    acknowledge("chunk")
    digest = vault.put_version("v-1", cases.tables())
    store.transact(lambda tx: tx.versions.add(cases.version("v-1", digest)))
    acknowledge("version")
    vault.erase_upload("u-1")
    cases.reserve(store, "one", COST)
    acknowledge("reserved")
    cases.release(store, "one")
    acknowledge("released")
    try:
        cases.reserve(store, "two", COST)
    except BudgetExhausted:
        acknowledge("refused")
    cases.erase(store, vault, "v-1")
    acknowledge("erased")
    store.close()


def recover(store: SqlStore, vault: FileVault) -> None:
    """What a start does: sweep, and finish an erasure."""
    vault.sweep()
    for version in store.read(lambda tx: tx.versions.all()):
        if version.erased_at_s is not None:
            vault.erase_version(version.id)


def what_is_left(folder: Path) -> dict[str, object]:
    """Facts that the test holds against what was acknowledged."""
    store, vault = opened(folder)
    recover(store, vault)
    left = store.read(lambda tx: _facts(tx, vault))
    left["problems"] = [str(p) for p in fsck(store, vault) if not p.is_note]
    left["unfinished"] = vault.sweep()
    store.close()
    return left


def _facts(tx: Transaction, vault: FileVault) -> dict[str, object]:
    question = tx.questions.get(cases.digest_of("one"))
    upload, version = tx.uploads.get("u-1"), tx.versions.get("v-1")
    return {
        "ledgers": len(tx.ledgers.all()) == 2,
        "spent": [b.spent for b in tx.ledgers.all()],
        "entries": tx.log.size(),
        "chunk": bool(
            upload
            and upload.chunks
            and upload.state is UploadState.OPEN
            and (version or _is_whole(vault))
        ),
        "version": version is not None,
        "reserved": question is not None,
        "released": bool(question and question.state is QuestionState.RELEASED),
        "refused": tx.questions.get(cases.digest_of("two")) is None,
        "erased": bool(version and version.erased_at_s) and vault.inventory() == ((), ()),
    }


def _is_whole(vault: FileVault) -> bool:
    items = list(vault.read_run("u-1", "rows-000000"))
    return items == [(0, b"digest", b"rows")] and vault.get_blob("u-1", "known") == b"blob"


def run(folder: Path, deadly: int) -> dict[str, Any]:
    """Run the story in a fork until its deadly point; return what it said and what is left."""
    folder.mkdir()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        points = Points(deadly)
        points.install()
        story(folder, lambda step: os.write(writer, f"{step}\n".encode()))
        points.reach()
        os.write(writer, f"{points.passed}\n".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        acknowledged = said.read().split()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {
        "point": deadly,
        "killed": killed,
        "exit": os.waitstatus_to_exitcode(status),
        "acknowledged": acknowledged,
        "left": what_is_left(folder),
    }


def main(folder: Path) -> None:
    (folder / "warm").mkdir()
    story(folder / "warm", lambda _step: None)  # so that no fork imports anything
    whole = run(folder / "whole", 0)
    print(json.dumps(whole))
    for point in range(1, int(whole["acknowledged"][-1]) + 1):
        print(json.dumps(run(folder / f"point-{point}", point)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

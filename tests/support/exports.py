"""Exports of example logs, in memory and in folders, and checkpoints signed for forks."""

from __future__ import annotations

import itertools

from cleanroom.audit.checkpoint import Checkpoint, sign_checkpoint
from cleanroom.audit.errors import ExportInvalid
from cleanroom.audit.tree import root
from cleanroom.storage.export_folder import ExportFolder, writing
from cleanroom.usecases.export import export
from support.audit_logs import LOG_KEY, ORIGIN, SIGNER, some_log


class MemoryFiles(dict):
    """The `ExportFiles` and the `Target` of an export, path to bytes."""

    def read(self, path, limit):
        data = self.get(path)
        if data is not None and len(data) > limit:
            raise ExportInvalid(path=path, why="too long")
        return data

    def paths(self):
        return sorted(self)

    def create(self, path, data):
        if self.setdefault(path, data) != data:
            raise ExportInvalid(path=path, why="it says something else")
        return True

    def flush(self):
        pass

    def replace(self, path, data):
        self[path] = data


def fill(store, entries):
    """Append entries to a store in one transaction."""

    def work(tx):
        for entry in entries:
            tx.log.append(entry)

    store.transact(work)
    return store


def note_of(store, size=None, signer=SIGNER):
    """Return the signed checkpoint over the first `size` entries of a store."""

    def work(tx):
        count = tx.log.size() if size is None else size
        return Checkpoint(origin=ORIGIN, size=count, root=root(count, tx.log.node))

    return sign_checkpoint(store.read(work), signer)


def exported(store, files, *, note=None, keys=(LOG_KEY,), tell=lambda *_: None):
    """Export a store into files in memory; return them."""
    export(store, note or note_of(store), keys, files=files, target=files, tell=tell)
    return files


def exported_to(store, folder, *, note=None, keys=(LOG_KEY,)):
    """Export a store into a folder; return its files and how many were new."""
    names = itertools.count()
    with writing(folder, lambda: f"{next(names)}") as target:
        files = ExportFolder(folder)
        new = export(
            store, note or note_of(store), keys, files=files, target=target, tell=lambda *_: None
        )
    return files, new


def another_log(size, at):
    """Return an example log with one entry of its own: a fork from `at` on."""
    log = some_log(size)
    log[at] = some_log(size + 1)[-1]
    return log

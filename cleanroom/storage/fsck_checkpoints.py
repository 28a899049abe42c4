"""The check that the stored tree continues what was signed and exported; must not know entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.errors import AuditError
from cleanroom.audit.export import verify_export
from cleanroom.audit.export_files import ExportFiles
from cleanroom.audit.log import verify_extension
from cleanroom.audit.note import NoteVerifier
from cleanroom.audit.tree import consistency_proof, root
from cleanroom.ports.store import Log
from cleanroom.storage.problem import Problem, problem


def check_signed(
    log: Log, notes: Mapping[str, str | bytes], log_keys: Sequence[NoteVerifier]
) -> list[Problem]:
    """Return what is wrong with signed checkpoints, by where each lies, beside the stored tree."""
    found = []
    for where, note in notes.items():
        try:
            _check_continues(log, open_checkpoint(note, log_keys))
        except AuditError as error:
            found.append(problem(where, str(error)))
    return found


def check_export(
    where: str, files: ExportFiles, log_keys: Sequence[NoteVerifier]
) -> tuple[list[Problem], bytes | None]:
    """Return what is wrong with an export, and the checkpoint that all its files make.

    That checkpoint is to be compared with the stored tree: equal roots mean equal tiles.
    """
    try:
        return [], verify_export(files, log_keys).note
    except AuditError as error:
        return [problem(where, str(error))], None


def _check_continues(log: Log, signed: Checkpoint) -> None:
    size = log.size()
    try:
        now = Checkpoint(origin=signed.origin, size=size, root=root(size, log.node))
        proof = consistency_proof(signed.size, size, log.node) if signed.size <= size else []
    except KeyError:
        return  # a node is missing, which the check of the tree tells
    verify_extension(signed, now, proof)

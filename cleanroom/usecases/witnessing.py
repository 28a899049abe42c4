"""Asks witnesses to cosign what was published; must not know how they are reached.

A witness that is down delays nothing: whoever wants a checkpoint has it, with the cosignatures that
are there, and is told which are not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cleanroom.audit.checkpoint import Checkpoint, decode_checkpoint
from cleanroom.audit.cosignature import Cosignature, WitnessKey, cosignatures, with_lines
from cleanroom.audit.errors import AuditError, NoteInvalid, WitnessRefused
from cleanroom.audit.note import split_note
from cleanroom.audit.tlog_witness import AddCheckpoint, encode_add_checkpoint
from cleanroom.audit.tree import consistency_proof
from cleanroom.ports.checkpoints import Remembered, Witness
from cleanroom.ports.store import Store

_TRIES: Final = 2  # the first learns the size that the witness saw last
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a witness cosigned last, and what kept it from the newest checkpoint, "" for nothing.

    `size` entries at `time_s` (unix seconds by the witness's clock), None before the first time.
    """

    witness: WitnessKey
    size: int | None = None
    time_s: int | None = None
    problem: str = ""


class Witnessing:
    """The configured witnesses and how they stand; any thread may ask."""

    def __init__(self, witnesses: Sequence[Witness] = ()) -> None:
        self._witnesses = tuple(witnesses)
        self._lock = threading.Lock()
        self._standings = {w.key.text: Standing(witness=w.key) for w in witnesses}

    @property
    def keys(self) -> tuple[WitnessKey, ...]:
        """The witnesses' keys."""
        return tuple(witness.key for witness in self._witnesses)

    def standings(self) -> tuple[Standing, ...]:
        """Return how each stands, in the order of the configuration."""
        with self._lock:
            return tuple(self._standings.values())

    def ask(self, store: Store, note: str, remembered: Remembered) -> str:
        """Ask every witness whose cosignature is not on a published note; return it with them.

        What was had is remembered. Raises nothing for a witness that refuses or is down.
        """
        had = {item.witness for item in cosignatures(note, self.keys)}
        lines = []
        for witness in self._witnesses:
            if witness.key.name not in had:
                lines += self._lines(store, note, witness)
        if not lines:
            return note
        remembered.update(partial(_merged, note, lines))
        return remembered.update_witnessed(partial(_merged, note, lines))

    def _lines(self, store: Store, note: str, witness: Witness) -> list[str]:
        known = self._standings[witness.key.text]
        checkpoint = decode_checkpoint(split_note(note)[0])
        try:
            found = _asked(store, note, checkpoint, witness, known.size or 0)
        except (AuditError, OSError) as error:
            _LOG.warning("witness %s: %s", witness.key.name, error)
            self._stand(replace(known, problem=str(error)))
            return []
        self._stand(Standing(witness=witness.key, size=checkpoint.size, time_s=found.time_s))
        return [found.line]

    def _stand(self, standing: Standing) -> None:
        with self._lock:
            self._standings[standing.witness.text] = standing


def _asked(
    store: Store, note: str, checkpoint: Checkpoint, witness: Witness, old_size: int
) -> Cosignature:
    """Return the cosignature; raises WitnessRefused, WitnessUnavailable, NoteInvalid."""
    for _ in range(_TRIES):
        proof = store.read(lambda tx: consistency_proof(old_size, checkpoint.size, tx.log.node))  # noqa: B023 # read at once
        request = AddCheckpoint(old_size=old_size, proof=tuple(proof), note=note)
        try:
            answer = witness.add_checkpoint(encode_add_checkpoint(request))
        except WitnessRefused as refusal:
            if refusal.size is None or refusal.size == old_size:
                raise
            _check_not_ahead(refusal.size, checkpoint, refusal)
            old_size = refusal.size
            continue
        found = cosignatures(f"{note.partition(chr(10) * 2)[0]}\n\n{answer}", [witness.key])
        if not found:
            raise NoteInvalid(why=f"{witness.key.name} answered without its own cosignature")
        return found[0]
    raise NoteInvalid(why=f"{witness.key.name} names another size each time")


def _check_not_ahead(size: int, checkpoint: Checkpoint, refusal: WitnessRefused) -> None:
    if size > checkpoint.size:
        why = (
            f"it cosigned {size} entries of this log, which has {checkpoint.size}: an older copy "
            "of the database was put back, or somebody else signs with the log's key"
        )
        raise WitnessRefused(status=refusal.status, why=why) from None


def _merged(note: str, lines: Sequence[str], last: str | None) -> str:
    """Return the note with its lines, unless a longer log was published meanwhile."""
    if last is None:
        return with_lines(note, lines)
    text, last_text = split_note(note)[0], split_note(last)[0]
    if text == last_text:
        return with_lines(last, lines)
    newer = decode_checkpoint(text).size > decode_checkpoint(last_text).size
    return with_lines(note, lines) if newer else last

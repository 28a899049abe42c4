"""Takes a log up where it was left, and tells in it which keys sign; must not know key files."""

from __future__ import annotations

from typing import Final

from cleanroom.audit.entry import EntryKind
from cleanroom.audit.note import split_note
from cleanroom.usecases.publish import keys_of, next_note, publish
from cleanroom.usecases.service import Service

WHAT: Final = "log_keys"
_ACTOR: Final = "operator/server"


def take_up_log(service: Service) -> bool:
    """Go on with the log as it was signed last; return whether its keys changed.

    A change of keys is logged. The first key needs no entry: whoever reads the log has it.
    Raises LogInconsistent when the log does not continue what was signed last, or none of the keys
    that signed it is here; nothing is written then.
    """
    shown = service.remembered.newest()
    changed = False
    if shown is not None:
        next_note(service.store, service.signers, shown)
        changed = _signed_by(shown) != {key.key_id for key in keys_of(service.signers)}
    if changed:
        # A crash after this, before the next checkpoint is remembered, has the next start tell it
        # again: harmless.
        _tell_keys(service)
    publish(service.store, service.signers, service.remembered)
    return changed


def _signed_by(note: str) -> set[bytes]:
    text, lines = split_note(note)
    origin = text.partition("\n")[0]
    return {line.key_id for line in lines if line.name == origin}


def _tell_keys(service: Service) -> None:
    keys = [key.text for key in keys_of(service.signers)]
    entry = service.entry(EntryKind.ADMINISTRATIVE, _ACTOR, None, what=WHAT, keys=keys)
    service.store.transact(lambda tx: tx.log.append(entry))

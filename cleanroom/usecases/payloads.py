"""Erases what entries commit to, and reads what is left; the tree verifies before and after."""

from __future__ import annotations

from typing import Final

from cleanroom.audit.entry import EntryKind
from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor, ActorKind
from cleanroom.ports.store import Transaction
from cleanroom.usecases.service import Service

WHAT: Final = "payload_erased"


def erase_payloads(service: Service, actor: Actor, index: int) -> int:
    """Erase the payloads of one entry with their salts; return how many there were.

    Ensures: the erasure is logged in the same transaction, by whom and of which entry; what was
    erased is gone from the database when this returns, and from an export when it is made anew.
    Erased again, it is no error and logs nothing.
    Raises NotPermitted to all but the operator and officers who serve all, FieldInvalid outside the log.
    """
    if actor.kind is not ActorKind.OPERATOR and not _serves_all(actor):
        raise NotPermitted(what=f"log entries/{index}", action="erase payloads of")

    def work(tx: Transaction) -> int:
        if not 0 <= index < tx.log.size():
            raise FieldInvalid(field="index", expected="an index inside the log")
        erased = tx.log.erase_payloads(index)
        if erased:
            service.note(
                tx, EntryKind.ADMINISTRATIVE, actor, None, what=WHAT, entry=index, payloads=erased
            )
        return erased

    return service.store.transact(work)


def _serves_all(actor: Actor) -> bool:
    return actor.kind is ActorKind.OFFICER and not actor.party

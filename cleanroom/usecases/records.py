"""The record of processing of one collaboration, read from the store; must not know its look."""

from __future__ import annotations

from itertools import islice

from cleanroom.analysis.record_document import Record
from cleanroom.analysis.record_log import log_chapters
from cleanroom.analysis.record_policy import policy_chapters
from cleanroom.audit.choice import Choice
from cleanroom.model.errors import FieldInvalid
from cleanroom.policy.document import Policy
from cleanroom.ports.store import Store, Transaction
from cleanroom.usecases.entries import chosen
from cleanroom.usecases.service import read_policy


def record(
    store: Store, *, collaboration: str, origin: str, entries: int, root: str, made_at_s: int
) -> Record:
    """Return the record of a collaboration over the first `entries` of the log.

    An empty name means the only one. Requires: those entries were verified to have the root.
    Raises FieldInvalid when there is no such collaboration, or several and none was named.
    """
    name, policy, in_force = store.read(lambda tx: _policy(tx, collaboration))
    found = [
        one for one in islice(chosen(store, Choice()), entries) if one.entry.collaboration == name
    ]
    return Record(
        collaboration=name,
        policy_digest=policy.digest,
        in_force=in_force,
        origin=origin,
        entries=entries,
        root=root,
        made_at_s=made_at_s,
        chapters=(*policy_chapters(policy), *log_chapters(policy, found)),
    )


def _policy(tx: Transaction, collaboration: str) -> tuple[str, Policy, bool]:
    """Return the collaboration's name, its policy in force, or else the latest, and which it is."""
    names = tx.collaborations.names()
    if not collaboration and len(names) == 1:
        (collaboration,) = names
    if collaboration not in names:
        known = f"one of {', '.join(names)}" if names else "a collaboration with a policy"
        raise FieldInvalid(field="collaboration", expected=known)
    in_force = tx.collaborations.in_force(collaboration)
    proposal = in_force or tx.collaborations.latest(collaboration)
    if proposal is None:
        raise FieldInvalid(field="collaboration", expected="a collaboration with a policy")
    return collaboration, read_policy(proposal), in_force is not None

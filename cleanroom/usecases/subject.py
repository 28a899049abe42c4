"""Subject access: what an owner's sealed versions hold of one person, for the owner to answer them.

Whether the person was matched, or is in anybody else's dataset, is neither looked up nor told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.entry import EntryKind
from cleanroom.model.dataset import DatasetSchema
from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor, DatasetName
from cleanroom.model.subject import PersonHeld
from cleanroom.model.withdrawal import MARKED_BYTES, PersonReference
from cleanroom.ports.records import Version
from cleanroom.ports.store import Transaction
from cleanroom.usecases.marks import known_marks
from cleanroom.usecases.reach import Reach, reach
from cleanroom.usecases.service import Service, current_version, party_of, read_policy
from cleanroom.usecases.withdraw import owned_at_any_time, present_versions

MAX_REFERENCES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldIn:
    """What one version holds of one person; `withdrawn_at_s` is None without a withdrawal."""

    version: Version
    in_use: bool
    held: PersonHeld
    withdrawn_at_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that is held, oldest version first, and when a reference withdrew from later uploads."""

    held: tuple[HeldIn, ...]
    withdrawn_at_s: int | None


def describe_person(
    service: Service, actor: Actor, *, dataset: DatasetName, references: Sequence[PersonReference]
) -> Subject:
    """Return what is held of the person whom the references name, in versions not erased.

    The act is logged before anything is looked up, without any reference. Uploads that are not
    sealed are not searched. Raises NotPermitted, FieldInvalid.
    """
    owner = party_of(actor, str(dataset), "look into")
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise FieldInvalid(field="references", expected=f"1 to {MAX_REFERENCES} of one person")
    versions, current = service.store.transact(
        lambda tx: _noted(service, tx, actor, dataset, owner)
    )
    found = [
        held
        for version in versions
        for held in _held(service, version, references, in_use=version.id == current)
    ]
    return Subject(held=tuple(found), withdrawn_at_s=_marked(service, dataset, references))


def _noted(
    service: Service, tx: Transaction, actor: Actor, dataset: DatasetName, owner: str
) -> tuple[tuple[Version, ...], str | None]:
    owned_at_any_time(tx, dataset, owner, "look into")
    service.note(
        tx,
        EntryKind.ADMINISTRATIVE,
        actor,
        dataset.collaboration,
        act="subject_access",
        dataset=dataset.dataset,
    )
    current = current_version(tx, dataset)
    return present_versions(tx, dataset, owner), None if current is None else current.id


def _held(
    service: Service, version: Version, references: Sequence[PersonReference], *, in_use: bool
) -> Iterator[HeldIn]:
    reached = _reached(service, version, references)
    if reached is None:
        return
    schema, withdrew = service.store.read(
        lambda tx: (_schema(tx, version), tx.withdrawals.people(version.id))
    )
    for person in sorted(reached.found):
        yield HeldIn(
            version=version,
            in_use=in_use,
            held=service.sealer.person_held(reached.tables, person, schema),
            withdrawn_at_s=withdrew.get(person),
        )


def _reached(
    service: Service, version: Version, references: Sequence[PersonReference]
) -> Reach | None:
    """Return whom they name, or None when the version was erased meanwhile: nothing is held."""
    try:
        return reach(service, version, references)
    except KeyError:
        now = service.store.read(lambda tx: tx.versions.get(version.id))
        if now is None or now.erased_at_s is None:
            raise
        return None


def _schema(tx: Transaction, version: Version) -> DatasetSchema:
    """Return the schema under which the version was sealed, whatever is in force now."""
    proposal = tx.collaborations.proposal(version.dataset.collaboration, version.policy_digest)
    rules = None if proposal is None else read_policy(proposal).dataset(version.dataset.dataset)
    if rules is None:
        raise NotPermitted(what=str(version.dataset), action="look into")
    return rules.schema


def _marked(
    service: Service, dataset: DatasetName, references: Sequence[PersonReference]
) -> int | None:
    marks = known_marks(service, dataset).marks
    if marks is None:
        return None
    packed = b"".join(one.value[:MARKED_BYTES] for one in references)
    return max((at_s for _, at_s in marks.hits(packed, MARKED_BYTES)), default=None)

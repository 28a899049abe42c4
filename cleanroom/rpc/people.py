"""People named by references, to and from the protocol; must not know who asks or why."""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.withdrawal import PersonReference
from cleanroom.ports.records import Withdrawal
from cleanroom.usecases.subject import HeldIn, Subject
from cleanroom.v1 import dataset_pb2 as pb


def references(found: Sequence[pb.PersonReference], most: int) -> tuple[PersonReference, ...]:
    """Return the references; raises FieldInvalid for too many, or one that is none."""
    if not 1 <= len(found) <= most:
        raise FieldInvalid(field="references", expected=f"1 to {most} in a call")
    return tuple(PersonReference(kind=one.kind, value=one.value) for one in found)


def withdrawn(withdrawal: Withdrawal, heeded_from_s: int) -> pb.WithdrawConsentResponse:
    """Return what the owner is told of a withdrawal."""
    return pb.WithdrawConsentResponse(
        withdrawn_at_s=withdrawal.at_s,
        effective_from_s=heeded_from_s,
        given=withdrawal.given,
        known=withdrawal.known,
    )


def held(subject: Subject) -> pb.DescribePersonResponse:
    """Return what the owner is told of a person."""
    return pb.DescribePersonResponse(
        held=[_held(one) for one in subject.held], withdrawn_at_s=subject.withdrawn_at_s or 0
    )


def _held(one: HeldIn) -> pb.HeldPerson:
    person = one.held
    return pb.HeldPerson(
        version=one.version.id,
        sealed_at_s=one.version.sealed_at_s,
        in_use=one.in_use,
        rows=person.rows,
        values=person.values,
        sums=person.sums,
        filters={name: pb.HeldValues(values=values) for name, values in person.filters.items()},
        first_at_s=person.first_at_s,
        last_at_s=person.last_at_s,
        keys=person.keys,
        purposes=person.purpose_names,
        bases=[str(basis) for basis in person.bases],
        consent_at_s=person.consent_at_s,
        consent_until_s=person.consent_until_s,
        withdrawn_at_s=one.withdrawn_at_s or 0,
    )

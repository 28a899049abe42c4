"""People named by references, to and from the protocol; must not know who asks or why."""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.withdrawal import PersonReference
from cleanroom.ports.records import Withdrawal
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

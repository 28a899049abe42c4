"""Handing over the hmac key: wrapped keys on their way; must not know what is in them."""

from __future__ import annotations

from typing import Final

from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor
from cleanroom.policy.document import Scheme
from cleanroom.ports.records import Envelope
from cleanroom.ports.store import Transaction
from cleanroom.usecases.service import Service, party_of, policy_in_force

MAX_ENVELOPE: Final = 4 * 1024


def put_envelope(
    service: Service, actor: Actor, *, collaboration: str, recipient: str, ciphertext: bytes
) -> None:
    """Keep the hmac key wrapped for `recipient`; only the first owner of a dataset may.

    Raises NotPermitted, PolicyNotInForce, FieldInvalid.
    """
    sender = party_of(actor, f"collaborations/{collaboration}", "share a key in")
    if not 0 < len(ciphertext) <= MAX_ENVELOPE:
        raise FieldInvalid(field="ciphertext", expected=f"1 to {MAX_ENVELOPE} bytes")

    def work(tx: Transaction) -> None:
        policy = policy_in_force(tx, collaboration, sender, "share a key in")
        owners = policy.owners()
        if policy.matching.scheme is not Scheme.HMAC or sender != owners[0]:
            raise NotPermitted(what=f"collaborations/{collaboration}", action="share a key in")
        if recipient not in owners[1:]:
            raise FieldInvalid(field="recipient", expected=f"one of {', '.join(owners[1:])}")
        envelope = Envelope(
            collaboration=collaboration, sender=sender, recipient=recipient, ciphertext=ciphertext
        )
        tx.collaborations.put_envelope(envelope)

    service.store.transact(work)


def envelopes(service: Service, actor: Actor, collaboration: str) -> tuple[Envelope, ...]:
    """Return the wrapped keys addressed to the caller; raises NotPermitted, PolicyNotInForce."""
    party = party_of(actor, f"collaborations/{collaboration}", "read keys of")

    def work(tx: Transaction) -> tuple[Envelope, ...]:
        policy_in_force(tx, collaboration, party, "read keys of")
        return tx.collaborations.envelopes(collaboration, party)

    return service.store.read(work)

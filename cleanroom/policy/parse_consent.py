"""Reads what a policy says of consent for everybody's people; must not know any dataset."""

from __future__ import annotations

from cleanroom.model.consent import Basis
from cleanroom.policy.fields import Field
from cleanroom.policy.rules import ConsentTerms


def consent_terms(field: Field) -> ConsentTerms:
    """Return the terms of the top-level block, the defaults where it or a key is absent."""
    if not field.present:
        return ConsentTerms()
    keys = field.table()
    usual = ConsentTerms()
    base, bases, epoch, age = (keys[k] for k in ("base", "bases", "epoch_days", "max_age_days"))
    epoch_days = epoch.integer() if epoch.present else usual.epoch_days
    return ConsentTerms(
        base=base.word() if base.present else None,
        bases=_bases(bases) or usual.bases,
        epoch_days=epoch_days,
        # Consent that counts for less than an epoch would never count.
        max_age_days=age.integer(at_least=epoch_days) if age.present else None,
    )


def _bases(field: Field) -> tuple[Basis, ...]:
    """Return the bases named, in one order whatever the file's; none where the key is absent."""
    named = field.choices(Basis) if field.present else ()
    return tuple(basis for basis in Basis if basis in named)

"""Consent purposes as a controlled list and the one rule that says when a row may be used.

Must not know how consent arrives (columns, TCF strings) or where it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from cleanroom.model.errors import FieldInvalid

# Bit positions are stored in sealed versions: never renumber, only append.
PURPOSES = MappingProxyType(
    {
        "measurement": 1,
        "segmentation": 2,
        "personalisation": 4,
        "profiling": 8,
        "storage": 16,
        "research": 32,
    }
)

EPOCH_S = 86_400  # one day: two questions a second apart see the same consent


def purpose_bits(purposes: Iterable[str]) -> int:
    """Return the bitmap of `purposes`; raise FieldInvalid for a term that is not listed."""
    bits = 0
    for purpose in purposes:
        if purpose not in PURPOSES:
            raise FieldInvalid(field="purpose", expected=f"one of {', '.join(PURPOSES)}")
        bits |= PURPOSES[purpose]
    return bits


def epoch_of(time_s: int) -> int:
    """Return the start of the UTC day that holds `time_s` (unix seconds).

    Consent is judged at this instant: a person is usable at epoch E for the purposes P when
    the bitmap holds all of P, `consent_at < E + EPOCH_S` and `E + EPOCH_S <= consent_until`.
    Consent given on a day counts on that day; consent that ends during a day does not, so that
    nobody is used after the end of their consent.
    """
    return time_s - time_s % EPOCH_S


def next_epoch(time_s: int) -> int:
    """Return the first epoch in which what happened at `time_s` is heeded: the one after its own.

    A question of an epoch heeds a withdrawal if and only if it came before the epoch's start, so
    that all questions of an epoch see the same people, whenever in it they are asked.
    """
    return epoch_of(time_s) + EPOCH_S

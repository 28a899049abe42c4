"""Consent purposes and bases as controlled lists, and the one rule of when a person may be used.

Must not know how consent arrives (columns, TCF strings) or where it is stored.
What the purposes mean is in vocabulary.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cleanroom.model.errors import FieldInvalid

DAY_S = 86_400

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


class Basis(StrEnum):
    """On what the use of a row rests (GDPR, article 6, points a, b and f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


# A row's basis is marked in its bitmap of purposes, above all of theirs: no mark means consent.
MARKS = MappingProxyType(
    {Basis.CONSENT: 0, Basis.CONTRACT: 1 << 32, Basis.LEGITIMATE_INTEREST: 1 << 33}
)
ALL_MARKS = sum(MARKS.values())
ALL_PURPOSES = sum(PURPOSES.values())


def purpose_bits(purposes: Iterable[str]) -> int:
    """Return the bitmap of `purposes`; raise FieldInvalid for a term that is not listed."""
    bits = 0
    for purpose in purposes:
        if purpose not in PURPOSES:
            raise FieldInvalid(field="purpose", expected=f"one of {', '.join(PURPOSES)}")
        bits |= PURPOSES[purpose]
    return bits


def cared(sealable: int) -> int:
    """Return the bits of a row that `sealable`, purposes with a basis, is compared with.

    A row serves it when these bits of the row are exactly `sealable`: it has all the purposes,
    whatever others there are, and it rests on the basis and on no other.
    """
    return sealable | ALL_MARKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Days for which consent is judged once, so that no two questions in them tell people apart.

    A person is usable for the purposes P when their bitmap holds all of P, they agreed before
    `agreed_before_s` (and, where there is an age, from `agreed_from_s` on), and their consent
    lasts until `end_s` at least. Whoever agrees on the epoch's first day counts from then on;
    whoever agrees later waits for the next; consent that ends within it does not count at all,
    so that nobody is used after the end of their consent. A withdrawal is heeded if and only
    if it came before the epoch's start: what happens within it, the next one heeds.
    Epochs begin at multiples of their length since 1970.
    """

    start_s: int
    days: int = 1
    max_age_days: int | None = None

    @property
    def end_s(self) -> int:
        """The first second behind it."""
        return self.start_s + self.days * DAY_S

    @property
    def agreed_before_s(self) -> int:
        """Consent of this second or later is too late."""
        return self.start_s + DAY_S

    @property
    def agreed_from_s(self) -> int | None:
        """Consent before this second is too old by the end of the epoch; None for no limit."""
        return None if self.max_age_days is None else self.end_s - self.max_age_days * DAY_S


def epoch_of(time_s: int, days: int = 1) -> int:
    """Return the start of the epoch of so many days that holds `time_s` (unix seconds)."""
    return time_s - time_s % (days * DAY_S)

"""What of a person's consent string counts for which purpose, as the data's owner declares it.

Must not know strings, tables or files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cleanroom_client.tables.spec import PURPOSES

VERSION = "cleanroom-consent/v1"
MAX_VENDOR = 2**16 - 1
MAX_TCF_PURPOSE = 24
MAX_AGE_DAYS = 395  # thirteen months: [TCF] has people asked again at least that often
_MOST_DAYS = 3_650
# Purposes of TCF 2.2 and 2.3 by number: 1 store on a device, 3 build profiles for ads, 4 use them,
# 7 measure ads, 9 understand audiences by combining sources, 10 develop services.
DEFAULT_PURPOSES: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "measurement": frozenset({7, 9}),
        "segmentation": frozenset({3, 9}),
        "personalisation": frozenset({3, 4}),
        "profiling": frozenset({3}),
        "storage": frozenset({1}),
        "research": frozenset({9, 10}),
    }
)
# Purposes that never rest on a legitimate interest. [TCF], since 2.2; 1 always needed consent.
CONSENT_ONLY = frozenset({1, 3, 4, 5, 6})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRules:
    """How consent strings become purposes.

    `vendor` is the owner's id on the Global Vendor List; None reads what the person told the
    publisher itself, in the string's publisher segment. `purposes` names, for each purpose, the
    TCF purposes that must all be permitted. `legitimate_interest` are those the vendor registered
    under that basis, `flexible` those registered as flexible. `without_opt_out` are the purposes
    that a US person who was told and did not opt out permits. Consent ends `max_age_days` after
    the string was last updated.
    """

    vendor: int | None
    purposes: Mapping[str, frozenset[int]] = field(default_factory=lambda: DEFAULT_PURPOSES)
    legitimate_interest: frozenset[int] = frozenset()
    flexible: frozenset[int] = frozenset()
    without_opt_out: frozenset[str] = frozenset()
    max_age_days: int = MAX_AGE_DAYS

    def __post_init__(self) -> None:
        """Refuse ids and purposes that do not exist; freeze the mapping."""
        object.__setattr__(self, "purposes", MappingProxyType(dict(self.purposes)))
        if self.vendor is not None and not 1 <= self.vendor <= MAX_VENDOR:
            raise ValueError(f"vendor: expected an id from 1 to {MAX_VENDOR}")
        if not self.purposes and not self.without_opt_out:
            raise ValueError("purposes: expected at least one purpose")
        _check_known("purposes", self.purposes)
        _check_known("without_opt_out", self.without_opt_out)
        for name, ids in self.purposes.items():
            _check_ids(f"purposes.{name}", ids, least=1)
        _check_ids("legitimate_interest", self.legitimate_interest)
        _check_ids("flexible", self.flexible)
        if wrong := (self.legitimate_interest | self.flexible) & CONSENT_ONLY:
            raise ValueError(
                f"legitimate_interest and flexible: purpose {min(wrong)} rests on consent only"
            )
        if not 1 <= self.max_age_days <= _MOST_DAYS:
            raise ValueError(f"max_age_days: expected a whole number from 1 to {_MOST_DAYS}")

    def digest(self) -> bytes:
        """Return 32 bytes that are equal for equal rules."""
        value = {
            "version": VERSION,
            "vendor": self.vendor,
            "purposes": {name: sorted(ids) for name, ids in self.purposes.items()},
            "legitimate_interest": sorted(self.legitimate_interest),
            "flexible": sorted(self.flexible),
            "without_opt_out": sorted(self.without_opt_out),
            "max_age_days": self.max_age_days,
        }
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


def _check_known(key: str, names: Collection[str]) -> None:
    if unknown := sorted(set(names) - set(PURPOSES)):
        known = ", ".join(PURPOSES)
        raise ValueError(f"{key}: {unknown[0]!r} is not a purpose: expected any of {known}")


def _check_ids(key: str, ids: frozenset[int], least: int = 0) -> None:
    if len(ids) < least or not all(1 <= n <= MAX_TCF_PURPOSE for n in ids):
        raise ValueError(f"{key}: expected TCF purposes by number, 1 to {MAX_TCF_PURPOSE}")

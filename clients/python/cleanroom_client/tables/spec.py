"""What a dataset's table must hold, as the partner's side sees it; knows no policy file.

Whoever reads the policy builds a `DatasetSpec`; everything else here is driven by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from cleanroom_client.identifiers.kinds import KeyType, columns_of

if TYPE_CHECKING:  # it reads this module's list of purposes
    from cleanroom_client.consent.rules import ConsentRules

OTHER = "other"
PERSON, OCCURRED_AT = "person", "occurred_at"
PURPOSES_COLUMN, CONSENT_AT, CONSENT_UNTIL = "purposes", "consent_at", "consent_until"
CONSENT_COLUMNS = (PURPOSES_COLUMN, CONSENT_AT, CONSENT_UNTIL)
CONSENT_STRING, GPC, BASIS = "consent_string", "gpc", "basis"

# The service's controlled list, by bit; a test holds this one and the service's equal.
PURPOSES: Mapping[str, int] = MappingProxyType(
    {
        "measurement": 1,
        "segmentation": 2,
        "personalisation": 4,
        "profiling": 8,
        "storage": 16,
        "research": 32,
    }
)


def purpose_bits(purpose: str) -> int:
    """Return the bit of a purpose, 0 for none; raises ValueError for one that is not known."""
    if purpose and purpose not in PURPOSES:
        raise ValueError(f"{purpose!r} is not a purpose")
    return PURPOSES.get(purpose, 0)


class Basis(StrEnum):
    """On what the use of a row rests (GDPR, article 6); the policy says which it accepts."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


# Bases travel in the bitmap of purposes, beside its own bits: no mark means consent.
BASIS_MARKS: Mapping[Basis, int] = MappingProxyType(
    {Basis.CONSENT: 0, Basis.CONTRACT: 1 << 32, Basis.LEGITIMATE_INTEREST: 1 << 33}
)

_MAX_DOMAIN = 2**15  # codes travel as int16


class Unit(StrEnum):
    """What the numbers of a measure are."""

    MINOR = "minor"  # money: decimal text in, integers of the minor currency unit out
    COUNT = "count"  # whole numbers
    ROWS = "rows"  # no column: each row counts one


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSpec:
    """The column that says which arm of the experiment a person is in, and its two values."""

    column: str
    test: str
    control: str

    def __post_init__(self) -> None:
        """Refuse arms that cannot be told apart."""
        if not self.column or not self.test or not self.control or self.test == self.control:
            raise ValueError("an arm needs a column and two different, non-empty values")


def _frozen_empty() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """Columns of one dataset: `keys` in order of priority, domains in the order of their codes.

    `timed` says that each row is an event with its own time. With `consent`, a row's consent is
    read from a string under these rules; without, from columns of its own. `bases` are those that
    the policy accepts; `base` are the bits of purposes without which a row is never sealed.
    """

    keys: tuple[KeyType, ...]
    dimensions: Mapping[str, tuple[str, ...]] = field(default_factory=_frozen_empty)
    arm: ArmSpec | None = None
    counts: tuple[str, ...] = ()
    measures: Mapping[str, Unit] = field(default_factory=lambda: MappingProxyType({}))
    event_filters: Mapping[str, tuple[str, ...]] = field(default_factory=_frozen_empty)
    timed: bool = False
    consent: ConsentRules | None = None
    bases: frozenset[Basis] = frozenset({Basis.CONSENT})
    base: int = 0

    def __post_init__(self) -> None:
        """Freeze the mappings; refuse missing or repeated keys, bad domains, clashing names."""
        for name in ("dimensions", "measures", "event_filters"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        if not self.keys or len(set(self.keys)) != len(self.keys):
            raise ValueError("a dataset needs at least one key type, and each only once")
        for name, domain in (*self.dimensions.items(), *self.event_filters.items()):
            _check_domain(name, domain)
        names = list(self.columns())
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two columns are named {', '.join(sorted(repeated))}")

    def columns(self) -> Iterator[str]:
        """Yield every column the table may have, by its name in the policy."""
        yield from self.key_columns()
        yield from self.required_columns()
        yield PERSON
        if not self.timed:
            yield OCCURRED_AT
        yield from self.optional_consent_columns()

    def optional_consent_columns(self) -> Iterator[str]:
        """Yield what the table may say of consent besides; a declared column of the name goes first."""
        optional = (GPC, BASIS) if self.consent is None else (GPC, CONSENT_AT)
        declared = set(self.required_columns())
        yield from (name for name in optional if name not in declared)

    def key_columns(self) -> Iterator[str]:
        """Yield the columns a match key may come from, of which the table needs one."""
        for key_type in self.keys:
            yield from (column.value for column in columns_of(key_type))

    def uploaded_measures(self) -> Mapping[str, Unit]:
        """Return the measures that have a column; the service itself counts rows."""
        return {name: unit for name, unit in self.measures.items() if unit is not Unit.ROWS}

    def required_columns(self) -> Iterator[str]:
        """Yield the columns the table must have."""
        yield from self.dimensions
        if self.arm is not None:
            yield self.arm.column
        yield from self.counts
        yield from self.uploaded_measures()
        yield from self.event_filters
        if self.timed:
            yield OCCURRED_AT
        if self.consent is None:
            yield from CONSENT_COLUMNS
        else:
            yield CONSENT_STRING


def _check_domain(name: str, domain: tuple[str, ...]) -> None:
    if not domain or len(set(domain)) != len(domain) or len(domain) > _MAX_DOMAIN:
        raise ValueError(f"the domain of {name} needs 1 to {_MAX_DOMAIN} different values")

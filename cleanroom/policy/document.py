"""A policy as checked values with the questions others put to it; knows no YAML and no storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from cleanroom.model.allowance import LedgerTerms, MinimumAggregation
from cleanroom.model.consent import MARKS, purpose_bits
from cleanroom.model.dataset import DatasetSchema, KeyType
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column, check_label
from cleanroom.model.question import Family
from cleanroom.policy.rules import (
    ConsentTerms,
    Limits,
    PrivacyRule,
    merge_terms,
    strictest_minimum,
    strictest_privacy,
    terms_of,
)

VERSION = "cleanroom/v1"
NORMALISATIONS = ("uid2-2026",)
WITHDRAWN_DAYS = 30  # a month, as the GDPR gives for answering a person (art. 12(3))


def _nothing() -> MappingProxyType[Family, Any]:
    return MappingProxyType({})


class Role(StrEnum):
    """What a party is in the collaboration; grants come from `may_ask` alone."""

    ADVERTISER = "advertiser"
    RETAILER = "retailer"
    DATA_PROVIDER = "data_provider"


class Scheme(StrEnum):
    """How identities become tokens."""

    PSI = "psi"
    HMAC = "hmac"
    SHA256 = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mark:
    """Where something stands in the file; both numbers start at 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An organisation and the question families it may ask."""

    name: str
    role: Role
    may_ask: frozenset[Family]

    def __post_init__(self) -> None:
        """Check the name."""
        check_label(self.name, "party")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """How people of different datasets are recognised; `keys` in order of priority."""

    scheme: Scheme
    normalisation: str
    keys: tuple[KeyType, ...]
    allow_unsalted: bool = False
    default_region: str | None = None

    def __post_init__(self) -> None:
        """At least one key, each once; unsalted tokens only where they are allowed by name."""
        if not self.keys or len(set(self.keys)) != len(self.keys):
            raise FieldInvalid(field="matching.keys", expected="key types, each once")
        if self.allow_unsalted != (self.scheme is Scheme.SHA256):
            raise FieldInvalid(
                field="matching.allow_unsalted", expected="true with sha256, and only with it"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmColumn:
    """The column that says who was in which arm, and its two values."""

    column: str
    test: str
    control: str

    def __post_init__(self) -> None:
        """The arms must differ."""
        check_column(self.column, "arm")
        if self.test == self.control:
            raise FieldInvalid(field="arm.control", expected="another value than arm.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRules:
    """One dataset: its schema and the owner's rules; None where the owner declares none.

    `consent` names, for each family, the purposes a person must have agreed to. `breakdowns` names,
    for each family, the columns that may break an answer down; a family that is absent may use all
    that are declared. `people_by_family` raises the minimum's people for single families.
    """

    schema: DatasetSchema
    arm: ArmColumn | None = None
    time_column: str | None = None
    minimum: MinimumAggregation | None = None
    people_by_family: Mapping[Family, int] = field(default_factory=_nothing, hash=False)
    privacy: PrivacyRule | None = None
    consent: Mapping[Family, tuple[str, ...]] = field(default_factory=_nothing, hash=False)
    breakdowns: Mapping[Family, tuple[str, ...]] = field(default_factory=_nothing, hash=False)
    limits: Limits = Limits()  # noqa: RUF009 - a frozen value

    def __post_init__(self) -> None:
        """Schema and columns must tell the same."""
        if self.schema.has_arm != (self.arm is not None):
            raise FieldInvalid(field="arm", expected="a column where the schema has an arm")
        if self.schema.timed != (self.time_column is not None):
            raise FieldInvalid(field="time", expected="a column where the schema is timed")
        least = self.minimum.people if self.minimum else None
        if any(least is None or people < least for people in self.people_by_family.values()):
            raise FieldInvalid(field="minimum_aggregation.families", expected="at least `people`")
        for name in ("consent", "breakdowns", "people_by_family"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def minimum_for(self, family: Family) -> MinimumAggregation | None:
        """Return the dataset's own minimum for questions of `family`."""
        if self.minimum is None:
            return None
        people = self.people_by_family.get(family, self.minimum.people)
        return replace(self.minimum, people=people)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days after which sealed versions and released measurements are erased.

    `withdrawn_days` is how long people who withdrew may at most stay in a sealed version.
    """

    datasets_days: int
    measurements_days: int
    withdrawn_days: int = WITHDRAWN_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of a collaboration's contract.

    `digest` is the lower-case hex SHA-256 of the file's bytes. It applies at a unix time t with
    `valid_from_s <= t < valid_until_s`. `marks` says where each path stands (`parties.acme.role`,
    `matching.keys[0]`: a key's own position) in `file`; neither is part of the policy's meaning.
    """

    digest: str
    text: str
    collaboration: str
    valid_from_s: int
    valid_until_s: int
    parties: tuple[Party, ...]
    matching: Matching
    datasets: tuple[DatasetRules, ...]
    retention: Retention
    consent: ConsentTerms = ConsentTerms()  # noqa: RUF009 - a frozen value
    file: str = field(default="policy.yaml", compare=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the name and the period, and that strictest rules exist at all."""
        check_label(self.collaboration, "collaboration")
        if self.valid_from_s >= self.valid_until_s:
            raise FieldInvalid(field="valid.until", expected="a day not before valid.from")
        if not any(d.privacy for d in self.datasets):
            raise FieldInvalid(field="datasets", expected="a dataset with privacy")
        if not any(d.minimum for d in self.datasets):
            raise FieldInvalid(field="datasets", expected="a dataset with minimum_aggregation")

    def party(self, name: str) -> Party | None:
        """Return the party called `name`, if it is a member."""
        return next((p for p in self.parties if p.name == name), None)

    def dataset(self, name: str) -> DatasetRules | None:
        """Return the dataset called `name`, if declared."""
        return next((d for d in self.datasets if d.schema.name == name), None)

    def datasets_of(self, names: Iterable[str]) -> tuple[DatasetRules, ...]:
        """Return the datasets called `names`, in that order; FieldInvalid if one is undeclared."""
        return tuple(self._declared(name) for name in names)

    def owners(self) -> tuple[str, ...]:
        """Return the parties that own a dataset, in policy order: those who blind in PSI."""
        owning = {d.schema.owner for d in self.datasets}
        return tuple(p.name for p in self.parties if p.name in owning)

    def purposes(self, family: Family) -> int:
        """Return the bitmap a person must hold for `family`; 0 means it cannot be asked."""
        named = self.named_purposes(family)
        return named | purpose_bits(self.consent.base_purposes) if named else 0

    def named_purposes(self, family: Family) -> int:
        """Return the bitmap of what the datasets themselves demand for `family`."""
        return purpose_bits(p for d in self.datasets for p in d.consent.get(family, ()))

    def sealable_purposes(self) -> tuple[int, ...]:
        """Return the bitmaps of all families that anybody may ask, each once, ascending.

        Each stands once with the mark of every basis that is accepted. A row enters a version if
        and only if it serves at least one of them (`model/consent.py`, `cared`).
        """
        asked = {family for party in self.parties for family in party.may_ask}
        wanted = {self.purposes(family) for family in asked} - {0}
        marks = [MARKS[basis] for basis in self.consent.bases]
        return tuple(sorted(bits | mark for bits in wanted for mark in marks))

    def minimum(self, datasets: Iterable[str], family: Family) -> MinimumAggregation:
        """Return the strictest rule of `datasets` for questions of `family`.

        A dataset without its own has the policy's strictest. Raises FieldInvalid for a dataset
        that is not declared.
        """
        own = {d.schema.name: d.minimum_for(family) for d in self.datasets}
        default = strictest_minimum(rule for rule in own.values() if rule)
        names = (self._declared(name).schema.name for name in datasets)
        return strictest_minimum(own[name] or default for name in names)

    def ledger_terms(self, dataset: str) -> LedgerTerms:
        """Return the terms of the ledger of `dataset`; raises FieldInvalid if not declared.

        Without a `privacy` block that is the pool named as the collaboration, with the smallest
        amounts of the policy.
        """
        rules = self._declared(dataset)
        declared = (d.privacy for d in self.datasets if d.privacy)
        rule = rules.privacy or strictest_privacy(declared, pool=self.collaboration)
        return terms_of(rules.schema.owner, dataset, rule)

    def ledgers(self) -> tuple[LedgerTerms, ...]:
        """Return every ledger of the policy with its budget, in order of the datasets."""
        return self.ledgers_of(d.schema.name for d in self.datasets)

    def ledgers_of(self, datasets: Iterable[str]) -> tuple[LedgerTerms, ...]:
        """Return the ledgers of `datasets`, each once; raises FieldInvalid if not declared."""
        return merge_terms(self.ledger_terms(name) for name in datasets)

    def mark(self, path: str) -> Mark:
        """Return where `path` stands, or where the nearest part of it that exists does."""
        while path and path not in self.marks:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.marks.get(path, Mark(line=1, column=1))

    def where(self, path: str) -> str:
        """Return `file:line` of `path`, for sentences."""
        return f"{self.file}:{self.mark(path).line}"

    def _declared(self, name: str) -> DatasetRules:
        rules = self.dataset(name)
        if rules is None:
            raise FieldInvalid(field="dataset", expected=f"a dataset that {self.file} declares")
        return rules

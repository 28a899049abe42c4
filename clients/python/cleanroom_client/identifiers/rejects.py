"""Why values are no match keys, and how many; loads neither Arrow nor phone numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Why a value is no match key; the whole list, so that reports can be compared."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    NOT_AN_EMAIL = "not_an_email"
    NOT_A_PHONE = "not_a_phone"
    NO_REGION = "no_region"
    NOT_A_DEVICE_ID = "not_a_device_id"
    ZERO_DEVICE_ID = "zero_device_id"
    NOT_A_HASH = "not_a_hash"
    HASH_OF_NOTHING = "hash_of_nothing"


class Unparseable(ValueError):
    """A value cannot be a match key of its type; carries the reason, never the value."""

    def __init__(self, reason: Reason) -> None:
        """Keep `reason`."""
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Return one sentence."""
        return f"not usable as a match key: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectReport:
    """How many values of a column became no identity, by reason; holds no value."""

    by_reason: Mapping[Reason, int] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse impossible counts and freeze the mapping."""
        if any(count <= 0 for count in self.by_reason.values()):
            msg = "a reason in a reject report counts at least one value"
            raise ValueError(msg)
        object.__setattr__(self, "by_reason", MappingProxyType(dict(self.by_reason)))

    def __add__(self, other: RejectReport) -> RejectReport:
        """Return the report of both."""
        return RejectReport(by_reason=Counter(self.by_reason) + Counter(other.by_reason))

    @property
    def empty(self) -> int:
        """Values that were blank: normal in real lists, no sign of an error."""
        return self.by_reason.get(Reason.EMPTY, 0)

    @property
    def unparseable(self) -> int:
        """Values that were there but could not be read."""
        return sum(self.by_reason.values()) - self.empty

"""What became of the rows of an upload, in counts; holds no value of any row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cleanroom_client.consent.signals import NoConsent
from cleanroom_client.identifiers.kinds import KeyColumn
from cleanroom_client.identifiers.rejects import RejectReport


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReport:
    """Counts of rows, for the partner's eyes.

    rows: read from the source; without_key: dropped, as no match key could be read;
    no_consent: sent without any purpose, so never used, by the reason; duplicates: repeats of a
    whole row of the source, which are kept (an estimate above 25 million rows, see tally.Repeats);
    rejected: by column, values that gave no match key.
    """

    rows: int = 0
    without_key: int = 0
    no_consent: Mapping[NoConsent, int] = field(default_factory=lambda: MappingProxyType({}))
    duplicates: int = 0
    rejected: Mapping[KeyColumn, RejectReport] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse counts that cannot be, and freeze the mapping."""
        parts = (self.without_key, self.without_consent, self.duplicates)
        if min(parts) < 0 or max(parts) > self.rows:
            raise ValueError("a part of the rows cannot be negative or more than all of them")
        object.__setattr__(self, "no_consent", MappingProxyType(dict(self.no_consent)))
        object.__setattr__(self, "rejected", MappingProxyType(dict(self.rejected)))

    @property
    def without_consent(self) -> int:
        """Rows that are sent and used for nothing."""
        return sum(self.no_consent.values())

    @property
    def sent(self) -> int:
        """Rows that go to the service."""
        return self.rows - self.without_key

"""What became of the rows of an upload, in counts; holds no value of any row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from cleanroom_client.identifiers.columns import RejectReport
from cleanroom_client.identifiers.kinds import KeyColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReport:
    """Counts of rows, for the partner's eyes.

    rows: read from the source; without_key: dropped, as no match key could be read;
    without_consent: sent without any purpose, so never used; duplicates: repeats of a whole row
    of the source, which are kept; rejected: by column, values that gave no match key.
    """

    rows: int = 0
    without_key: int = 0
    without_consent: int = 0
    duplicates: int = 0
    rejected: Mapping[KeyColumn, RejectReport] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse counts that cannot be, and freeze the mapping."""
        parts = (self.without_key, self.without_consent, self.duplicates)
        if min(parts) < 0 or max(parts) > self.rows:
            raise ValueError("a part of the rows cannot be negative or more than all of them")
        object.__setattr__(self, "rejected", MappingProxyType(dict(self.rejected)))

    @property
    def sent(self) -> int:
        """Rows that go to the service."""
        return self.rows - self.without_key


class Tally:
    """An UploadReport in the making; 8 bytes of memory a row, for the duplicates."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.rows = 0
        self.without_key = 0
        self.without_consent = 0
        self._rejected: dict[KeyColumn, RejectReport] = {}
        self._hashes: list[np.ndarray] = []

    def add_rows(self, row_hashes: np.ndarray) -> None:
        """Count rows by their 64-bit hashes."""
        self.rows += len(row_hashes)
        self._hashes.append(row_hashes)

    def add_rejects(self, column: KeyColumn, rejects: RejectReport) -> None:
        """Count values without a key."""
        self._rejected[column] = self._rejected.get(column, RejectReport()) + rejects

    def report(self) -> UploadReport:
        """Return the counts so far."""
        distinct = len(np.unique(np.concatenate(self._hashes))) if self._hashes else 0
        return UploadReport(
            rows=self.rows,
            without_key=self.without_key,
            without_consent=self.without_consent,
            duplicates=self.rows - distinct,
            rejected=self._rejected,
        )

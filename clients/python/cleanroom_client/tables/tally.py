"""Counting rows, rejects and repeats while a table is read; bounded in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from cleanroom_client.consent.signals import NoConsent
from cleanroom_client.identifiers.kinds import KeyColumn
from cleanroom_client.identifiers.rejects import RejectReport
from cleanroom_client.tables.report import UploadReport

EXACT_ROWS = 24 * 2**20
_STEP_ROWS = 2**20
_HASH_BITS = 64


class Repeats:
    """Counts hashes that came before, in at most 8 bytes times `most`.

    Exact up to `most` hashes. Above that it keeps the lower half of all hashes, then a quarter and
    so on, and takes the rest to repeat as often as those: distinct sampling, Gibbons, "Distinct
    sampling for highly-accurate answers to distinct values queries", VLDB 2001.
    """

    def __init__(self, most: int = EXACT_ROWS) -> None:
        """Start with none."""
        self._most = most
        self._kept = np.empty(0, np.uint64)
        self._count = 0
        self._halvings = 0

    def add(self, hashes: np.ndarray) -> None:
        """Take (n,) uint64."""
        chosen = hashes[hashes <= self._limit()] if self._halvings else hashes
        needed = self._count + len(chosen)
        if needed > len(self._kept):
            # In place: a copy would hold everything twice.
            room = min(self._most, len(self._kept) + min(len(self._kept), _STEP_ROWS))
            self._kept.resize(max(needed, room), refcheck=False)
        self._kept[self._count : needed] = chosen
        self._count = needed
        while self._count > self._most:
            self._halve()

    def count(self) -> int:
        """Return how many of the hashes taken came before."""
        kept = self._sorted()
        repeats = sum(
            np.count_nonzero(kept[at + 1 : at + _STEP_ROWS + 1] == kept[at:-1][:_STEP_ROWS])
            for at in range(0, len(kept), _STEP_ROWS)
        )
        return int(repeats) << self._halvings

    def _limit(self) -> np.uint64:
        return np.uint64((1 << (_HASH_BITS - self._halvings)) - 1)

    def _sorted(self) -> np.ndarray:
        kept = self._kept[: self._count]
        kept.sort()
        return kept

    def _halve(self) -> None:
        self._halvings += 1
        self._count = int(np.searchsorted(self._sorted(), self._limit(), side="right"))


class Tally:
    """An UploadReport in the making; up to 8 bytes of memory a row, for the repeats."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.rows = 0
        self.without_key = 0
        self._without_consent: Counter[NoConsent] = Counter()
        self._rejected: dict[KeyColumn, RejectReport] = {}
        self._repeats = Repeats()

    def add_rows(self, row_hashes: np.ndarray) -> None:
        """Count rows by their 64-bit hashes."""
        self.rows += len(row_hashes)
        self._repeats.add(row_hashes)

    def add_rejects(self, column: KeyColumn, rejects: RejectReport) -> None:
        """Count values without a key."""
        self._rejected[column] = self._rejected.get(column, RejectReport()) + rejects

    def add_without_consent(self, counts: Mapping[NoConsent, int]) -> None:
        """Count rows that may be used for nothing."""
        self._without_consent.update(counts)

    def report(self) -> UploadReport:
        """Return the counts so far."""
        return UploadReport(
            rows=self.rows,
            without_key=self.without_key,
            no_consent=self._without_consent,
            duplicates=min(self._repeats.count(), self.rows),
            rejected=self._rejected,
        )

"""What each row may be used for, from columns or from consent strings; knows no service.

A wrong cell of an explicit column is an error of the table, because its owner wrote it. A string
is what a browser sent: one that cannot be used means no consent for its row, counted by reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from cleanroom_client.consent.judge import permitted, weaker
from cleanroom_client.consent.rules import ConsentRules
from cleanroom_client.consent.signals import NoConsent, SignalUnusable
from cleanroom_client.tables import values
from cleanroom_client.tables.cells import Cells
from cleanroom_client.tables.conversions import conversion
from cleanroom_client.tables.raw import RawBatch
from cleanroom_client.tables.spec import (
    BASIS,
    BASIS_MARKS,
    CONSENT_AT,
    CONSENT_STRING,
    CONSENT_UNTIL,
    GPC,
    PURPOSES,
    PURPOSES_COLUMN,
    Basis,
    DatasetSpec,
)

_DAY_S = 86_400
_REMEMBERED = 2**12  # of some two thousand characters each
_REASONS = tuple(NoConsent)  # a row's reason is its place here plus one; 0 is none
_NO_REASON = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """Of each row (rows,) int64: the marked bitmap of purposes, since and until when, the reason."""

    purposes: np.ndarray
    at: np.ndarray
    until: np.ndarray
    reasons: np.ndarray  # (rows,) uint8

    def columns(self) -> Iterator[pa.Array]:
        """Yield the columns as they travel."""
        yield from map(pa.array, (self.purposes, self.at, self.until))

    def counted(self, keep: pa.BooleanArray) -> dict[NoConsent, int]:
        """Return how many of the rows to keep are used for nothing, by reason."""
        kept = self.reasons[np.asarray(keep)]
        counts = np.bincount(kept, minlength=len(_REASONS) + 1)[1:]
        pairs = zip(_REASONS, counts.tolist(), strict=True)
        return {reason: count for reason, count in pairs if count}

    def without(self, rows: np.ndarray, reason: NoConsent) -> Consents:
        """Return these with `rows` (rows,) bool used for nothing; an earlier reason stays."""
        first = rows & (self.reasons == _NO_REASON)
        return Consents(
            purposes=np.where(rows, 0, self.purposes),
            at=np.where(rows, 0, self.at),
            until=np.where(rows, 0, self.until),
            reasons=np.where(first, _code(reason), self.reasons),
        )


ReadConsents: TypeAlias = Callable[[RawBatch], Consents]


def consents_of(spec: DatasetSpec, cells: Cells) -> ReadConsents:
    """Return what reads the consent of a batch, from the columns that the spec says."""
    reader = _Columns(spec, cells) if spec.consent is None else _Strings(spec, spec.consent, cells)
    optional = tuple(spec.optional_consent_columns())
    gpc = conversion(GPC, values.flag) if GPC in optional and GPC in cells else None

    def read(raw: RawBatch) -> Consents:
        found = reader.read(raw)
        if gpc is not None:
            objected = np.asarray(cells.integers(raw, gpc)) == 1
            found = found.without(objected, NoConsent.GLOBAL_PRIVACY_CONTROL)
        lacking = (found.purposes & spec.base) != spec.base
        return found.without(lacking, NoConsent.NO_BASE_PURPOSE)

    return read


def _code(reason: NoConsent) -> np.uint8:
    return np.uint8(_REASONS.index(reason) + 1)


class _Columns:
    """Consent as its owner wrote it down: purposes, two times, and perhaps a basis."""

    def __init__(self, spec: DatasetSpec, cells: Cells) -> None:
        self._cells = cells
        self._purposes = conversion(PURPOSES_COLUMN, values.purposes)
        self._times = tuple(
            conversion(column, values.moment_or_zero) for column in (CONSENT_AT, CONSENT_UNTIL)
        )
        has_basis = BASIS in tuple(spec.optional_consent_columns()) and BASIS in cells
        self._basis = conversion(BASIS, values.basis) if has_basis else None
        self._refused = [mark for basis, mark in BASIS_MARKS.items() if basis not in spec.bases]

    def read(self, raw: RawBatch) -> Consents:
        """Return the consent of each row; raises BadInput."""
        purposes = np.asarray(self._cells.integers(raw, self._purposes))
        at, until = (np.asarray(self._cells.integers(raw, each)) for each in self._times)
        self._check(raw, purposes != 0, at, until)
        none = purposes == 0
        marks = np.zeros_like(purposes)
        if self._basis is not None:
            marks = np.asarray(self._cells.integers(raw, self._basis))
        reasons = np.where(none, _code(NoConsent.NO_PURPOSE), np.uint8(_NO_REASON))
        found = Consents(
            purposes=np.where(none, 0, purposes | marks), at=at, until=until, reasons=reasons
        )
        return found.without(np.isin(marks, self._refused), NoConsent.BASIS_NOT_ACCEPTED)

    def _check(self, raw: RawBatch, given: np.ndarray, at: np.ndarray, until: np.ndarray) -> None:
        """Refuse purposes without both times, and times in the wrong order."""
        for column, times in ((CONSENT_AT, at), (CONSENT_UNTIL, until)):
            self._refuse(
                raw, given & (times == 0), column, "purposes are given, so a time is needed"
            )
        message = "consent ends before it begins: are the two columns swapped?"
        self._refuse(raw, given & (until < at), CONSENT_UNTIL, message)

    def _refuse(self, raw: RawBatch, wrong: np.ndarray, column: str, message: str) -> None:
        if wrong.any():
            raise self._cells.bad(raw, int(np.argmax(wrong)), column, message)


class _Strings:
    """Consent as TCF or GPP strings; each different one is decoded once."""

    def __init__(self, spec: DatasetSpec, rules: ConsentRules, cells: Cells) -> None:
        self._cells = cells
        self._max_age_s = rules.max_age_days * _DAY_S
        self._judge = lru_cache(_REMEMBERED)(lambda text: _judged(text, rules, spec.bases))
        has_time = CONSENT_AT in tuple(spec.optional_consent_columns()) and CONSENT_AT in cells
        self._time = conversion(CONSENT_AT, values.moment_or_zero) if has_time else None

    def read(self, raw: RawBatch) -> Consents:
        """Return the consent of each row; raises BadInput for a time that is none."""
        texts, indices = self._cells.encoded(raw, CONSENT_STRING)
        rows = np.asarray(indices)
        judged = [self._judge(text) for text in texts.to_pylist()]
        purposes, since = (np.array([j[n] for j in judged], np.int64)[rows] for n in (0, 1))
        reasons = np.array([j[2] for j in judged], np.uint8)[rows]
        if self._time is not None:  # of strings that carry no time of their own
            told = np.asarray(self._cells.integers(raw, self._time))
            since = np.where((since == 0) & (purposes != 0), told, since)
        until = np.where(since == 0, 0, since + self._max_age_s)
        found = Consents(purposes=purposes, at=since, until=until, reasons=reasons)
        return found.without((since == 0) & (purposes != 0), NoConsent.NO_TIME)


def _judged(
    text: str, rules: ConsentRules, accepted: frozenset[Basis]
) -> tuple[np.int64, np.int64, np.uint8]:
    """Return the marked bitmap, the time (0: not said) and the reason's code of one string."""
    try:
        found = permitted(text, rules)
    except SignalUnusable as error:
        return np.int64(0), np.int64(0), _code(error.reason)
    usable = {name: basis for name, basis in found.purposes.items() if basis in accepted}
    if not usable:
        return np.int64(0), np.int64(0), _code(NoConsent.BASIS_NOT_ACCEPTED)
    bits = sum(PURPOSES[name] for name in usable) | BASIS_MARKS[weaker(usable.values())]
    return np.int64(bits), np.int64(found.since_s), np.uint8(_NO_REASON)

"""What a log adds up to, each number with the entries behind it; must not know stores or pages.

Reads entries alone, which hold names, digests, losses and reasons: nothing here is a function of
data that was not released.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cleanroom.analysis.days import day_of
from cleanroom.audit.choice import datasets_of, debits_of, decision_of, reason_of
from cleanroom.audit.entry import Entry, EntryKind
from cleanroom.audit.rows import Found

Labels: TypeAlias = tuple[str, ...]
Counted: TypeAlias = Iterator[tuple[Labels, int, int]]  # labels, column, amount

_PUT: Final = frozenset(
    {EntryKind.QUESTION_RESERVED, EntryKind.QUESTION_REPEATED, EntryKind.QUESTION_REFUSED}
)
_POLICY: Final = frozenset(
    {EntryKind.POLICY_PROPOSED, EntryKind.POLICY_ACCEPTED, EntryKind.POLICY_IN_FORCE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A count or a sum, and the indices of the entries that make it, ascending."""

    value: int
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a tally: what is counted, and a number for each column; None where none is."""

    labels: Labels
    numbers: tuple[Number | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Numbers of one sort. `rule` says in words which entries count, so that anybody can count."""

    id: str
    title: str
    rule: str
    labels: Labels
    columns: Labels
    rows: tuple[Row, ...]

    @property
    def total(self) -> int:
        """The sum of every number."""
        return sum(n.value for row in self.rows for n in row.numbers if n is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question put: the entry, and the one that ended it if there is one."""

    put: Found
    ended: Found | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """Everything that is read off the entries. Times are unix seconds as the entries state them."""

    tallies: tuple[Tally, ...]
    policies: tuple[Found, ...]
    acts: tuple[Found, ...]
    questions: tuple[Asked, ...]
    entries: int
    first_time_s: int | None
    last_time_s: int | None

    def tally(self, name: str) -> Tally:
        """Return a tally by its id; KeyError if there is none."""
        for one in self.tallies:
            if one.id == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How a tally is counted: `of` yields what one entry adds."""

    id: str
    title: str
    rule: str
    labels: Labels
    columns: Labels
    of: Callable[[Found], Counted]


@dataclass(slots=True)
class _Sum:
    value: int = 0
    entries: list[int] = field(default_factory=list)

    def add(self, amount: int, index: int) -> None:
        self.value += amount
        if not self.entries or self.entries[-1] != index:
            self.entries.append(index)

    def number(self) -> Number:
        return Number(value=self.value, entries=tuple(self.entries))


def log_report(found: Iterable[Found]) -> LogReport:
    """Count entries, given in their order, in one pass."""
    sums: dict[str, dict[Labels, dict[int, _Sum]]] = {rule.id: {} for rule in RULES}
    kept = _Kept()
    for one in found:
        kept.take(one)
        for rule in RULES:
            for labels, column, amount in rule.of(one):
                columns = sums[rule.id].setdefault(labels, defaultdict(_Sum))
                columns[column].add(amount, one.index)
    return LogReport(
        tallies=tuple(_tally(rule, sums[rule.id]) for rule in RULES),
        policies=tuple(kept.policies),
        acts=tuple(kept.acts),
        questions=tuple(Asked(put=p, ended=kept.ends.get(p.index)) for p in kept.put),
        entries=kept.entries,
        first_time_s=kept.first_time_s,
        last_time_s=kept.last_time_s,
    )


@dataclass(slots=True)
class _Kept:
    """The entries that a report tells one by one."""

    policies: list[Found] = field(default_factory=list)
    acts: list[Found] = field(default_factory=list)
    put: list[Found] = field(default_factory=list)
    ends: dict[int, Found] = field(default_factory=dict)
    entries: int = 0
    first_time_s: int | None = None
    last_time_s: int | None = None

    def take(self, one: Found) -> None:
        entry = one.entry
        self.entries += 1
        self.first_time_s = entry.time_s if self.first_time_s is None else self.first_time_s
        self.last_time_s = entry.time_s
        if entry.kind in _POLICY:
            self.policies.append(one)
        elif entry.kind in {EntryKind.ADMINISTRATIVE, EntryKind.RELAY_MISBEHAVED}:
            self.acts.append(one)
        elif entry.kind in _PUT:
            self.put.append(one)
        elif decision_of(entry) is not None and isinstance(
            at := entry.fields.get("reserved_entry"), int
        ):
            self.ends[at] = one


def _tally(rule: _Rule, sums: dict[Labels, dict[int, _Sum]]) -> Tally:
    def row(labels: Labels) -> Row:
        found = sums[labels]
        columns = range(len(rule.columns))
        return Row(
            labels=labels,
            numbers=tuple(found[c].number() if c in found else None for c in columns),
        )

    return Tally(
        id=rule.id,
        title=rule.title,
        rule=rule.rule,
        labels=rule.labels,
        columns=rule.columns,
        rows=tuple(map(row, sorted(sums))),
    )


def _decisions(found: Found) -> Counted:
    kind = found.entry.kind
    if kind is EntryKind.QUESTION_RESERVED:
        yield ("reserved",), 0, 1
    elif (decision := decision_of(found.entry)) is not None:
        yield (decision.value,), 0, 1


def _by_day(found: Found) -> Counted:
    if found.entry.kind in _PUT:
        day = day_of(found.entry.time_s)
        yield (day, found.entry.actor, family_of(found)), 0, 1


def _refusals(found: Found) -> Counted:
    if found.entry.kind is EntryKind.QUESTION_REFUSED:
        yield (reason_of(found.entry), found.entry.actor), 0, 1


def _spent(found: Found) -> Counted:
    if found.entry.kind is EntryKind.QUESTION_RESERVED:
        for owner, pool, debit in debits_of(found.entry):
            yield (owner, pool), 0, whole(debit.get("nano_rho"))


def _versions(found: Found) -> Counted:
    column = {
        EntryKind.UPLOAD_STARTED: 0,
        EntryKind.VERSION_SEALED: 1,
        EntryKind.VERSION_ERASED: 2,
        EntryKind.CONSENT_WITHDRAWN: 3,
    }.get(found.entry.kind)
    if column is not None:
        for dataset in datasets_of(found.entry) or ("",):
            yield (found.entry.collaboration or "", dataset), column, 1


def _references(found: Found) -> Counted:
    if found.entry.kind is EntryKind.CONSENT_WITHDRAWN:
        for dataset in datasets_of(found.entry) or ("",):
            told = whole(found.entry.fields.get("references"))
            yield (found.entry.collaboration or "", dataset), 0, told


def _denied(found: Found) -> Counted:
    if found.entry.kind is EntryKind.AUTHENTICATION_FAILED:
        yield (reason_of(found.entry),), 0, 1


def _misbehaved(found: Found) -> Counted:
    if found.entry.kind is EntryKind.RELAY_MISBEHAVED:
        yield (str(found.entry.fields.get("party", "")), reason_of(found.entry)), 0, 1


def _kinds(found: Found) -> Counted:
    yield (found.entry.kind.value,), 0, 1


def family_of(found: Found) -> str:
    """Return the family of the question that an entry puts, repeats or answers."""
    for entry in (found.entry, found.reserved):
        family = _family(entry)
        if family:
            return family
    return "unknown"


def _family(entry: Entry | None) -> str:
    family = None if entry is None else entry.fields.get("family")
    return family if isinstance(family, str) else ""


def whole(value: object) -> int:
    """Return an amount of an entry, in which large numbers stand as text; 0 for none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


RULES: Final = (
    _Rule(
        id="decisions",
        title="Questions by what became of them",
        rule="question_reserved entries, and question_released, question_repeated, "
        "question_refused and question_failed entries, by kind",
        labels=("decision",),
        columns=("entries",),
        of=_decisions,
    ),
    _Rule(
        id="questions",
        title="Questions put, by day, party and family",
        rule="question_reserved, question_repeated and question_refused entries, by day (UTC) of "
        "time_s, actor and family; a repeated one has the family of its question",
        labels=("day", "party", "family"),
        columns=("questions",),
        of=_by_day,
    ),
    _Rule(
        id="refusals",
        title="Refusals by reason and party",
        rule="question_refused entries, by reason and actor",
        labels=("reason", "party"),
        columns=("refusals",),
        of=_refusals,
    ),
    _Rule(
        id="spent",
        title="Privacy loss debited, by pool",
        rule="the sum of nano_rho over the debits of question_reserved entries, by ledger",
        labels=("owner", "pool"),
        columns=("nano-rho",),
        of=_spent,
    ),
    _Rule(
        id="versions",
        title="Uploads, versions and withdrawals, by dataset",
        rule="upload_started, version_sealed, version_erased and consent_withdrawn entries, by "
        "collaboration and dataset",
        labels=("collaboration", "dataset"),
        columns=("uploads begun", "versions sealed", "versions erased", "withdrawals received"),
        of=_versions,
    ),
    _Rule(
        id="withdrawn",
        title="Records named in withdrawals, as their owners sent them",
        rule="the sum of references over consent_withdrawn entries, by collaboration and dataset",
        labels=("collaboration", "dataset"),
        columns=("references",),
        of=_references,
    ),
    _Rule(
        id="denied",
        title="Callers who were not accepted",
        rule="authentication_failed entries, by why",
        labels=("why",),
        columns=("calls",),
        of=_denied,
    ),
    _Rule(
        id="misbehaved",
        title="Relay answers that contradicted each other",
        rule="relay_misbehaved entries, by party and why",
        labels=("party", "why"),
        columns=("answers",),
        of=_misbehaved,
    ),
    _Rule(
        id="kinds",
        title="All entries by kind",
        rule="every entry, by kind",
        labels=("kind",),
        columns=("entries",),
        of=_kinds,
    ),
)

"""Which entries somebody wants to read, by what they say; must not know where they are kept.

A question's datasets and ledgers stand in its entry "reserved" alone; entries that answer it are
read together with that one (`reserved`), so that a filter finds a question's whole story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import Entry, EntryKind

_NAMED: Final = ("party", "owner", "recipient")


class Decision(StrEnum):
    """How a question ended."""

    RELEASED = "released"
    REPEATED = "repeated"
    REFUSED = "refused"
    FAILED = "failed"


_ENDS: Final = {
    EntryKind.QUESTION_RELEASED: Decision.RELEASED,
    EntryKind.QUESTION_REPEATED: Decision.REPEATED,
    EntryKind.QUESTION_REFUSED: Decision.REFUSED,
    EntryKind.QUESTION_FAILED: Decision.FAILED,
}


def decision_of(entry: Entry) -> Decision | None:
    """Return the decision that an entry speaks of; None for one that ends no question."""
    return _ENDS.get(entry.kind)


def reason_of(entry: Entry) -> str:
    """Return the reason code of a refusal, or why something failed; "" where nothing did."""
    for key in ("reason", "why"):
        value = entry.fields.get(key)
        if isinstance(value, str):
            return value
    return ""


def datasets_of(entry: Entry, reserved: Entry | None = None) -> tuple[str, ...]:
    """Return the datasets that an entry, or the question it answers, is about, sorted."""
    found = set(_datasets(entry))
    if not found and reserved is not None:
        found = set(_datasets(reserved))
    return tuple(sorted(found))


def parties_of(entry: Entry, reserved: Entry | None = None) -> frozenset[str]:
    """Return the parties that acted, are named, or whose people's ledgers were debited."""
    named = {entry.actor.partition("/")[2]}
    named |= {value for key in _NAMED if isinstance(value := entry.fields.get(key), str)}
    for one in (entry, reserved):
        named |= set() if one is None else {owner for owner, _, _ in debits_of(one)}
    return frozenset(named - {""})


def debits_of(entry: Entry) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    """Yield (owner, pool, the debit as logged) for each ledger that an entry debits."""
    for debit in _list(entry.fields.get("debits")):
        ledger = debit.get("ledger") if isinstance(debit, Mapping) else None
        match ledger.split("/") if isinstance(ledger, str) else ():
            case ["ledgers", owner, pool] if isinstance(debit, Mapping):
                yield owner, pool, debit
            case _:
                pass


def answers(entry: Entry) -> str | None:
    """Return the digest of the question that an entry answers, fails or repeats."""
    if entry.kind is EntryKind.QUESTION_RESERVED:
        return None
    digest = entry.fields.get("question_digest")
    return digest if isinstance(digest, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which entries are wanted; None leaves a side open.

    Times are unix seconds, `until_s` the first that is no longer wanted. `reason` is a reason
    code, or a part of the text that says why, whatever its capitals.
    """

    party: str | None = None
    dataset: str | None = None
    collaboration: str | None = None
    kind: EntryKind | None = None
    decision: Decision | None = None
    reason: str | None = None
    since_s: int | None = None
    until_s: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every entry is wanted."""
        return self == Choice()

    def takes(self, entry: Entry, reserved: Entry | None = None) -> bool:
        """Return whether the entry is wanted; `reserved` is that of the question it answers."""
        return self._takes_itself(entry) and self._takes_named(entry, reserved)

    def _takes_itself(self, entry: Entry) -> bool:
        return (
            self.kind in {None, entry.kind}
            and self.collaboration in {None, entry.collaboration}
            and (self.decision is None or self.decision is decision_of(entry))
            and (self.since_s is None or entry.time_s >= self.since_s)
            and (self.until_s is None or entry.time_s < self.until_s)
            and (self.reason is None or _says(entry, self.reason))
        )

    def _takes_named(self, entry: Entry, reserved: Entry | None) -> bool:
        return (self.party is None or self.party in parties_of(entry, reserved)) and (
            self.dataset is None or self.dataset in datasets_of(entry, reserved)
        )


def _says(entry: Entry, reason: str) -> bool:
    code, why = (entry.fields.get(key) for key in ("reason", "why"))
    wanted = reason.casefold()
    return (isinstance(code, str) and wanted == code.casefold()) or (
        isinstance(why, str) and wanted in why.casefold()
    )


def _datasets(entry: Entry) -> Iterator[str]:
    one = entry.fields.get("dataset")
    named = _list(entry.fields.get("datasets"))
    pinned = (next(iter(_list(pair)), None) for pair in _list(entry.fields.get("versions")))
    return (name for name in (one, *named, *pinned) if isinstance(name, str))


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()

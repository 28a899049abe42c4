"""What a collaboration's log says for its record: policy, consent, versions, questions.

Must not know the store. Reads entries alone, which hold no counts of people: what is counted here
are entries, and the references of withdrawals as their owners sent them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cleanroom.analysis.log_report import family_of, whole
from cleanroom.analysis.record_document import Cell, Chapter, Grid, Part, Told, grid
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found
from cleanroom.audit.words import short, when
from cleanroom.model.question import Family
from cleanroom.model.vocabulary import BASIS_TERMS, PURPOSE_TERMS
from cleanroom.policy.document import Policy
from cleanroom.policy.explain_datasets import FAMILY_NAMES
from cleanroom.policy.prose import counted, listed

_STEPS = {
    EntryKind.POLICY_PROPOSED: "proposed",
    EntryKind.POLICY_ACCEPTED: "accepted",
    EntryKind.POLICY_IN_FORCE: "came into force",
}
_ENDS = {
    EntryKind.QUESTION_RESERVED: 0,
    EntryKind.QUESTION_RELEASED: 1,
    EntryKind.QUESTION_REPEATED: 2,
    EntryKind.QUESTION_REFUSED: 3,
    EntryKind.QUESTION_FAILED: 4,
}
_NAMES = {str(family): name for family, name in FAMILY_NAMES.items()}


@dataclass(slots=True)
class _Count:
    """How many entries, or how much they add up to, and which they are."""

    value: int = 0
    entries: list[int] = field(default_factory=list)

    def add(self, index: int, amount: int = 1) -> None:
        self.value += amount
        self.entries.append(index)

    def told(self) -> Cell:
        return Told(text=f"{self.value:,}", entries=tuple(self.entries)) if self.entries else "0"


def log_chapters(policy: Policy, found: Sequence[Found]) -> tuple[Chapter, ...]:
    """Return the chapters that entries of one collaboration, in their order, make."""
    parts = {
        ("consent", "Consent and its bases", "7(1) and 7(3)"): _consent(policy, found),
        ("policy", "History of the policy", ""): _history(found),
        ("versions", "Versions of datasets", ""): _versions(found),
        ("questions", "Questions", ""): _questions(found),
    }
    return tuple(
        Chapter(id=name, title=title, article=article, parts=tuple(made))
        for (name, title, article), made in parts.items()
    )


def _consent(policy: Policy, found: Sequence[Found]) -> Iterator[Part]:
    terms = policy.consent
    bases = listed(BASIS_TERMS[basis].label.lower() for basis in terms.bases)
    base = (
        f" No row is kept without {PURPOSE_TERMS[terms.base].label.lower()}." if terms.base else ""
    )
    age = (
        f" It counts for {counted(terms.max_age_days, 'day', 'days')} at most."
        if terms.max_age_days
        else ""
    )
    often = "once a day" if terms.epoch_days == 1 else f"once in {terms.epoch_days} days"
    yield (
        f"Rows rest on {bases}.{base}{age} Whose consent counts is judged {often}, the "
        "same for all questions until it is judged again; a row without a signal is used for nothing. A withdrawal "
        "is heeded from the next time on."
    )
    yield grid("Dataset | Demands for each family", _demands(policy))
    yield "Withdrawals received from the owners; how many people they led to is told to no one else."
    yield _withdrawals(found)


def _demands(policy: Policy) -> Iterator[tuple[Cell, ...]]:
    for rules in policy.datasets:
        demanded = [
            f"{FAMILY_NAMES[f]}: {listed(rules.consent[f])}" for f in Family if f in rules.consent
        ]
        yield rules.schema.name, "; ".join(demanded) or "nothing of its own"


def _withdrawals(found: Sequence[Found]) -> Grid:
    sums: dict[str, tuple[_Count, _Count]] = defaultdict(lambda: (_Count(), _Count()))
    for one in found:
        if one.entry.kind is EntryKind.CONSENT_WITHDRAWN:
            times, references = sums[str(one.entry.fields.get("dataset", ""))]
            times.add(one.index)
            references.add(one.index, whole(one.entry.fields.get("references")))
    rows = ((name, a.told(), b.told()) for name, (a, b) in sorted(sums.items()))
    return grid("Dataset | Withdrawals | References that their owner named", rows)


def _history(found: Sequence[Found]) -> Iterator[Part]:
    rows = [
        (
            Told(text=when(one.entry.time_s), entries=(one.index,)),
            _STEPS[one.entry.kind],
            one.entry.actor,
            short(one.entry.fields.get("policy_digest") or one.entry.fields.get("digest") or ""),
            _loosened(one),
        )
        for one in found
        if one.entry.kind in _STEPS
    ]
    yield grid("Time | What | By | Policy | Rules tightened, loosened", rows)


def _loosened(one: Found) -> str:
    counts = [one.entry.fields.get(key) for key in ("tightened", "loosened")]
    return ", ".join(str(whole(c)) for c in counts) if any(c is not None for c in counts) else ""


def _versions(found: Sequence[Found]) -> Iterator[Part]:
    sealed: dict[str, Found] = {}
    erased: dict[str, Found] = {}
    for one in found:
        version = str(one.entry.fields.get("version", ""))
        if one.entry.kind is EntryKind.VERSION_SEALED:
            sealed[version] = one
        elif one.entry.kind is EntryKind.VERSION_ERASED:
            erased[version] = one
    yield "How many people a version holds is told to its owner only."
    yield grid(
        "Version | Dataset | Sealed | By | Under policy | Erased",
        (
            (
                version,
                str(one.entry.fields.get("dataset", "")),
                Told(text=when(one.entry.time_s), entries=(one.index,)),
                one.entry.actor,
                short(one.entry.fields.get("policy_digest", "")),
                _erasing(erased.get(version)),
            )
            for version, one in sealed.items()
        ),
    )


def _erasing(one: Found | None) -> Cell:
    return Told(text=when(one.entry.time_s), entries=(one.index,)) if one else "no"


def _questions(found: Sequence[Found]) -> Iterator[Part]:
    sums: dict[tuple[str, str], tuple[_Count, ...]] = defaultdict(
        lambda: tuple(_Count() for _ in _ENDS)
    )
    for one in found:
        column = _ENDS.get(one.entry.kind)
        if column is not None:
            sums[one.entry.actor, family_of(one)][column].add(one.index)
    rows = (
        (actor, _NAMES.get(family, family), *(count.told() for count in counts))
        for (actor, family), counts in sorted(sums.items())
    )
    heads = "Party | Questions | Paid for | Answered | Repeated free of charge | Refused | Failed"
    yield grid(heads, rows)

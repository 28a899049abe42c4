"""What in a log an auditor should look at: who asked what so that differences tell of few.

Must not know stores or exact values. It reads questions as they were asked, the policies' declared
domains, and measurements as they were released; nothing else, so that it tells nothing new of the
data. Nothing found here broke a promise: every question was paid for, whatever it was asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Final

from cleanroom.analysis.canonical import canonical_json, question_to_json
from cleanroom.analysis.span import isolated
from cleanroom.model.events import Window
from cleanroom.model.question import ContributionBound, Question, Ropo, SalesLift

MOST_UNIONS: Final = 200  # asked of one thing and looked at together, the newest
FEW: Final = 10  # a part is small below one in this many
REPEATS: Final = 4  # of one question on the same versions
DAY_S: Final = 86_400

Filtered = SalesLift | Ropo | ContributionBound


class AnomalyKind(StrEnum):
    """What was noticed."""

    DIFFERENCE = "difference"
    REPETITION = "repetition"
    REUPLOAD = "reupload"
    DICTIONARY = "dictionary"
    TINY_LIST = "tiny_list"
    SIZE_JUMP = "size_jump"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One thing to look at: what, why it matters, what to do, and the entries behind it."""

    kind: AnomalyKind
    collaboration: str
    parties: tuple[str, ...]
    entries: tuple[int, ...]
    what: str
    why: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A question that was paid for: by whom, when, on which versions, and where that stands."""

    entry: int
    collaboration: str
    asker: str
    question: Question
    nano_rho: int
    versions: tuple[tuple[str, str], ...]
    epoch_s: int
    at_s: int


Domains = Mapping[tuple[str, str], tuple[str, ...]]
"""The declared values of a filter column, by (collaboration, column)."""


def question_anomalies(puts: Sequence[Put], domains: Domains) -> tuple[Anomaly, ...]:
    """Return differences, repetitions and reuploads among questions, by their first entry."""
    found = [
        *_differences(puts, domains),
        *_repetitions(puts),
        *_reuploads(puts),
    ]
    return tuple(sorted(found, key=lambda one: (one.entries, one.kind)))


def _differences(puts: Sequence[Put], domains: Domains) -> Iterator[Anomaly]:
    for group in _groups(puts, _without_window):
        yield from _of_windows(group)
    for column in sorted({c for put in puts for c, _ in filters_of(put.question)}):
        for group in _groups(puts, partial(_without_filter, column)):
            yield from _of_values(group, column, domains)


def _of_values(group: Sequence[Put], column: str, domains: Domains) -> Iterator[Anomaly]:
    named = {v for put in group for v in dict(filters_of(put.question)).get(column, ())}
    every = frozenset({*named, *domains.get((group[0].collaboration, column), ())})
    unions = [frozenset(dict(filters_of(put.question)).get(column, every)) for put in group]
    for part in isolated(unions):
        if len(part.atoms) * FEW <= len(every):
            values = ", ".join(f"“{value}”" for value in sorted(part.atoms))
            yield _difference(
                [group[i] for i in part.unions], f"{column} {values} of {len(every)} values"
            )


def _of_windows(group: Sequence[Put]) -> Iterator[Anomaly]:
    windows = [window_of(put.question) for put in group]
    known = [(put, w) for put, w in zip(group, windows, strict=True) if w is not None]
    edges = sorted({edge for _, w in known for edge in (w.from_s, w.until_s)})
    stretches = list(pairwise(edges))
    unions = [
        frozenset(s for s in stretches if w.from_s <= s[0] and s[1] <= w.until_s) for _, w in known
    ]
    for part in isolated(unions):
        length = sum(until - start for start, until in part.atoms)
        shortest = min(known[i][1].length_s for i in part.unions)
        if length * FEW <= shortest:
            yield _difference(
                [known[i][0] for i in part.unions], f"{_length(length)} of {_length(shortest)}"
            )


def _difference(puts: Sequence[Put], part: str) -> Anomaly:
    return _anomaly(
        AnomalyKind.DIFFERENCE,
        puts,
        f"{len(puts)} questions, added and subtracted, tell of {part}, which none of them asks for",
        "a small part is found without asking for it, so that no minimum of people guards it; "
        "only the noise, which was paid for, does",
        "ask the parties what the questions were for; a policy can forbid such filters, or allow "
        "windows and groups of a fixed grid only",
    )


def _repetitions(puts: Sequence[Put]) -> Iterator[Anomaly]:
    for group in _groups(puts, _but_for_loss, least=REPEATS):
        yield _anomaly(
            AnomalyKind.REPETITION,
            group,
            f"one question was paid for {len(group)} times on the same versions, with another loss "
            "or on another day each time",
            "the mean of the answers is as precise as their losses together; a party that splits "
            "a question stays below what a single one may take",
            "compare the sum of their losses with what one question may take from a pool",
        )


def _reuploads(puts: Sequence[Put]) -> Iterator[Anomaly]:
    """Find questions put before and soon after one dataset was uploaded anew."""
    for group in _groups(puts, _but_for_versions):
        ordered = sorted(group, key=lambda put: put.at_s)
        for before, after in pairwise(ordered):
            changed = [d for d, v in after.versions if dict(before.versions).get(d) != v]
            if len(changed) == 1 and after.at_s - before.at_s < DAY_S:
                yield _anomaly(
                    AnomalyKind.REUPLOAD,
                    (before, after),
                    f"one question was asked before and, within a day, after a new version of "
                    f"{changed[0]}",
                    "who uploads a list with one record more or less, and asks again, sees what "
                    "that record changes, but for the noise",
                    f"ask the owner of {changed[0]} why a new version came so soon",
                )


def _anomaly(kind: AnomalyKind, puts: Sequence[Put], what: str, why: str, advice: str) -> Anomaly:
    return Anomaly(
        kind=kind,
        collaboration=puts[0].collaboration,
        parties=tuple(sorted({put.asker for put in puts})),
        entries=tuple(sorted(put.entry for put in puts)),
        what=what,
        why=why,
        advice=advice,
    )


def _groups(
    puts: Iterable[Put], key: Callable[[Put], bytes | None], least: int = 2
) -> Iterator[Sequence[Put]]:
    """Yield the questions that have one key, in their order."""
    found: dict[bytes, list[Put]] = defaultdict(list)
    for put in puts:
        same = key(put)
        if same is not None:
            found[same].append(put)
    for group in found.values():
        if len(group) >= least:
            yield group[-MOST_UNIONS:]


def _without_window(put: Put) -> bytes | None:
    question = put.question
    if not isinstance(question, Filtered) or question.window is None:
        return None
    if isinstance(question, SalesLift) and question.looks_before:
        return None  # two windows move at once
    return _key(put, replace(question, window=None), versions=True)


def _without_filter(column: str, put: Put) -> bytes | None:
    question = put.question
    if not isinstance(question, Filtered):
        return None
    others = tuple((c, values) for c, values in question.filters if c != column)
    return _key(put, replace(question, filters=others), versions=True)


def _but_for_loss(put: Put) -> bytes:
    return _key(put, put.question, versions=True)


def _but_for_versions(put: Put) -> bytes:
    return _key(put, put.question, versions=False)


def _key(put: Put, question: Question, *, versions: bool) -> bytes:
    """Return what is alike in questions of one group; who asked does not matter, nor the loss."""
    return canonical_json(
        {
            "collaboration": put.collaboration,
            "question": question_to_json(question),
            "versions": put.versions if versions else (),
        }
    )


def filters_of(question: Question) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the filters of a question; none where it has no such part."""
    return question.filters if isinstance(question, Filtered) else ()


def window_of(question: Question) -> Window | None:
    """Return the window of a question; None where it has none."""
    return question.window if isinstance(question, Filtered) else None


def _length(seconds: int) -> str:
    days = seconds / DAY_S
    return f"{days:g} day{'' if days == 1 else 's'}"

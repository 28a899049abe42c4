"""What released answers tell of the lists behind them: dictionaries, tiny lists, sudden sizes.

Must not know exact counts. It reads noisy numbers that were released, with the scale of their
noise, and says something only where it is far beyond that noise; so it tells nothing new.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from cleanroom.analysis.anomalies import Anomaly, AnomalyKind

_SURE: Final = 5.0  # standard deviations of noise
_COVERED: Final = 0.9  # of the partner's people
_TIMES: Final = 5  # as many people as the partner
_HARDLY: Final = 0.005  # of a list's people matched
_JUMP: Final = 0.5  # of the larger size
_TINY: Final = 5  # times the minimum of people
_PEOPLE: Final = "people:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A released measurement, its entry, and who owns each version that it was computed from."""

    entry: int
    collaboration: str
    measurement: Mapping[str, Any]
    owners: Mapping[str, str]  # by dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """A noisy number of people with its standard deviation."""

    value: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What one answer tells of the size of one list."""

    answer: Answer
    dataset: str
    version: str
    size: _Size


def list_anomalies(answers: Sequence[Answer]) -> tuple[Anomaly, ...]:
    """Return what is odd about lists, each list once for each sort, the newest answer first."""
    told = [one for answer in answers for one in _sizes(answer)]
    found = [*_tiny(told), *_jumps(told), *_dictionaries(answers)]
    kept = {(one.kind, one.collaboration, one.what): one for one in found}
    return tuple(sorted(kept.values(), key=lambda one: (one.entries, one.kind)))


def _sizes(answer: Answer) -> Iterator[_Told]:
    for dataset, version in answer.measurement["versions"]:
        size = _total(answer.measurement, f"{_PEOPLE}{dataset}")
        if size is not None:
            yield _Told(answer=answer, dataset=dataset, version=version, size=size)


def _total(measurement: Mapping[str, Any], name: str) -> _Size | None:
    """Return a statistic summed over the cells; None unless every cell shows it."""
    scales = {p["name"]: p["scale"] for p in measurement["parameters"]}
    values = [dict(cell["statistics"]).get(name) for cell in measurement["cells"]]
    if name not in scales or any(value is None for value in values):
        return None
    total = sum(int(value) for value in values if value is not None)
    return _Size(value=total, sd=scales[name] * math.sqrt(len(values)))


def _tiny(told: Iterable[_Told]) -> Iterator[Anomaly]:
    for one in told:
        most = _TINY * one.answer.measurement["minimum_people"]
        if one.size.value + _SURE * one.size.sd < most:
            yield _anomaly(
                AnomalyKind.TINY_LIST,
                (one,),
                f"{one.dataset} has fewer than {most} people",
                "of a tiny list, each answer is about few; a list of known people is a question "
                "about them",
                "ask its owner what the list is",
            )


def _jumps(told: Sequence[_Told]) -> Iterator[Anomaly]:
    by_list: dict[tuple[str, str], dict[str, _Told]] = {}
    for one in told:
        versions = by_list.setdefault((one.answer.collaboration, one.dataset), {})
        best = versions.get(one.version)
        if best is None or one.size.sd < best.size.sd:
            versions[one.version] = one
    for versions in by_list.values():
        for before, after in pairwise(versions.values()):
            change = abs(after.size.value - before.size.value)
            sd = math.hypot(before.size.sd, after.size.sd)
            if change - _SURE * sd > _JUMP * max(before.size.value, after.size.value):
                yield _anomaly(
                    AnomalyKind.SIZE_JUMP,
                    (before, after),
                    f"{before.dataset} changed its size by more than half from one version to "
                    "the next",
                    "a list that is suddenly larger may be filled up with keys to try; one that "
                    "is suddenly smaller may be cut down to people of interest",
                    "ask its owner what changed",
                )


def _dictionaries(answers: Iterable[Answer]) -> Iterator[Anomaly]:
    for answer in answers:
        matched = _total(answer.measurement, "matched")
        sizes = list(_sizes(answer))
        if matched is None or len(sizes) != 2:  # noqa: PLR2004 - a list and its partner
            continue
        for own, partner in (sizes, sizes[::-1]):
            if (what := _like_a_dictionary(own, partner, matched)) is not None:
                yield _anomaly(
                    AnomalyKind.DICTIONARY,
                    (own,),
                    what,
                    "a list of all possible keys finds every person of the other side, known to "
                    "its owner or not",
                    "ask its owner where the keys come from and what people agreed to",
                )


def _like_a_dictionary(own: _Told, partner: _Told, matched: _Size) -> str | None:
    """Say what of a list looks like keys tried out, where it is far beyond the noise."""
    spread = math.hypot(own.size.sd, _TIMES * partner.size.sd)
    larger = own.size.value - _TIMES * partner.size.value > _SURE * spread
    missed = _COVERED * partner.size.value - matched.value
    if larger and missed < -_SURE * math.hypot(matched.sd, partner.size.sd):
        return (
            f"{own.dataset} has more than {_TIMES} times the people of {partner.dataset} "
            f"and matches nearly all of them"
        )
    least = own.size.value - _SURE * own.size.sd
    if larger and matched.value + _SURE * matched.sd < _HARDLY * least:
        return f"nearly nobody of {own.dataset} is matched in {partner.dataset}"
    return None


def _anomaly(kind: AnomalyKind, told: Sequence[_Told], what: str, why: str, advice: str) -> Anomaly:
    owners = {one.answer.owners.get(one.dataset, "") for one in told}
    return Anomaly(
        kind=kind,
        collaboration=told[0].answer.collaboration,
        parties=tuple(sorted(owners - {""})),
        entries=tuple(sorted({one.answer.entry for one in told})),
        what=what,
        why=why,
        advice=advice,
    )

"""Finds which dataset each `by` dimension of a question means; must not know who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cleanroom.model.allowance import Grouping
from cleanroom.model.question import (
    Buckets,
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.model.refusal import Reason
from cleanroom.policy.buckets import bucket_reasons, bucketed, number
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.refusals import listed, placed, ruled


@dataclass(slots=True, kw_only=True)
class Resolved:
    """Groupings by qualified name, and why others could not be found."""

    groupings: dict[str, Grouping] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)


def resolve(policy: Policy, question: Question) -> Resolved:
    """Return the grouping of each `by` dimension under its qualified name (`exposures.city`).

    Datasets that the policy does not declare are passed over; that is the caller's reason.
    """
    found = Resolved()
    datasets = _datasets(policy, question)
    cut = _buckets(question)
    for name in question.by:
        if cut is not None and name in cut:
            candidates = _numbers(policy, name, datasets, cut[name], found)
        else:
            candidates = _dimensions(policy, name, datasets, found, cuttable=cut is not None)
        _take(name, candidates, found)
    _one_side(question, found)
    return found


def _datasets(policy: Policy, question: Question) -> tuple[DatasetRules, ...]:
    """Return the datasets whose dimensions the question may use."""
    return tuple(d for name in _sides(question) if (d := policy.dataset(name)) is not None)


def _sides(question: Question) -> tuple[str, ...]:
    match question:
        case MatchRate() | SegmentSize() | ContributionBound():
            return question.datasets
        case SalesLift(exposures=exposures):
            # People have arms and outcomes; what they are counted by is known before both.
            return (exposures,)
        case Overlap(hub=hub):
            return (hub,)  # whose people are counted, also those whom nobody else knows
        case Ropo():
            return (question.counted,)


def _buckets(question: Question) -> Mapping[str, Buckets] | None:
    """Return the buckets by dimension, or None where the question takes none."""
    match question:
        case MatchRate() | SegmentSize() | SalesLift():
            return {buckets.dimension: buckets for buckets in question.buckets}
        case ContributionBound() | Overlap() | Ropo():
            return None


def _dimensions(
    policy: Policy,
    name: str,
    datasets: tuple[DatasetRules, ...],
    found: Resolved,
    *,
    cuttable: bool,
) -> dict[str, Grouping]:
    """Return the dimensions with declared values that `name` may mean."""
    named, column = _named(name, datasets)
    candidates = {
        f"{d.schema.name}.{column}": Grouping(dataset=d.schema.name, domain=domain)
        for d in named
        if (domain := d.schema.dimension(column)) is not None
    }
    if not candidates and datasets:
        numbers = [n for d in named if (n := number(d, column)) is not None]
        if numbers and cuttable:
            (path, *_) = (n.path for n in numbers)
            words, then = f"by {name} is a number", ": cut it by buckets, as in 1,2,5"
            found.reasons.append(ruled(policy, path, words, then=then, allowed="buckets of it"))
        else:
            found.reasons.append(_missing(policy, name, datasets))
    return candidates


def _numbers(
    policy: Policy,
    name: str,
    datasets: tuple[DatasetRules, ...],
    buckets: Buckets,
    found: Resolved,
) -> dict[str, Grouping]:
    """Return the counts and measures that `name` may mean, cut by `buckets`."""
    named, column = _named(name, datasets)
    numbers = [n for d in named if (n := number(d, column)) is not None]
    for one in numbers:
        found.reasons.extend(bucket_reasons(policy, one, buckets))
    if not numbers and datasets:
        found.reasons.append(_no_number(policy, name, column, datasets))
    return {n.qualified: bucketed(n, buckets) for n in numbers}


def _named(name: str, datasets: tuple[DatasetRules, ...]) -> tuple[tuple[DatasetRules, ...], str]:
    """Return the datasets in which `name` may stand, and the column it names."""
    owner, _, column = name.rpartition(".")
    return tuple(d for d in datasets if owner in ("", d.schema.name)), column


def _take(name: str, candidates: Mapping[str, Grouping], found: Resolved) -> None:
    if len(candidates) > 1:
        words = f"by {name} is ambiguous: write {' or '.join(candidates)}"
        found.reasons.append(Reason(words=words, allowed=listed(candidates)))
    for qualified, grouping in candidates.items():
        if qualified in found.groupings:
            words = f"by names {qualified} twice"
            found.reasons.append(Reason(words=words, allowed=f"{qualified} once"))
        found.groupings[qualified] = grouping


def _missing(policy: Policy, name: str, datasets: tuple[DatasetRules, ...]) -> Reason:
    paths = [f"datasets.{d.schema.name}.dimensions" for d in datasets]
    words = f"by {name} is not a dimension declared in {_places(policy, paths)}"
    declared = listed(
        f"{d.schema.name}.{one.name}" for d in datasets for one in d.schema.dimensions
    )
    return placed(policy, paths[0], words, allowed=declared)


def _no_number(
    policy: Policy, name: str, column: str, datasets: tuple[DatasetRules, ...]
) -> Reason:
    holders = [d.schema.name for d in datasets if d.schema.dimension(column) is not None]
    if holders:
        path = f"datasets.{holders[0]}.dimensions.{column}"
        words, then = f"by {name} has declared values", ": it takes no buckets"
        return ruled(policy, path, words, then=then, allowed=f"by {name} without buckets")
    paths = [f"datasets.{d.schema.name}" for d in datasets]
    words = f"by {name} is not a count or measure declared in {_places(policy, paths)}"
    schemas = [d.schema for d in datasets]
    numbers = listed(f"{s.name}.{n.name}" for s in schemas for n in (*s.counts, *s.measures))
    return placed(policy, paths[0], words, allowed=numbers)


def _places(policy: Policy, paths: list[str]) -> str:
    return " or ".join(f"{path} ({policy.where(path)})" for path in paths)


def _one_side(question: Question, found: Resolved) -> None:
    """A match rate is broken down by one side: the other side's people have no such value."""
    sides = sorted({g.dataset for g in found.groupings.values()})
    if isinstance(question, MatchRate) and len(sides) > 1 and not found.reasons:
        words = f"by takes dimensions of one dataset, not of {' and '.join(sides)}"
        found.reasons.append(Reason(words=words, allowed="dimensions of one dataset"))

"""Finds which dataset each `by` dimension of a question means; must not know who asks."""

from __future__ import annotations

from dataclasses import dataclass, field

from cleanroom.model.allowance import Grouping
from cleanroom.model.question import MatchRate, Question, SalesLift
from cleanroom.policy.document import DatasetRules, Policy


@dataclass(slots=True, kw_only=True)
class Resolved:
    """Groupings by qualified name, and why others could not be found."""

    groupings: dict[str, Grouping] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def resolve(policy: Policy, question: Question) -> Resolved:
    """Return the grouping of each `by` dimension under its qualified name (`exposures.city`).

    Datasets that the policy does not declare are passed over; that is the caller's reason.
    """
    found = Resolved()
    datasets = _datasets(policy, question)
    for name in question.by:
        _resolve(policy, name, datasets, found)
    _one_side(question, found)
    return found


def _datasets(policy: Policy, question: Question) -> tuple[DatasetRules, ...]:
    """Return the datasets whose dimensions the family may use."""
    # People have arms and outcomes in a lift; what they are counted by is known before both.
    lift = isinstance(question, SalesLift)
    names = question.datasets[:1] if lift else question.datasets
    return tuple(d for name in names if (d := policy.dataset(name)) is not None)


def _resolve(
    policy: Policy, name: str, datasets: tuple[DatasetRules, ...], found: Resolved
) -> None:
    owner, _, column = name.rpartition(".")
    candidates = {
        f"{d.schema.name}.{column}": Grouping(dataset=d.schema.name, domain=domain)
        for d in datasets
        if owner in ("", d.schema.name) and (domain := d.schema.dimension(column)) is not None
    }
    if len(candidates) > 1:
        found.reasons.append(f"by {name} is ambiguous: write {' or '.join(candidates)}")
    elif not candidates and datasets:
        found.reasons.append(_missing(policy, name, datasets))
    for qualified, grouping in candidates.items():
        if qualified in found.groupings:
            found.reasons.append(f"by names {qualified} twice")
        found.groupings[qualified] = grouping


def _missing(policy: Policy, name: str, datasets: tuple[DatasetRules, ...]) -> str:
    paths = [f"datasets.{d.schema.name}.dimensions" for d in datasets]
    places = " or ".join(f"{path} ({policy.where(path)})" for path in paths)
    return f"by {name} is not a dimension declared in {places}"


def _one_side(question: Question, found: Resolved) -> None:
    """A match rate is broken down by one side: the other side's people have no such value."""
    sides = sorted({g.dataset for g in found.groupings.values()})
    if isinstance(question, MatchRate) and len(sides) > 1 and not found.reasons:
        found.reasons.append(f"by takes dimensions of one dataset, not of {' and '.join(sides)}")

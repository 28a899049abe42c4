"""Contribution bounds of questions against those of a policy; must not know who asks."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.contribution import ContributionBound
from cleanroom.model.dataset import Bounded
from cleanroom.model.question import SalesLift
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons


def lift_bound(question: SalesLift, measure: Bounded | None) -> int | None:
    """Return what one person counts at most in a lift on `measure`; None for buyers.

    Requires an allowed question.
    """
    if measure is None:
        return None
    return question.bound or measure.max_per_person


def lift_bound_reasons(policy: Policy, question: SalesLift, sales: DatasetRules) -> Iterator[str]:
    """Yield why a lift may not be clipped at the bound it asks for."""
    measure = sales.schema.measure(question.outcome)
    if question.bound is None:
        return
    if measure is None:
        yield f"bound clips a measure, and {question.outcome} is none: leave it out"
    elif question.bound > measure.max_per_person:
        yield _above(policy, sales, measure, f"bound is {question.bound}")


def grid_reasons(policy: Policy, question: ContributionBound) -> Iterator[str]:
    """Yield why a contribution bound cannot be found for what is asked."""
    rules = policy.dataset(question.dataset)
    if rules is None:
        return
    measure = rules.schema.measure(question.measure)
    path = f"datasets.{question.dataset}.measures"
    if measure is None:
        yield f"{path} does not declare {question.measure} ({policy.where(path)})"
    elif question.grid[-1] > measure.max_per_person:
        yield _above(policy, rules, measure, f"grid goes up to {question.grid[-1]}")
    yield from event_reasons(policy, rules, question.window, question.filters)


def _above(policy: Policy, rules: DatasetRules, measure: Bounded, what: str) -> str:
    path = f"datasets.{rules.schema.name}.measures.{measure.name}.max_per_person"
    return f"{what}, more than {path}, {measure.max_per_person} ({policy.where(path)})"

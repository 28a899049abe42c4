"""Contribution bounds of questions against those of a policy; must not know who asks."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.contribution import ContributionBound
from cleanroom.model.dataset import Bounded
from cleanroom.model.question import SalesLift
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons
from cleanroom.policy.refusals import listed, ruled


def lift_bound(question: SalesLift, measure: Bounded | None) -> int | None:
    """Return what one person counts at most in a lift on `measure`; None for buyers.

    Requires an allowed question.
    """
    if measure is None:
        return None
    return question.bound or measure.max_per_person


def lift_bound_reasons(
    policy: Policy, question: SalesLift, sales: DatasetRules
) -> Iterator[Reason]:
    """Yield why a lift may not be clipped at the bound it asks for."""
    measure = sales.schema.measure(question.outcome)
    if question.bound is None:
        return
    if measure is None:
        words = f"bound clips a measure, and {question.outcome} is none: leave it out"
        yield Reason(words=words, allowed="no bound")
    elif question.bound > measure.max_per_person:
        yield _above(policy, sales, measure, f"bound is {question.bound}")


def grid_reasons(policy: Policy, question: ContributionBound) -> Iterator[Reason]:
    """Yield why a contribution bound cannot be found for what is asked."""
    rules = policy.dataset(question.dataset)
    if rules is None:
        return
    measure = rules.schema.measure(question.measure)
    path = f"datasets.{question.dataset}.measures"
    if measure is None:
        yield ruled(
            policy,
            path,
            f"{path} does not declare {question.measure}",
            allowed=listed(m.name for m in rules.schema.measures),
        )
    elif question.grid[-1] > measure.max_per_person:
        yield _above(policy, rules, measure, f"grid goes up to {question.grid[-1]}")
    yield from event_reasons(policy, rules, question.window, question.filters)


def _above(policy: Policy, rules: DatasetRules, measure: Bounded, what: str) -> Reason:
    path = f"datasets.{rules.schema.name}.measures.{measure.name}.max_per_person"
    words = f"{what}, more than {path}, {measure.max_per_person}"
    return ruled(policy, path, words, allowed=f"at most {measure.max_per_person}")

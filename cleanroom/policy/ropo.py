"""Why a policy cannot answer how purchases follow contacts; must not know who asks."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.question import Ropo
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons


def ropo_reasons(policy: Policy, question: Ropo) -> Iterator[str]:
    """Yield every reason; datasets that are not declared are the caller's."""
    exposures, sales = policy.dataset(question.exposures), policy.dataset(question.sales)
    if exposures is not None:
        yield from _untimed(policy, exposures, "contacts")
    if sales is not None:
        yield from _untimed(policy, sales, "purchases")
        yield from _measure(policy, question, sales)
        # The window needs the time that was just asked for.
        yield from event_reasons(policy, sales, None, question.filters)


def _untimed(policy: Policy, rules: DatasetRules, events: str) -> Iterator[str]:
    if rules.time_column is None:
        path = f"datasets.{rules.schema.name}.time"
        yield f"{path} is not declared, so its {events} have no order ({policy.where(path)})"


def _measure(policy: Policy, question: Ropo, sales: DatasetRules) -> Iterator[str]:
    path = f"datasets.{question.sales}.measures"
    if sales.schema.buying is None:
        yield f"{path} declares no measure to tell purchases by ({policy.where(path)})"
    elif question.measure is not None and sales.schema.measure(question.measure) is None:
        yield f"{path} does not declare {question.measure} ({policy.where(path)})"

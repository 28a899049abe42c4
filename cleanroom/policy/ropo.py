"""Why a policy cannot answer how purchases follow contacts; must not know who asks."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.question import Ropo
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons
from cleanroom.policy.refusals import listed, ruled


def ropo_reasons(policy: Policy, question: Ropo) -> Iterator[Reason]:
    """Yield every reason; datasets that are not declared are the caller's."""
    exposures, sales = policy.dataset(question.exposures), policy.dataset(question.sales)
    if exposures is not None:
        yield from _untimed(policy, exposures, "contacts")
    if sales is not None:
        yield from _untimed(policy, sales, "purchases")
        yield from _measure(policy, question, sales)
        # The window needs the time that was just asked for.
        yield from event_reasons(policy, sales, None, question.filters)


def _untimed(policy: Policy, rules: DatasetRules, events: str) -> Iterator[Reason]:
    if rules.time_column is None:
        path = f"datasets.{rules.schema.name}.time"
        words = f"{path} is not declared, so its {events} have no order"
        yield ruled(policy, path, words, allowed="datasets with a time")


def _measure(policy: Policy, question: Ropo, sales: DatasetRules) -> Iterator[Reason]:
    path = f"datasets.{question.sales}.measures"
    if sales.schema.buying is None:
        words = f"{path} declares no measure to tell purchases by"
        yield ruled(policy, path, words, allowed="datasets with a measure")
    elif question.measure is not None and sales.schema.measure(question.measure) is None:
        measures = listed(m.name for m in sales.schema.measures)
        yield ruled(policy, path, f"{path} does not declare {question.measure}", allowed=measures)

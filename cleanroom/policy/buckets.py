"""Buckets of a question against the counts and measures that a policy declares.

Must not know who asks. A declared count or measure may be bucketed by anybody whom the policy
lets ask the family: its `max_per_person` is what the edges may go up to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cleanroom.model.allowance import Grouping
from cleanroom.model.buckets import Buckets, labels
from cleanroom.model.dataset import Bounded, Domain, Unit
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons
from cleanroom.policy.refusals import ruled


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A count or measure of a dataset, and where the policy declares it."""

    rules: DatasetRules
    bounded: Bounded
    path: str

    @property
    def qualified(self) -> str:
        """The dimension's full name, `exposures.impressions`."""
        return f"{self.rules.schema.name}.{self.bounded.name}"

    @property
    def signed(self) -> bool:
        """Whether a person's sum may be below zero, as refunds make it."""
        schema = self.rules.schema
        return self.bounded not in schema.counts and self.bounded.unit is not Unit.ROWS


def number(rules: DatasetRules, column: str) -> Number | None:
    """Return the count or measure called `column`, if the dataset declares it."""
    schema = rules.schema
    for block, declared in (("counts", schema.counts), ("measures", schema.measures)):
        for bounded in declared:
            if bounded.name == column:
                path = f"datasets.{schema.name}.{block}.{column}"
                return Number(rules=rules, bounded=bounded, path=path)
    return None


def bucketed(found: Number, buckets: Buckets) -> Grouping:
    """Return the dimension that `buckets` make of a number; its cells are their labels."""
    money = found.bounded.unit is Unit.MINOR
    values = labels(buckets.edges, money=money, signed=found.signed)
    return Grouping(
        dataset=found.rules.schema.name,
        domain=Domain(name=found.bounded.name, values=values),
        buckets=replace(buckets, dimension=found.qualified),
    )


def bucket_reasons(policy: Policy, found: Number, buckets: Buckets) -> Iterator[Reason]:
    """Yield why a number cannot be cut in this way."""
    most = found.bounded.max_per_person
    if buckets.edges[-1] > most:
        words = (
            f"buckets of {found.qualified} go up to {buckets.edges[-1]}, more than "
            f"{found.path}.max_per_person, {most}"
        )
        yield ruled(policy, found.path, words, allowed=f"edges up to {most}")
    if buckets.edges[0] < (-most if found.signed else 1):
        least = (
            f"its max_per_person below zero, {-most}"
            if found.signed
            else "1, as it is never below 0"
        )
        words = (
            f"buckets of {found.qualified} begin at {buckets.edges[0]}: the first edge must be at "
            f"least {least}"
        )
        yield ruled(policy, found.path, words, allowed=f"edges from {-most if found.signed else 1}")
    yield from event_reasons(policy, found.rules, buckets.window, buckets.filters)

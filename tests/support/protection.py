"""What a policy lets parties learn, found by asking it: an oracle that knows no order of keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import plan
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import FieldInvalid, QuestionRefused
from cleanroom.model.question import MatchRate, Question, SalesLift, SegmentSize
from cleanroom.policy.decide import decide
from cleanroom.policy.document import Policy


def questions(policy: Policy) -> Iterator[Question]:
    """Yield questions about all that a policy declares, whoever may ask them."""
    for dataset in policy.datasets:
        schema = dataset.schema
        for dimension in schema.dimensions:
            yield SegmentSize(datasets=(schema.name,), by=(dimension.name,))
    for first, second in permutations(policy.datasets, 2):
        yield MatchRate(datasets=(first.schema.name, second.schema.name))
        yield from _lifts(first.schema, second.schema)


def _lifts(exposures, sales) -> Iterator[Question]:
    for outcome in ("buyers", *(m.name for m in sales.measures)):
        lift = SalesLift(exposures=exposures.name, sales=sales.name, outcome=outcome)
        yield lift
        for domain in sales.filters:
            for value in domain.values[:2]:
                filters = ((domain.name, (value,)),)
                yield SalesLift(
                    exposures=lift.exposures, sales=lift.sales, outcome=outcome, filters=filters
                )
        for dimension in exposures.dimensions:
            yield SalesLift(
                exposures=lift.exposures, sales=lift.sales, outcome=outcome, by=(dimension.name,)
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an answer would tell: larger numbers and more cells are less protection."""

    allowance: Allowance
    offer: int

    @property
    def loosenesses(self) -> dict[str, float]:
        """Each as a number that grows as protection shrinks."""
        found = {
            "people": -self.allowance.minimum.people,
            "miss": float(self.allowance.minimum.miss_probability),
            "one question's loss": self.offer,
        }
        for terms in self.allowance.ledgers:
            found[f"epsilon of {terms.ledger}"] = float(terms.epsilon)
            found[f"delta of {terms.ledger}"] = float(terms.delta)
        return found

    def scales(self, offer: int) -> tuple[float, ...]:
        """Return the noise for a loss, a number for each statistic."""
        planned = plan(self.allowance, offer)
        return tuple(s.scale for s in (*planned.pooled, *planned.statistics))


def told(policy: Policy, asker: str, question: Question, now_s: int) -> Told | None:
    """Return what the answer would tell, None where it is refused."""
    try:
        allowance = decide(policy, asker=asker, question=question, now_s=now_s)
        return Told(allowance=allowance, offer=default_nano_rho(allowance))
    except (QuestionRefused, FieldInvalid):
        return None


def more(old: Policy, new: Policy, asker: str, question: Question, now_s: int) -> str | None:
    """Say how the answer tells more under `new` than under `old`, or None."""
    after = told(new, asker, question, now_s)
    before = told(old, asker, question, now_s)
    if after is None:
        return None
    if before is None:
        return "it was refused"
    looser = before.loosenesses
    for what, amount in after.loosenesses.items():
        if what not in looser or amount > looser[what]:
            return f"{what} is looser"
    if before.allowance.purposes & ~after.allowance.purposes:
        return "a purpose is not asked for any more"
    cells = {(g.domain.name, v) for g in before.allowance.groupings for v in g.domain.values}
    if {(g.domain.name, v) for g in after.allowance.groupings for v in g.domain.values} - cells:
        return "a cell was not there"
    noise = zip(before.scales(after.offer), after.scales(after.offer), strict=False)
    return "there is less noise" if any(b > a for b, a in noise) else None


def lasting(policy: Policy) -> tuple[int, int, int, int]:
    """Return how long data and answers live, and when questions are answered; more is looser."""
    kept = policy.retention
    return (kept.datasets_days, kept.measurements_days, -policy.valid_from_s, policy.valid_until_s)

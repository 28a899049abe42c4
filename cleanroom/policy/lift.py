"""What a policy has to say to the parts of a sales lift; must not know who asks, or when.

Every reason follows from the policy's text and the question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cleanroom.model.dataset import Bounded, DatasetSchema, Unit
from cleanroom.model.lift import AVERAGE_ORDER, OUTCOMES, Design
from cleanroom.model.question import SalesLift, SegmentSize
from cleanroom.model.refusal import Reason
from cleanroom.policy.bounds import lift_bound_reasons
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons
from cleanroom.policy.refusals import listed, ruled
from cleanroom.policy.resolve import Resolved, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The least and the most that one person adds to an outcome, and the most visits."""

    low: int = 0
    high: int = 1
    visits: int = 1


def reasons(policy: Policy, question: SalesLift) -> Iterator[Reason]:
    """Yield why the policy does not allow the lift."""
    exposures, sales = policy.dataset(question.exposures), policy.dataset(question.sales)
    if exposures is not None:
        yield from _arms(policy, question, exposures)
    if sales is not None:
        yield from _outcome(policy, question, sales)
        yield from lift_bound_reasons(policy, question, sales)
        yield from event_reasons(policy, sales, question.window, question.filters)


def strata(policy: Policy, question: SalesLift) -> Resolved:
    """Return the strata under their qualified names, and why others could not be found."""
    people = SegmentSize(datasets=(question.exposures,), by=question.strata)
    found = resolve(policy, people)
    told = [replace(r, words=f"strata{r.words.removeprefix('by')}") for r in found.reasons]
    return Resolved(groupings=found.groupings, reasons=told)


def bounds(schema: DatasetSchema, question: SalesLift) -> Bounds:
    """Return what one person may add; a buyer counts once, whatever the measures' bounds."""
    outcome = question.outcome
    measure = schema.measure(outcome)
    if outcome == AVERAGE_ORDER:
        measure = schema.measure_in(Unit.MINOR)
    if measure is None:
        return Bounds()
    rows = schema.measure_in(Unit.ROWS)
    return Bounds(
        low=measure.min_per_person,
        high=question.bound or measure.max_per_person,
        visits=rows.max_per_person if rows and outcome == AVERAGE_ORDER else 1,
    )


def exposed_by(schema: DatasetSchema, question: SalesLift) -> str:
    """Return the count that tells the exposed: the one asked for, else the only one declared."""
    if not question.counts_exposed or question.exposed_by:
        return question.exposed_by
    (only,) = schema.counts
    return only.name


def _arms(policy: Policy, question: SalesLift, exposures: DatasetRules) -> Iterator[Reason]:
    if exposures.arm is None and question.design is not Design.OBSERVATIONAL:
        path = f"datasets.{question.exposures}.arm"
        yield ruled(policy, path, f"{path} is not declared", allowed=str(Design.OBSERVATIONAL))
    if question.counts_exposed:
        yield from _exposed(policy, question, exposures.schema.counts)


def _exposed(policy: Policy, question: SalesLift, counts: tuple[Bounded, ...]) -> Iterator[Reason]:
    path = f"datasets.{question.exposures}.counts"
    names = [count.name for count in counts]
    if question.exposed_by:
        if question.exposed_by not in names:
            words = f"{path} does not declare {question.exposed_by}"
            yield ruled(policy, path, words, allowed=listed(names))
    elif not names:
        words = f"{path} is not declared, so nobody is known to be exposed"
        yield ruled(policy, path, words, allowed=str(Design.RANDOMIZED))
    elif len(names) > 1:
        words = f"{path} declares several: name {' or '.join(names)} as exposed_by"
        yield ruled(policy, path, words, allowed=listed(names))


def _outcome(policy: Policy, question: SalesLift, sales: DatasetRules) -> Iterator[Reason]:
    path = f"datasets.{question.sales}.measures"
    schema = sales.schema
    measures = listed(measure.name for measure in schema.measures)
    if question.outcome == AVERAGE_ORDER:
        for unit, what in ((Unit.MINOR, "money"), (Unit.ROWS, "visits")):
            if schema.measure_in(unit) is None:
                words = f"{path} declares no measure in {unit} to tell {what} by"
                yield ruled(policy, path, words, allowed=measures)
    elif question.outcome in OUTCOMES:
        if schema.buying is None:
            words = f"{path} declares no measure to tell buyers by"
            yield ruled(policy, path, words, allowed=measures)
    elif schema.measure(question.outcome) is None:
        words = f"{path} does not declare {question.outcome}"
        yield ruled(policy, path, words, allowed=measures)

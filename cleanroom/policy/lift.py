"""What a policy has to say to the parts of a sales lift; must not know who asks, or when.

Every reason follows from the policy's text and the question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cleanroom.model.dataset import Bounded, DatasetSchema, Unit
from cleanroom.model.lift import AVERAGE_ORDER, OUTCOMES, Design
from cleanroom.model.question import SalesLift, SegmentSize
from cleanroom.policy.bounds import lift_bound_reasons
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.events import event_reasons
from cleanroom.policy.resolve import Resolved, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The least and the most that one person adds to an outcome, and the most visits."""

    low: int = 0
    high: int = 1
    visits: int = 1


def reasons(policy: Policy, question: SalesLift) -> Iterator[str]:
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
    told = [f"strata{reason.removeprefix('by')}" for reason in found.reasons]
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


def _arms(policy: Policy, question: SalesLift, exposures: DatasetRules) -> Iterator[str]:
    if exposures.arm is None and question.design is not Design.OBSERVATIONAL:
        path = f"datasets.{question.exposures}.arm"
        yield f"{path} is not declared ({policy.where(path)})"
    if question.counts_exposed:
        yield from _exposed(policy, question, exposures.schema.counts)


def _exposed(policy: Policy, question: SalesLift, counts: tuple[Bounded, ...]) -> Iterator[str]:
    path = f"datasets.{question.exposures}.counts"
    names = [count.name for count in counts]
    if question.exposed_by:
        if question.exposed_by not in names:
            yield f"{path} does not declare {question.exposed_by} ({policy.where(path)})"
    elif not names:
        yield f"{path} is not declared, so nobody is known to be exposed ({policy.where(path)})"
    elif len(names) > 1:
        choice = " or ".join(names)
        yield f"{path} declares several: name {choice} as exposed_by ({policy.where(path)})"


def _outcome(policy: Policy, question: SalesLift, sales: DatasetRules) -> Iterator[str]:
    path = f"datasets.{question.sales}.measures"
    schema = sales.schema
    if question.outcome == AVERAGE_ORDER:
        for unit, what in ((Unit.MINOR, "money"), (Unit.ROWS, "visits")):
            if schema.measure_in(unit) is None:
                where = policy.where(path)
                yield f"{path} declares no measure in {unit} to tell {what} by ({where})"
    elif question.outcome in OUTCOMES:
        if schema.buying is None:
            yield f"{path} declares no measure to tell buyers by ({policy.where(path)})"
    elif schema.measure(question.outcome) is None:
        yield f"{path} does not declare {question.outcome} ({policy.where(path)})"

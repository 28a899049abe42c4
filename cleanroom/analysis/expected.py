"""The statistics of a cell as an asker's assumption says they would be; knows no data or noise.

They are what the estimate is fed with to say beforehand how precise an answer would be, so that
a plan and an answer have one copy of each variance formula.
"""

from __future__ import annotations

from cleanroom.analysis import expected_lift
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import pattern_name
from cleanroom.model.aim import Assumption
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
)

_NO_PROMISE = (
    "nothing: no accuracy can be promised for this question, whose answer and interval are grid "
    "values that follow from how people's sums are spread"
)
_WHY_ROPO = {
    "rate": "the share of people, or of purchases, with a contact before, as in 0.3",
    "mean": "the purchases per person who purchases",
}
_WHY = {
    "matched": "the matched people of a cell",
    "rate": "the share of people who buy without the campaign, as in 0.02",
    "mean": "the outcome per person without the campaign",
    "sd": "the standard deviation of the outcome between people",
    "correlation": "the correlation of before and after (of an average order: visits and amount)",
    "exposed": "the share of the test arm that is exposed, as in 0.6",
    "visits": "the visits per person",
    "visits_sd": "the standard deviation of visits between people",
}


def check_assumed(plan: Plan, assumed: Assumption) -> None:
    """Refuse an assumption that lacks what the question needs or says what it does not read."""
    if isinstance(plan.question, ContributionBound):
        raise FieldInvalid(field="assume", expected=_NO_PROMISE)
    needed, of_ropo = _needed(plan), isinstance(plan.question, Ropo)
    for name in sorted(needed - assumed.given):
        why = _WHY | _WHY_ROPO if of_ropo else _WHY
        raise FieldInvalid(field=f"assume.{name}", expected=why[name])
    for name in sorted(assumed.given - needed):
        raise FieldInvalid(field=f"assume.{name}", expected="nothing: this question has no use")
    if assumed.mean is not None and not plan.low <= assumed.mean <= plan.bound:
        expected = f"within the contribution bounds, from {plan.low} to {plan.bound}"
        raise FieldInvalid(field="assume.mean", expected=expected)


def expected_release(
    allowance: Allowance, plan: Plan, assumed: Assumption, *, lift: float = 0.0
) -> tuple[Plan, dict[str, int]]:
    """Return each statistic of one cell, rounded to whole numbers, and the plan they come under.

    The plan is another one where a first stage decides on the noise of a second. `lift` is how
    far the test arm is above control, in the unit of the lift. Key types share the matched people
    evenly, and so do strata; datasets of an overlap know as many people each, independently.
    Requires what `check_assumed` checks.
    """
    match plan.question:
        case MatchRate():
            return plan, {name: _of_match(plan, name, assumed) for name in plan.released}
        case SegmentSize():
            return plan, dict.fromkeys(plan.released, assumed.people)
        case SalesLift():
            return expected_lift.release(allowance, plan, assumed, lift)
        case Overlap() as question:
            return plan, _of_overlap(question, assumed)
        case Ropo() as question:
            return plan, _of_ropo(question, assumed)
        case ContributionBound():
            raise AssertionError("an assumption about a contribution bound is refused")


def _needed(plan: Plan) -> frozenset[str]:
    match plan.question:
        case MatchRate() | Overlap():
            return frozenset({"people", "matched"})
        case SegmentSize():
            return frozenset({"people"})
        case SalesLift() as question:
            return expected_lift.needed(question)
        case Ropo(definition=definition):
            sums = definition is RopoDefinition.SHARE_OF_SALES
            return frozenset({"people", "rate"} | ({"mean"} if sums else set()))
        case ContributionBound():
            return frozenset()


def _of_match(plan: Plan, name: str, assumed: Assumption) -> int:
    matched = assumed.matched or 0
    if name == "matched":
        return matched
    if name.startswith("matched:"):
        return matched // len(plan.stages)
    return assumed.people


def _of_overlap(question: Overlap, assumed: Assumption) -> dict[str, int]:
    """Return people by pattern; rounded so that they add up to all people."""
    known = (assumed.matched or 0) / assumed.people
    values, before, chance = {}, 0, 0.0
    for pattern in question.patterns:
        unknown = len(question.others) - len(pattern)
        chance += known ** len(pattern) * (1 - known) ** unknown
        so_far = round(assumed.people * min(chance, 1.0))
        values[pattern_name(pattern)] = so_far - before
        before = so_far
    return values


def _of_ropo(question: Ropo, assumed: Assumption) -> dict[str, int]:
    people, rate = assumed.people, assumed.rate or 0.0
    match question.definition:
        case RopoDefinition.CONVERSION:
            return {"contacted": people, "converted": round(people * rate)}
        case RopoDefinition.SHARE_OF_SALES:
            purchases = people * (assumed.mean or 0.0)
            return {
                "buyers": people,
                "purchases": round(purchases),
                "preceded": round(purchases * rate),
            }

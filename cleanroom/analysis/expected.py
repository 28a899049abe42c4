"""The statistics of a cell as an asker's assumption says they would be; knows no data or noise.

They are what the estimate is fed with to say beforehand how precise an answer would be, so that
a plan and an answer have one copy of each variance formula.
"""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.analysis.charges import BUYERS
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import ARMS
from cleanroom.model.aim import Assumption
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import MatchRate, SalesLift, SegmentSize

_WHY = {
    "matched": "the matched people of a cell",
    "rate": "the share of people who buy without the campaign, as in 0.02",
    "mean": "the outcome per person without the campaign",
    "sd": "the standard deviation of the outcome between people",
}


def check_assumed(plan: Plan, assumed: Assumption) -> None:
    """Refuse an assumption that lacks what the question needs or says what it does not read."""
    needed = _needed(plan)
    for name in sorted(needed - assumed.given):
        raise FieldInvalid(field=f"assume.{name}", expected=_WHY[name])
    for name in sorted(assumed.given - needed):
        raise FieldInvalid(field=f"assume.{name}", expected="nothing: this question has no use")
    if assumed.mean is not None and not 0 <= assumed.mean <= plan.bound:
        expected = f"from 0 to the contribution bound {plan.bound}"
        raise FieldInvalid(field="assume.mean", expected=expected)


def largest_lift(plan: Plan, assumed: Assumption) -> float:
    """Return the largest lift of a mean that the assumption and the bound leave room for."""
    return plan.bound - base(assumed)


def base(assumed: Assumption) -> float:
    """Return the mean outcome per person without the campaign."""
    return assumed.rate if assumed.rate is not None else assumed.mean or 0.0


def expected_statistics(plan: Plan, assumed: Assumption, *, lift: float = 0.0) -> dict[str, int]:
    """Return each released statistic of one cell, rounded to whole numbers.

    `lift` is how far the mean of the test arm is above that of control. Key types share the
    matched people evenly. Requires what `check_assumed` checks.
    """
    match plan.question:
        case MatchRate():
            return {name: _of_match(plan, name, assumed) for name in plan.released}
        case SegmentSize():
            return dict.fromkeys(plan.released, assumed.people)
        case SalesLift():
            arms = {ARMS[0]: _arm(plan, assumed, 0.0), ARMS[1]: _arm(plan, assumed, lift)}
            return {name: _of_arm(arms, name) for name in plan.released}


def _needed(plan: Plan) -> frozenset[str]:
    match plan.question:
        case MatchRate():
            return frozenset({"people", "matched"})
        case SegmentSize():
            return frozenset({"people"})
        case SalesLift(outcome=outcome):
            return frozenset({"people"} | ({"rate"} if outcome == BUYERS else {"mean", "sd"}))


def _of_match(plan: Plan, name: str, assumed: Assumption) -> int:
    matched = assumed.matched or 0
    if name == "matched":
        return matched
    if name.startswith("matched:"):
        return matched // len(plan.stages)
    return assumed.people


def _arm(plan: Plan, assumed: Assumption, lift: float) -> Mapping[str, float]:
    """Return people, sum and sum of squares (in the plan's unit) by the statistic's letter."""
    people, mean = assumed.people, base(assumed) + lift
    squares = (mean**2 + (assumed.sd or 0.0) ** 2) / plan.square_unit**2
    return {"n": people, "s": people * mean, "q": people * squares}


def _of_arm(arms: Mapping[str, Mapping[str, float]], name: str) -> int:
    kind, _, arm = name.partition(":")
    return round(arms[arm][kind])

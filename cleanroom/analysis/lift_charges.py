"""How far one record can move each statistic of a lift; must not know losses, noise or ledgers.

The arms, and whether somebody was exposed, are attributes of the exposure dataset's people, and
what a partner bought is a value in a declared range: so every sum is a partner sum of
privacy/sensitivity.py, and every count of people one of its counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cleanroom.analysis.charge import Charge, square_unit
from cleanroom.analysis.lift_kinds import PEOPLE, Part, weights
from cleanroom.analysis.request import POOLED, arms_of
from cleanroom.model.allowance import Allowance
from cleanroom.model.lift import Adjustment
from cleanroom.model.question import Population, SalesLift
from cleanroom.privacy import sensitivity
from cleanroom.privacy.allocation import Share
from cleanroom.privacy.sensitivity import Removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The range of a person's outcome, and the most visits of an average order."""

    low: int
    high: int
    visits: int = 1

    @property
    def unit(self) -> int:
        """The unit in which the outcome is squared."""
        return square_unit(max(self.high, -self.low))

    @property
    def visits_unit(self) -> int:
        """The unit in which visits are squared."""
        return square_unit(self.visits)


def bounds(allowance: Allowance, question: SalesLift) -> Bounds:
    """Return the range of the sums that `s` adds up; a buyer counts once whatever is declared.

    A change is clipped at the wider end on both sides. A residual is clipped no wider than that,
    and mostly narrower (two_stage.py).
    """
    low, high = (0, 1) if question.is_share else (allowance.low, allowance.bound)
    widest = max(high, -low)
    if question.adjustment is Adjustment.CHANGE_SCORE:
        low, high = -widest, widest
    return Bounds(low=low, high=high, visits=allowance.visits_bound)


def residual_bounds(bound: int) -> Bounds:
    """Return the range of a residual clipped to [-bound, bound]."""
    return Bounds(low=-bound, high=bound)


def lift_charges(
    question: SalesLift, stages: int, within: Bounds, part: Part = Part.CELLS
) -> tuple[Charge, ...]:
    """Return the statistics of one part of a lift in the order of the answer."""
    return tuple(
        _charge(question, stages, kind, weight, within, part)
        for kind, weight in weights(question, part).items()
    )


def _charge(
    question: SalesLift, stages: int, kind: str, weight: Fraction, within: Bounds, part: Part
) -> Charge:
    groups = (POOLED,) if part is Part.POOLED else arms_of(question)
    low, high = _range(kind, within)
    if kind == "w" and question.is_share:
        # y - theta x of yes and no is beyond one on the side of theta's sign alone.
        low = 0
    return Charge(
        name=kind if part is Part.CELLS else f"{kind}:{POOLED}",
        released=tuple(f"{kind}:{group}" for group in groups),
        contribution_bound=max(high, -low),
        share=Share(
            weight=weight,
            l2_squared=_people(question, stages, part)
            if kind in PEOPLE
            else _partner_sum(question, stages, low, high, part),
        ),
        counts_people=kind == "n",
    )


def _range(kind: str, within: Bounds) -> tuple[int, int]:
    """Return the least and the most that one person adds to a kind of statistic."""
    low, high = within.low, within.high
    least, most = (-(-end // within.unit) if end > 0 else end // within.unit for end in (low, high))
    visits = -(-within.visits // within.visits_unit)
    match kind:
        case "n" | "e":
            return 0, 1
        case "s" | "r" | "x" | "w":
            return low, high
        case "q" | "qx":
            return 0, max(least**2, most**2)
        case "px":
            return least * most, max(least**2, most**2)
        case "v":
            return 0, within.visits
        case "qv":
            return 0, visits**2
        case "pv":
            return least * visits, most * visits
        case _:
            raise AssertionError(f"{kind} is no kind of statistic")


def _people(question: SalesLift, stages: int, part: Part) -> Mapping[str, int]:
    own, partner = question.datasets
    match question.population:
        case Population.ALL:
            return {own: sensitivity.OWN_PEOPLE, partner: sensitivity.OTHER_PEOPLE}
        case Population.MATCHED if part is Part.POOLED:
            # Of the one that a removed record loses and the one it gains, both may be in arms.
            return dict.fromkeys(question.datasets, sensitivity.PAIRS_IN_ONE_CELL)
        case Population.MATCHED:
            return {
                own: sensitivity.matched_by_own_attributes(stages, Removed.OWN),
                partner: sensitivity.matched_by_own_attributes(stages, Removed.PARTNER),
            }


def _partner_sum(
    question: SalesLift, stages: int, low: int, high: int, part: Part
) -> Mapping[str, int]:
    one_cell = part is Part.POOLED
    moved = sensitivity.partner_sum_in_one_cell if one_cell else sensitivity.partner_sum
    return {
        question.exposures: moved(stages, high, Removed.OWN, low=low),
        question.sales: moved(stages, high, Removed.PARTNER, low=low),
    }

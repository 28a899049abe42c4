"""How precise an answer would be under an assumption, and what precision costs; reads no data.

Feeds the estimate with expected statistics: every half-width here is that of the figure which
the same statistics would be released as. A detectable lift is the usual one of a two-sided test
(Cohen, "Statistical Power Analysis", 1988, chapter 2) with the noise in its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

from cleanroom.analysis.estimate import figures_of_cell, kept_of_cell
from cleanroom.analysis.expected import check_assumed, expected_release
from cleanroom.analysis.expected_lift import base, largest_lift
from cleanroom.analysis.figures import rounded
from cleanroom.analysis.plan import Plan, plan
from cleanroom.model.aim import MAX_PEOPLE, Aim, Assumption, Wish
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import FieldInvalid, PrecisionOutOfReach
from cleanroom.model.measurement import Figure
from cleanroom.model.question import SalesLift
from cleanroom.privacy.loss import nano_rho_text

# The figures whose distance from zero the p value judges.
TESTED = ("absolute_lift", "itt", "absolute_difference")
_STEPS = 60  # halvings: more than a float's digits
_NO_ROOM = "no lift that the bound leaves room for would be told from none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest lift of a mean that would be told from none, and the same over the base."""

    figure: str
    unit: str
    absolute: float | None
    relative: float | None
    undefined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a plan's answer would look like if the assumption held and nothing were lifted.

    `suppressed`: the people assumed are fewer than the line, so a cell would be withheld as
    likely as not.
    """

    figures: tuple[Figure, ...]
    detectable: tuple[Detectable, ...]
    suppressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Foreseen:
    """A question, a plan of it, and what an assumption makes of the plan."""

    allowance: Allowance
    planned: Plan

    def figures(self, assumed: Assumption, lift: float = 0.0) -> tuple[Figure, ...]:
        """Return the figures of a cell, also of one that would be suppressed."""
        plan_, expected = expected_release(self.allowance, self.planned, assumed, lift=lift)
        return figures_of_cell(plan_, kept_of_cell(plan_, expected) or expected)

    def is_suppressed(self, assumed: Assumption) -> bool:
        """Tell whether a count of people that must reach the line does not."""
        plan_, expected = expected_release(self.allowance, self.planned, assumed)
        return kept_of_cell(plan_, expected) is None

    def figure(self, name: str, assumed: Assumption, lift: float = 0.0) -> Figure:
        """Return one of the figures; requires that there is one."""
        return next(f for f in self.figures(assumed, lift) if f.name == name)

    def width(self, assumed: Assumption, wish: Wish) -> float:
        """Return the half-width wished for; infinite where the cell would rather be suppressed."""
        if self.is_suppressed(assumed):
            return math.inf
        return half_width(self.figure(wish.figure, assumed))


def outlook(allowance: Allowance, planned: Plan, aim: Aim) -> Outlook:
    """Return expected figures and detectable lifts; raises FieldInvalid for a wrong assumption."""
    check_assumed(planned, aim.assumed)
    foreseen = _Foreseen(allowance=allowance, planned=planned)
    return Outlook(
        figures=_with_intervals(foreseen.figures(aim.assumed)),
        detectable=_detectable(foreseen, aim),
        suppressed=foreseen.is_suppressed(aim.assumed),
    )


def half_width(figure: Figure) -> float:
    """Return how far the interval reaches to either side; infinite for a figure without one."""
    if figure.low is None or figure.high is None:
        return math.inf
    return (figure.high - figure.low) / 2


def least_loss(allowance: Allowance, aim: Aim, most: int) -> int:
    """Return the least nano-rho up to `most` that fulfils the wish, `most` without a wish.

    Noise falls and the suppression line with it as the loss rises, so the losses that suffice
    are all above one bound, which halving finds.
    Raises PrecisionOutOfReach with what would suffice, FieldInvalid for a figure or an assumption
    that the question does not have.
    """
    best = _Foreseen(allowance=allowance, planned=plan(allowance, most))
    check_assumed(best.planned, aim.assumed)
    if aim.wish is None:
        return most
    wish = aim.wish
    _check_figure(best, aim.assumed, wish)
    if best.width(aim.assumed, wish) > wish.half_width:
        raise _out_of_reach(best, aim.assumed, wish)

    def suffices(nano_rho: int) -> bool:
        found = _Foreseen(allowance=allowance, planned=plan(allowance, nano_rho))
        return found.width(aim.assumed, wish) <= wish.half_width

    return _least(most, suffices)


def _least(most: int, suffices: Callable[[int], bool]) -> int:
    """Return the least number from 1 that suffices. Requires that `most` does."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _check_figure(best: _Foreseen, assumed: Assumption, wish: Wish) -> None:
    names = [f.name for f in _with_intervals(best.figures(assumed))]
    if wish.figure not in names:
        raise FieldInvalid(field="wish.figure", expected=f"one of {', '.join(names)}")


def _out_of_reach(best: _Foreseen, assumed: Assumption, wish: Wish) -> PrecisionOutOfReach:
    width, people = best.width(assumed, wish), _people_needed(best, assumed, wish)
    return PrecisionOutOfReach(
        figure=wish.figure,
        wished=f"{wish.half_width:g}",
        best=f"+-{width:.4g}" if math.isfinite(width) else "no interval at all",
        rho=nano_rho_text(best.planned.nano_rho),
        people=f"{people} people in place of {assumed.people}" if people else "no number of people",
    )


def _people_needed(best: _Foreseen, assumed: Assumption, wish: Wish) -> int | None:
    """Return how many people suffice at this loss, matched people in proportion; None if none."""

    def suffices(people: int) -> bool:
        return best.width(_of_people(assumed, people), wish) <= wish.half_width

    return _least(MAX_PEOPLE, suffices) if suffices(MAX_PEOPLE) else None


def _of_people(assumed: Assumption, people: int) -> Assumption:
    if assumed.matched is None:
        return replace(assumed, people=people)
    matched = max(1, assumed.matched * people // assumed.people)
    return replace(assumed, people=people, matched=matched)


def _detectable(foreseen: _Foreseen, aim: Aim) -> tuple[Detectable, ...]:
    question = foreseen.planned.question
    if not isinstance(question, SalesLift):
        return ()
    found = foreseen.figures(aim.assumed)
    return tuple(_smallest(foreseen, question, aim, f) for f in found if f.name in TESTED)


def _smallest(foreseen: _Foreseen, question: SalesLift, aim: Aim, figure: Figure) -> Detectable:
    """Return the least lift d = (z_(1 - significance/2) + z_power) se(d).

    The standard error is that at the lift, because people who buy more also differ more.
    """
    normal, assumed = NormalDist(), aim.assumed
    reach = normal.inv_cdf(1 - aim.significance / 2) + normal.inv_cdf(aim.power)

    def is_seen(lift: float) -> bool:
        return lift >= reach * _se(foreseen.figure(figure.name, assumed, lift))

    most, before = largest_lift(foreseen.planned, question, assumed), base(question, assumed)
    if figure.value is None or not is_seen(most):
        return Detectable(
            figure=figure.name,
            unit=figure.unit,
            absolute=None,
            relative=None,
            undefined=figure.undefined or _NO_ROOM,
        )
    absolute = _least_real(most, is_seen)
    relative = rounded(absolute / before) if before > 0 else None
    return Detectable(
        figure=figure.name, unit=figure.unit, absolute=rounded(absolute), relative=relative
    )


def _least_real(most: float, suffices: Callable[[float], bool]) -> float:
    low, high = 0.0, most
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _se(figure: Figure) -> float:
    return math.hypot(figure.noise_sd or 0.0, figure.sampling_se or 0.0)


def _with_intervals(figures: tuple[Figure, ...]) -> tuple[Figure, ...]:
    """Leave out what has no interval by its nature, a p value."""
    return tuple(f for f in figures if f.low is not None or f.undefined is not None)

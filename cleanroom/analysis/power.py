"""How precise an answer would be under an assumption, and what precision costs; reads no data.

Feeds the estimate with expected statistics: every half-width here is that of the figure which
the same statistics would be released as. A detectable lift is the usual one of a two-sided test
(Cohen, "Statistical Power Analysis", 1988, chapter 2) with the noise in its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

from cleanroom.analysis.estimate import counts_of_a_cell, figures_of_cell
from cleanroom.analysis.expected import (
    base,
    check_assumed,
    expected_statistics,
    largest_lift,
)
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


def outlook(planned: Plan, aim: Aim) -> Outlook:
    """Return expected figures and detectable lifts; raises FieldInvalid for a wrong assumption."""
    check_assumed(planned, aim.assumed)
    expected = expected_statistics(planned, aim.assumed)
    return Outlook(
        figures=_with_intervals(figures_of_cell(planned, expected)),
        detectable=_detectable(planned, aim),
        suppressed=_is_suppressed(planned, expected),
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
    best = plan(allowance, most)
    check_assumed(best, aim.assumed)
    if aim.wish is None:
        return most
    wish = aim.wish
    _check_figure(best, aim.assumed, wish)
    if _width(best, aim.assumed, wish) > wish.half_width:
        raise _out_of_reach(best, aim.assumed, wish)
    return _least(most, lambda n: _width(plan(allowance, n), aim.assumed, wish) <= wish.half_width)


def _least(most: int, suffices: Callable[[int], bool]) -> int:
    """Return the least number from 1 that suffices. Requires that `most` does."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _width(planned: Plan, assumed: Assumption, wish: Wish) -> float:
    """Return the expected half-width; infinite where the cell would rather be suppressed."""
    expected = expected_statistics(planned, assumed)
    if _is_suppressed(planned, expected):
        return math.inf
    return half_width(_figure(planned, expected, wish.figure))


def _check_figure(planned: Plan, assumed: Assumption, wish: Wish) -> None:
    found = figures_of_cell(planned, expected_statistics(planned, assumed))
    names = [f.name for f in _with_intervals(found)]
    if wish.figure not in names:
        raise FieldInvalid(field="wish.figure", expected=f"one of {', '.join(names)}")


def _out_of_reach(best: Plan, assumed: Assumption, wish: Wish) -> PrecisionOutOfReach:
    width, people = _width(best, assumed, wish), _people_needed(best, assumed, wish)
    return PrecisionOutOfReach(
        figure=wish.figure,
        wished=f"{wish.half_width:g}",
        best=f"+-{width:.4g}" if math.isfinite(width) else "no interval at all",
        rho=nano_rho_text(best.nano_rho),
        people=f"{people} people in place of {assumed.people}" if people else "no number of people",
    )


def _people_needed(best: Plan, assumed: Assumption, wish: Wish) -> int | None:
    """Return how many people suffice at this loss, matched people in proportion; None if none."""

    def suffices(people: int) -> bool:
        return _width(best, _of_people(assumed, people), wish) <= wish.half_width

    return _least(MAX_PEOPLE, suffices) if suffices(MAX_PEOPLE) else None


def _of_people(assumed: Assumption, people: int) -> Assumption:
    if assumed.matched is None:
        return replace(assumed, people=people)
    matched = max(1, assumed.matched * people // assumed.people)
    return replace(assumed, people=people, matched=matched)


def _detectable(planned: Plan, aim: Aim) -> tuple[Detectable, ...]:
    if not isinstance(planned.question, SalesLift):
        return ()
    found = figures_of_cell(planned, expected_statistics(planned, aim.assumed))
    return tuple(_smallest(planned, aim, f) for f in found if f.name in TESTED)


def _smallest(planned: Plan, aim: Aim, figure: Figure) -> Detectable:
    """Return the least lift d = (z_(1 - significance/2) + z_power) se(d).

    The standard error is that at the lift, because people who buy more also differ more.
    """
    normal = NormalDist()
    reach = normal.inv_cdf(1 - aim.significance / 2) + normal.inv_cdf(aim.power)

    def is_seen(lift: float) -> bool:
        expected = expected_statistics(planned, aim.assumed, lift=lift)
        return lift >= reach * _se(_figure(planned, expected, figure.name))

    most, before = largest_lift(planned, aim.assumed), base(aim.assumed)
    if not is_seen(most):
        return Detectable(
            figure=figure.name, unit=figure.unit, absolute=None, relative=None, undefined=_NO_ROOM
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


def _figure(planned: Plan, expected: Mapping[str, int], name: str) -> Figure:
    return next(f for f in figures_of_cell(planned, expected) if f.name == name)


def _with_intervals(figures: tuple[Figure, ...]) -> tuple[Figure, ...]:
    """Leave out what has no interval by its nature, a p value."""
    return tuple(f for f in figures if f.low is not None or f.undefined is not None)


def _is_suppressed(planned: Plan, expected: Mapping[str, int]) -> bool:
    return any(expected[name] < planned.line for name in counts_of_a_cell(planned))

"""How far one record can move all statistics of a lift at once; must not know losses or noise.

A record moves them by what the people along its chain of pairs lose and gain of their partners'
values. Of outcomes that are never negative, one chain is the worst for sums, squares and products
alike: every partner brings nothing or all there is. Where values have both signs it is not: a
change from the least to the most moves the sum far, and the sum of squares hardly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from types import MappingProxyType

from cleanroom.analysis.charge import Charge
from cleanroom.analysis.lift_charges import Bounds
from cleanroom.analysis.lift_kinds import PEOPLE, Part
from cleanroom.model.lift import Adjustment
from cleanroom.model.question import Population, SalesLift
from cleanroom.privacy.allocation import apart
from cleanroom.privacy.chains import Heads, Moved, PartSum, Sums, moved_together
from cleanroom.privacy.sensitivity import Removed

Corner = tuple[int, int]  # a value, and its square where it lies on the curve

# Roots of squares are rounded to a whole unit, of which there are at least 16,384: a value lies
# within 1.5 / 16,384 of its root, in proportion, and these are parts of its widest end.
_FINE = 2**15
_SLACK = 4
# Corners of two signed values are many: with more stages each value is held apart, and their
# products too, which is an upper bound of what they move together.
_MOST_STAGES = 4
_APART = (("s", "q"), ("x", "qx"), ("v", "qv"), ("px",), ("pv",))


def lift_moves(
    question: SalesLift,
    stages: int,
    within: Bounds,
    parts: Sequence[tuple[Part, Sequence[Charge]]],
) -> Mapping[str, Fraction]:
    """Return by dataset how far one record moves the statistics of all parts, weighted."""
    shares = [c.share for _, charges in parts for c in charges]
    if stages == 1:  # one pair changes: the worst value is the worst for all
        return apart(shares)
    moved = tuple(
        m for part, charges in parts for m in _moved(question, stages, part, charges, within)
    )
    return {
        question.exposures: moved_together(stages, Removed.OWN, moved),
        question.sales: moved_together(stages, Removed.PARTNER, moved),
    }


def _moved(
    question: SalesLift, stages: int, part: Part, charges: Sequence[Charge], within: Bounds
) -> list[Moved]:
    pooled = part is Part.POOLED
    by_kind = {c.name.partition(":")[0]: c for c in charges}
    sums = {kind: c for kind, c in by_kind.items() if kind not in (*PEOPLE, "r")}
    found: list[Moved] = [
        Heads(
            weight=Fraction(c.share.weight, c.share.largest),
            matched=question.population is Population.MATCHED,
            pooled=pooled,
            part=kind == "e",
        )
        for kind, c in by_kind.items()
        if kind in PEOPLE
    ]
    if "r" in by_kind:
        share = by_kind["r"].share
        weight = Fraction(share.weight, share.largest)
        found.append(PartSum(weight=weight, low=within.low, high=within.high))
    if question.adjustment is Adjustment.CUPED_TWO_STAGE and not pooled:
        found.append(_residuals(sums, (-_FINE,) if question.is_share else (-_FINE, _FINE)))
    elif within.low < 0:
        apart_ = [tuple(sums)] if stages <= _MOST_STAGES else _APART
        for kinds in apart_:
            some = {kind: c for kind, c in sums.items() if kind in kinds}
            found += [_signed(some, within, pooled=pooled)] if some else []
    else:
        found.append(_sums(sums, [dict.fromkeys(sums, end) for end in (0, 1)], {}, pooled=pooled))
    return found


def _sums(
    charges: Mapping[str, Charge],
    points: Sequence[Mapping[str, int]],
    units: Mapping[str, int],
    *,
    pooled: bool,
    slacks: Mapping[str, int] = MappingProxyType({}),
) -> Sums:
    """Return sums whose points are in `units` of a kind's widest end: that many make it up."""

    def weight(kind: str, charge: Charge) -> Fraction:
        widest = Fraction(charge.contribution_bound, units.get(kind, 1))
        return charge.share.weight * widest**2 / charge.share.largest

    return Sums(
        weights=tuple(weight(kind, charge) for kind, charge in charges.items()),
        points=tuple(dict.fromkeys(tuple(point[kind] for kind in charges) for point in points)),
        slacks=tuple(slacks.get(kind, 0) for kind in charges),
        pooled=pooled,
    )


def _signed(charges: Mapping[str, Charge], within: Bounds, *, pooled: bool) -> Sums:
    """Return sums of values that may be negative, their squares and their products.

    A product of independent mixtures is the mixture of the products, so that corners of each
    value's polygon, put together in every way, surround all values with their products.
    """
    most, least = -(-within.high // within.unit), -(within.low // within.unit)
    visits = -(-within.visits // within.visits_unit)
    y_unit, v_unit = 2 * max(most, least), 2 * visits
    of_value = _corners(-2 * least, 2 * most)
    befores = of_value if {"x", "qx", "px"} & set(charges) else [(0, 0)]
    of_visits = _corners(0, v_unit) if {"v", "qv", "pv"} & set(charges) else [(0, 0)]
    points = [
        {"s": y, "q": yy, "x": x, "qx": xx, "px": y * x, "v": v, "qv": vv, "pv": y * v}
        for (y, yy), (x, xx), (v, vv) in product(of_value, befores, of_visits)
    ]
    rounded, rounded_visits = (_SLACK * (unit > 1) for unit in (within.unit, within.visits_unit))
    return _sums(
        charges,
        points,
        {
            **dict.fromkeys(("s", "x"), y_unit),
            **dict.fromkeys(("q", "qx", "px"), y_unit**2),
            "v": v_unit,
            "qv": v_unit**2,
            "pv": y_unit * v_unit,
        },
        slacks={"s": rounded, "x": rounded, "v": rounded_visits},
        pooled=pooled,
    )


def _corners(low: int, high: int) -> list[Corner]:
    """Return the corners of a polygon around all values from `low` to `high` with their squares.

    Its sides are the chord, the tangents at both ends, and zero.
    """
    return [(low, low * low), (low // 2, 0), (high // 2, 0), (high, high * high)]


def _residuals(charges: Mapping[str, Charge], cut: Sequence[int]) -> Sums:
    """Return sums of residuals, their squares, and what a clip at twice the bound would add.

    It adds something only to who is at the bound, at one of the ends of `cut`; their square may be
    rounded down by one root.
    """
    square = _FINE**2
    at_bound = [(end, q, end) for end in cut for q in (square, square - _FINE * _SLACK)]
    within = [(y, yy, 0) for y, yy in _corners(-_FINE, _FINE)]
    points = [dict(zip("sqw", point, strict=True)) for point in (*at_bound, *within)]
    units = {"s": _FINE, "q": square, "w": _FINE}
    return _sums(charges, points, units, pooled=False, slacks={"s": _SLACK})

"""The kinds of statistics that each lift releases, and what each weighs; must not know noise.

With y a person's outcome, x the same before, v their visits, and u units that keep squares small:

| kind | of each arm |
|---|---|
| `n`, `e` | people; people who were exposed |
| `s`, `q` | sum of y; of (y/u)^2 |
| `r` | sum of y of the exposed |
| `x`, `qx`, `px` | sum of x; of (x/u)^2; of (y/u)(x/u) |
| `v`, `qv`, `pv` | sum of v; of (v/u')^2; of (y/u)(v/u') |
| `w` | sum of what a clip at twice the bound would have added to y |

An outcome of yes or no is its own square, so that `q` and `qx` are not released for it.
For a change score y is one clipped change; in the second of two stages, a clipped residual.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from cleanroom.model.lift import AVERAGE_ORDER, Adjustment, Design
from cleanroom.model.question import SalesLift

PEOPLE = ("n", "e")  # kinds that need no sale
POOLED_SHARE = Fraction(1, 4)  # of the loss, for the first of two stages


class Part(StrEnum):
    """Which release of a question: the only one or the second, or the pooled first of two."""

    CELLS = "cells"
    POOLED = "pooled"


def _hundredths(**parts: int) -> Mapping[str, Fraction]:
    if sum(parts.values()) != 100:  # noqa: PLR2004 - a whole
        raise AssertionError("weights of a release add up to one")
    return MappingProxyType({kind: Fraction(part, 100) for kind, part in parts.items()})


# Why these: docs/lift.md, "How the loss is shared".
_SHARE = _hundredths(n=25, s=75)
_SUM = _hundredths(n=10, s=70, q=20)
_SHARE_EXPOSED = _hundredths(n=20, e=10, s=60, r=10)
_SUM_EXPOSED = _hundredths(n=10, e=10, s=55, q=15, r=10)
_RATIO = _hundredths(n=5, s=40, q=9, v=30, qv=8, pv=8)
_SHARE_BEFORE = _hundredths(n=10, s=40, x=35, px=15)
_SUM_BEFORE = _hundredths(n=8, s=32, q=10, x=30, qx=10, px=10)
_SHARE_POOLED = _hundredths(n=10, s=20, x=30, px=40)
_SUM_POOLED = _hundredths(n=10, s=10, q=25, x=10, qx=25, px=20)
_RESIDUAL = _hundredths(n=10, s=65, q=20, w=5)


def weights(question: SalesLift, part: Part = Part.CELLS) -> Mapping[str, Fraction]:
    """Return the kinds released in a part, in order, each with its weight in that part's loss."""
    match question.adjustment:
        case Adjustment.NONE | Adjustment.POST_STRATIFIED:
            return _plain(question)
        case Adjustment.CHANGE_SCORE:
            return _SUM  # a change of minus one, none or one is not its own square
        case Adjustment.CUPED:
            return _SHARE_BEFORE if question.is_share else _SUM_BEFORE
        case Adjustment.CUPED_TWO_STAGE:
            pooled = _SHARE_POOLED if question.is_share else _SUM_POOLED
            return pooled if part is Part.POOLED else _RESIDUAL


def _plain(question: SalesLift) -> Mapping[str, Fraction]:
    if question.outcome == AVERAGE_ORDER:
        return _RATIO
    if question.design is Design.RANDOMIZED_ENCOURAGEMENT:
        return _SHARE_EXPOSED if question.is_share else _SUM_EXPOSED
    return _SHARE if question.is_share else _SUM

"""What a question releases at once or in two stages, and who loses how much to it.

Must not know cells or suppression lines: losses are exact, and scales follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cleanroom.analysis.charge import Charge
from cleanroom.analysis.charges import charges
from cleanroom.analysis.lift_charges import Bounds, bounds, lift_charges
from cleanroom.analysis.lift_kinds import POOLED_SHARE, Part
from cleanroom.analysis.together import Moves, moves
from cleanroom.model.allowance import Allowance
from cleanroom.model.lift import Adjustment
from cleanroom.model.question import SalesLift
from cleanroom.privacy import allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Statistics released together, at their weights in the whole loss `rho` of the question.

    `moved` is the most that one record moves all statistics of the question (together.py).
    """

    charges: tuple[Charge, ...]
    rho: Fraction
    moved: Fraction

    @property
    def noisy(self) -> tuple[tuple[Charge, float], ...]:
        """Each statistic with its noise scale."""
        noise = allocation.scales([c.share for c in self.charges], self.rho, self.moved)
        return tuple(zip(self.charges, noise, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """All releases of a question that loses `rho`, of which a second follows from the first."""

    releases: tuple[Release, ...]
    rho: Fraction
    moves: Moves

    def loss(self, dataset: str) -> Fraction:
        """Return the most that a record of `dataset` loses to all releases, whatever their noise.

        One record moves all statistics together by no more than `moves`, and the noise of each is
        at least that of its weight.
        """
        return self.rho * self.moves[dataset] / max(self.moves.values())


def split(allowance: Allowance, rho: Fraction, bound: int | None = None) -> Split:
    """Return what is released: all at once, or what is pooled first and residuals second.

    `bound` is the residuals' clip; None for the widest, which is what is planned. Neither loss nor
    `moves` depends on it: all that a residual moves grows with it alike.
    """
    parts = _parts(allowance, bound)
    moved = moves(allowance, parts)
    most = max(moved.values())
    return Split(
        releases=tuple(Release(charges=c, rho=rho, moved=most) for _, c in parts),
        rho=rho,
        moves=moved,
    )


def _parts(allowance: Allowance, bound: int | None) -> tuple[tuple[Part, tuple[Charge, ...]], ...]:
    question = allowance.question
    if not isinstance(question, SalesLift) or question.adjustment is not Adjustment.CUPED_TWO_STAGE:
        return ((Part.CELLS, charges(allowance)),)
    stages, within = len(allowance.stages), bounds(allowance, question)
    widest = max(within.high, -within.low)
    clip = Bounds(low=-(bound or widest), high=bound or widest)
    pooled = lift_charges(question, stages, within, Part.POOLED)
    residuals = lift_charges(question, stages, clip)
    return (
        (Part.POOLED, _weighing(pooled, POOLED_SHARE)),
        (Part.CELLS, _weighing(residuals, 1 - POOLED_SHARE)),
    )


def _weighing(charges_: Sequence[Charge], part: Fraction) -> tuple[Charge, ...]:
    """Return charges whose weights are those of a part of the question."""
    return tuple(replace(c, share=replace(c.share, weight=c.share.weight * part)) for c in charges_)

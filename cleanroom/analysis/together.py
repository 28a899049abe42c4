"""How far one record can move all statistics of a question at once; must not know losses or noise.

Numbers are weighted shares of the statistics' own worst cases: one means that a single record is
the worst for every statistic at once (docs/privacy-guarantee.md, "Released together").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from cleanroom.analysis.charge import Charge
from cleanroom.analysis.lift_charges import bounds
from cleanroom.analysis.lift_kinds import Part
from cleanroom.analysis.lift_together import lift_moves
from cleanroom.analysis.request import BY_KEY
from cleanroom.model.allowance import Allowance
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.privacy import allocation, sensitivity
from cleanroom.privacy.sensitivity import Removed

Moves = Mapping[str, Fraction]  # by dataset whose record is added or removed


def moves(allowance: Allowance, parts: Sequence[tuple[Part, Sequence[Charge]]]) -> Moves:
    """Return how far a record of each dataset moves all statistics, weighted, at most.

    Their weights are those in the whole question, of one part or of two.
    """
    match allowance.question:
        case MatchRate():
            ((_, charges),) = parts
            return _match_rate(allowance, charges)
        case SalesLift() as question:
            return lift_moves(question, len(allowance.stages), bounds(allowance, question), parts)
        case SegmentSize() | ContributionBound() | Overlap() | Ropo():
            # One statistic, or people and pairs that one record is the worst for at once.
            ((_, charges),) = parts
            return allocation.apart([c.share for c in charges])


def _match_rate(allowance: Allowance, charges: Sequence[Charge]) -> Moves:
    """Return it for people, pairs, and pairs of each key type, by the length of the chain.

    One pair of each of that many key types changes; of the pairs in all, hardly any may be left.
    """
    grouped = tuple(dict.fromkeys(g.dataset for g in allowance.groupings))
    shares = {c.name: c.share for c in charges}
    keys = sorted((s.weight for n, s in shares.items() if n.startswith(BY_KEY)), reverse=True)
    matched = shares["matched"]

    def most(dataset: str) -> Fraction:
        own = shares.get(f"people:{dataset}")
        return (own.weight if own else 0) + max(
            matched.weight * Fraction(_matched(grouped, dataset, pairs), matched.largest)
            + sum(keys[:pairs])
            for pairs in range(1, len(allowance.stages) + 1)
        )

    return {dataset: most(dataset) for dataset in allowance.question.datasets}


def _matched(grouped: tuple[str, ...], dataset: str, pairs: int) -> int:
    """Return how far a chain of so many pairs moves the pairs in cells of the `grouped` datasets."""
    match grouped:
        case ():
            return pairs % 2
        case (side,):
            removed = Removed.OWN if side == dataset else Removed.PARTNER
            return sensitivity.matched_along(pairs, removed)
        case _:
            return sensitivity.pairs_by_both_attributes(pairs)

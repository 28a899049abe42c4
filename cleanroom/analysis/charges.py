"""Which statistics answer a question, what each may weigh, and how far a record can move it.

Must not know losses, noise or ledgers. Names are those of `request.Statistics`.
"""

from __future__ import annotations

from fractions import Fraction

from cleanroom.analysis.charge import Charge
from cleanroom.analysis.lift_charges import bounds, lift_charges
from cleanroom.analysis.request import BY_KEY, UP_TO, pattern_name
from cleanroom.model.allowance import Allowance
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
)
from cleanroom.privacy import sensitivity
from cleanroom.privacy.allocation import Share
from cleanroom.privacy.sensitivity import Removed

# Shares of a question's loss. Rates need their numerator a little better than their
# denominators (docs/privacy-guarantee.md, "Allocation").
_PEOPLE, _MATCHED, _KEYS = Fraction(3, 10), Fraction(4, 10), Fraction(3, 10)
_PEOPLE_ONE_KEY, _MATCHED_ONE_KEY = Fraction(4, 10), Fraction(6, 10)
_CONTACTED, _CONVERTED = Fraction(25, 100), Fraction(75, 100)
_SALES_N, _SALES, _PRECEDED = Fraction(10, 100), Fraction(25, 100), Fraction(65, 100)


def charges(allowance: Allowance) -> tuple[Charge, ...]:
    """Return the statistics of a question in the order of the answer."""
    match allowance.question:
        case MatchRate() as question:
            return _match_rate(question, allowance)
        case SegmentSize() as question:
            return _segment_size(question, allowance)
        case SalesLift() as question:
            return lift_charges(question, len(allowance.stages), bounds(allowance, question))
        case ContributionBound() as question:
            return _contributions(question, allowance)
        case Overlap() as question:
            return _overlap(question, allowance)
        case Ropo() as question:
            return _ropo(question, allowance)


def _match_rate(question: MatchRate, allowance: Allowance) -> tuple[Charge, ...]:
    grouped = _grouped(allowance)
    counted = grouped or question.datasets  # people of another side have no such cells
    many = len(allowance.stages) > 1
    people = _PEOPLE if many else _PEOPLE_ONE_KEY
    matched = _MATCHED if many else _MATCHED_ONE_KEY
    stages = allowance.stages if many else ()
    one_each = dict.fromkeys(question.datasets, sensitivity.PAIRS_OF_ONE_STAGE)
    return (
        *(_count(f"people:{d}", people, _own_people(d, question.datasets)) for d in counted),
        _count("matched", matched, _matched(question.datasets, grouped, len(allowance.stages))),
        *(_count(f"{BY_KEY}{s}", _KEYS / len(stages), one_each) for s in stages),
    )


def _segment_size(question: SegmentSize, allowance: Allowance) -> tuple[Charge, ...]:
    if len(question.datasets) == 1:
        (dataset,) = question.datasets
        own = _own_people(dataset, question.datasets)
        return (_count(f"people:{dataset}", Fraction(1), own),)
    moved = _matched(question.datasets, _grouped(allowance), len(allowance.stages))
    return (_count("matched", Fraction(1), moved),)


def _contributions(question: ContributionBound, allowance: Allowance) -> tuple[Charge, ...]:
    """Return people per cell of the grid: a person's sum is in one cell or, at zero, in none."""
    released = tuple(f"{UP_TO}{point}" for point in question.points(allowance.bound))
    own = _own_people(question.dataset, question.datasets)
    return (
        Charge(
            name="people_by_sum",
            released=released,
            contribution_bound=1,
            share=Share(weight=Fraction(1), l2_squared=own),
            counts_people=True,
            summed=len(released),
        ),
    )


def _overlap(question: Overlap, allowance: Allowance) -> tuple[Charge, ...]:
    """Return people by pattern: the patterns of one person are disjoint cells of one vector."""
    stages, others = len(allowance.stages), len(question.others)
    partner = sensitivity.overlap_patterns(stages, others, Removed.PARTNER)
    own = sensitivity.overlap_patterns(stages, others, Removed.OWN)
    return (
        Charge(
            name="patterns",
            released=tuple(pattern_name(p) for p in question.patterns),
            contribution_bound=1,
            share=Share(
                weight=Fraction(1),
                l2_squared=dict.fromkeys(question.others, partner) | {question.hub: own},
            ),
            counts_people=True,
        ),
    )


def _ropo(question: Ropo, allowance: Allowance) -> tuple[Charge, ...]:
    own = _own_people(question.counted, question.datasets)
    bound = allowance.bound
    pairs = _pair_sum(question, len(allowance.stages), bound)
    match question.definition:
        case RopoDefinition.CONVERSION:
            return (
                _count("contacted", _CONTACTED, own),
                _sum("converted", bound, _CONVERTED, pairs),
            )
        case RopoDefinition.SHARE_OF_SALES:
            clipped = {dataset: bound**2 * moved for dataset, moved in own.items()}
            return (
                _count("buyers", _SALES_N, own),
                _sum("purchases", bound, _SALES, clipped),
                _sum("preceded", bound, _PRECEDED, pairs),
            )


def _own_people(dataset: str, datasets: tuple[str, ...]) -> dict[str, int]:
    nobody = dict.fromkeys(datasets, sensitivity.OTHER_PEOPLE)
    return nobody | {dataset: sensitivity.OWN_PEOPLE}


def _matched(datasets: tuple[str, ...], grouped: tuple[str, ...], stages: int) -> dict[str, int]:
    """Return how far pairs, in cells by attributes of the `grouped` datasets, can move."""
    match grouped:
        case ():
            return dict.fromkeys(datasets, sensitivity.PAIRS_IN_ONE_CELL)
        case (side,):
            (partner,) = set(datasets) - {side}
            return _matched_of(side, partner, stages)
        case _:
            return dict.fromkeys(datasets, sensitivity.pairs_by_both_attributes(stages))


def _matched_of(side: str, partner: str, stages: int) -> dict[str, int]:
    return {
        side: sensitivity.matched_by_own_attributes(stages, Removed.OWN),
        partner: sensitivity.matched_by_own_attributes(stages, Removed.PARTNER),
    }


def _pair_sum(question: Ropo, stages: int, bound: int) -> dict[str, int]:
    partner = sensitivity.pair_sum(stages, bound, Removed.PARTNER)
    own = sensitivity.pair_sum(stages, bound, Removed.OWN)
    return dict.fromkeys(question.datasets, partner) | {question.counted: own}


def _grouped(allowance: Allowance) -> tuple[str, ...]:
    return tuple(dict.fromkeys(g.dataset for g in allowance.groupings))


def _count(name: str, weight: Fraction, l2_squared: dict[str, int]) -> Charge:
    return Charge(
        name=name,
        released=(name,),
        contribution_bound=1,
        share=Share(weight=weight, l2_squared=l2_squared),
        counts_people=True,
    )


def _sum(name: str, bound: int, weight: Fraction, l2_squared: dict[str, int]) -> Charge:
    return Charge(
        name=name,
        released=(name,),
        contribution_bound=bound,
        share=Share(weight=weight, l2_squared=l2_squared),
        counts_people=False,
    )

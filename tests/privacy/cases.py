"""Every type and option of question that the suite must look at, in one table.

To add a type: add a case for each of its options; test_cases.py fails until there is one. Must
not know how a case is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import (
    Buckets,
    ContributionBound,
    MatchRate,
    Overlap,
    Population,
    Question,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)
from privacy.neighbours import SINGLE_S

PAIR = ("exposures", "sales")
RHO = Fraction(1, 2)  # so large that a few thousand draws tell a broken claim from a true one
DELTA = Fraction(1, 10**6)

POLICY = """\
version: cleanroom/v1
collaboration: proof
valid: {from: 2026-01-01, until: 2035-12-31}
parties:
  acme-brand:  {role: advertiser,    may_ask: [match_rate, segment_size, sales_lift]}
  megamart:    {role: retailer,      may_ask: [match_rate]}
  fiscal-data: {role: data_provider, may_ask: []}
matching:
  scheme: sha256
  allow_unsalted: true
  normalisation: uid2-2026
  keys: [email, phone, loyalty_id]
datasets:
  exposures:
    owner: acme-brand
    dimensions: {city: [ufa, kazan, other]}
    arm: {column: arm, test: test, control: control}
    counts: {impressions: {max_per_person: 50}}
    time: {column: at}
  sales:
    owner: megamart
    dimensions: {tier: [gold, basic]}
    measures: {amount: {unit: minor, max_per_person: 1000}, visits: {unit: rows, max_per_person: 60}}
    event_filters: {category: [hair-colour, hair-care, other]}
    time: {column: at}
    minimum_aggregation: {people: 10, miss_probability: 1e-2}
    privacy: {pool: loyalty, definition: zcdp, epsilon: 900, delta: 1e-6, per_question: 50}
    consent: {match_rate: [measurement], segment_size: [measurement], sales_lift: [measurement]}
  panel:
    owner: fiscal-data
    dimensions: {income: [low, high]}
retention: {datasets_days: 90, measurements_days: 730}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question that `acme-brand` asks over the neighbouring worlds, at a loss of `rho`."""

    name: str
    question: Question
    keys: int = 3  # types of match keys
    # Some neighbour moves each statistic as far as the guarantee says. Not where the case is made
    # of people who do not: a question like it, over others, shows that the charge is tight.
    tight: bool = True
    refunds: bool = False  # count, down to a declared least sum
    outcome: tuple[tuple[str, int], ...] = ()  # of a first stage: one that leaves the worst second
    rho: Fraction = RHO

    @property
    def policy(self) -> str:
        """The policy with that many key types, and refunds that count or not."""
        kept = ", ".join(("email", "phone", "loyalty_id")[: self.keys])
        text = POLICY.replace("email, phone, loyalty_id", kept)
        return text.replace("unit: minor", "unit: minor, min_per_person: -700", int(self.refunds))


def _lift(outcome: str, **options: object) -> SalesLift:
    return SalesLift(exposures="exposures", sales="sales", outcome=outcome, **options)


CASES = (
    Case(name="match rate", question=MatchRate(datasets=PAIR)),
    Case(name="match rate on one key", question=MatchRate(datasets=PAIR), keys=1),
    Case(
        name="match rate on two keys",
        question=MatchRate(datasets=PAIR),
        keys=2,
    ),
    Case(name="match rate by city", question=MatchRate(datasets=PAIR, by=("city",)), keys=2),
    Case(name="match rate of the panel", question=MatchRate(datasets=("panel", "exposures"))),
    Case(name="people", question=SegmentSize(datasets=("exposures",), by=())),
    Case(name="people by city", question=SegmentSize(datasets=("exposures",), by=("city",))),
    Case(name="matched", question=SegmentSize(datasets=PAIR, by=())),
    Case(name="matched by tier", question=SegmentSize(datasets=PAIR, by=("tier",))),
    Case(name="matched by both", question=SegmentSize(datasets=PAIR, by=("city", "tier"))),
    Case(name="buyers", question=_lift("buyers")),
    Case(name="buyers on one key", question=_lift("buyers", population=Population.MATCHED), keys=1),
    Case(name="amount", question=_lift("amount")),
    Case(name="amount by city", question=_lift("amount", by=("city",))),
    Case(name="amount of the matched", question=_lift("amount", population=Population.MATCHED)),
    Case(
        name="visits in a window",
        question=_lift(
            "visits",
            window=Window(from_s=0, until_s=100),
            filters=(("category", ("hair-colour", "hair-care")),),
        ),
    ),
    Case(
        name="a single buyer",
        tight=False,
        question=_lift("amount", window=Window(from_s=SINGLE_S, until_s=SINGLE_S + 1)),
    ),
)

IMPRESSIONS = Buckets(dimension="impressions", edges=(1, 3))
SPEND = Buckets(dimension="amount", edges=(1, 500))

CASES += (
    Case(
        name="people by impressions",
        question=SegmentSize(datasets=("exposures",), by=("impressions",), buckets=(IMPRESSIONS,)),
    ),
    Case(
        name="matched by spend",
        question=SegmentSize(datasets=PAIR, by=("amount",), buckets=(SPEND,)),
    ),
    Case(
        name="match rate by impressions",
        question=MatchRate(datasets=PAIR, by=("impressions",), buckets=(IMPRESSIONS,)),
    ),
    Case(
        name="amount by impressions, clipped lower",
        question=_lift("amount", by=("impressions",), buckets=(IMPRESSIONS,), bound=400),
    ),
    Case(
        name="contribution bound",
        question=ContributionBound(
            dataset="sales",
            measure="amount",
            quantile=Fraction(9, 10),
            grid=(100, 300, 600),
            window=Window(from_s=0, until_s=SINGLE_S),
            filters=(("category", ("hair-colour", "hair-care")),),
        ),
    ),
)

CASES += (
    Case(name="overlap", question=Overlap(hub="exposures", others=("panel", "sales"))),
    Case(
        name="overlap by city",
        question=Overlap(hub="exposures", others=("panel", "sales"), by=("city",)),
    ),
    Case(
        name="share of sales by tier",
        question=Ropo(
            definition=RopoDefinition.SHARE_OF_SALES,
            exposures="exposures",
            sales="sales",
            days=1,
            measure="amount",
            by=("tier",),
        ),
    ),
    Case(
        name="conversion",
        question=Ropo(
            definition=RopoDefinition.CONVERSION,
            exposures="exposures",
            sales="sales",
            days=2,
            window=Window(from_s=0, until_s=SINGLE_S),
            filters=(("category", ("hair-colour", "hair-care")),),
        ),
    ),
)


EARLY, LATE = Window(from_s=0, until_s=60), Window(from_s=60, until_s=120)

# A theta of two, and a clip that some people's residuals pass on either side.
BUYERS_OUTCOME = (("n:pooled", 160), ("s:pooled", 80), ("x:pooled", 16), ("px:pooled", 37))
AMOUNT_OUTCOME = (
    ("n:pooled", 10**5),
    ("s:pooled", 200 * 10**5),
    ("q:pooled", (200**2 + 800) * 10**5),
    ("x:pooled", 100 * 10**5),
    ("qx:pooled", (100**2 + 100) * 10**5),
    ("px:pooled", (200 * 100 + 200) * 10**5),
)

CASES += (
    Case(
        name="buyers as assigned",
        question=_lift("buyers", design=Design.RANDOMIZED_ENCOURAGEMENT, exposed_by="impressions"),
    ),
    Case(
        name="amount as assigned, with refunds",
        refunds=True,
        question=_lift("amount", design=Design.RANDOMIZED_ENCOURAGEMENT, exposed_by="impressions"),
    ),
    Case(
        name="amount observed",
        question=_lift("amount", design=Design.OBSERVATIONAL, exposed_by="impressions"),
    ),
    Case(name="new buyers", question=_lift("new_buyers", window=LATE, before=EARLY)),
    Case(
        name="repeat buyers of the matched",
        question=_lift("repeat_buyers", window=LATE, before=EARLY, population=Population.MATCHED),
    ),
    Case(name="average order", question=_lift("average_order")),
    Case(name="amount with refunds", refunds=True, question=_lift("amount")),
    Case(
        name="change of the amount",
        refunds=True,
        question=_lift("amount", window=LATE, before=EARLY, adjustment=Adjustment.CHANGE_SCORE),
    ),
    Case(
        name="amount adjusted by before",
        question=_lift("amount", window=LATE, before=EARLY, adjustment=Adjustment.CUPED),
    ),
    Case(
        name="buyers adjusted in two stages",
        outcome=BUYERS_OUTCOME,
        question=_lift("buyers", window=LATE, before=EARLY, adjustment=Adjustment.CUPED_TWO_STAGE),
    ),
    Case(
        name="amount by city adjusted in two stages",
        outcome=AMOUNT_OUTCOME,
        refunds=True,
        question=_lift(
            "amount",
            by=("city",),
            window=LATE,
            before=EARLY,
            adjustment=Adjustment.CUPED_TWO_STAGE,
        ),
    ),
    Case(
        name="amount of cities together",
        question=_lift("amount", adjustment=Adjustment.POST_STRATIFIED, strata=("city",)),
    ),
)


def case(name: str) -> Case:
    """Return the case of that name."""
    (found,) = (c for c in CASES if c.name == name)
    return found

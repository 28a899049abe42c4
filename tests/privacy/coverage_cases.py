"""One experiment for each kind of question: many releases, and what their intervals should hold.

Must not know how often they do. Outcomes are drawn from a population whose means are known, noise
and estimates are the service's. A truth is one number, or one of each release where an interval is
about the very people who were drawn. To add a kind of question: add its experiment;
test_coverage.py fails until every kind has one, and every figure of it a truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cleanroom.analysis.plan import plan
from cleanroom.model.allowance import Allowance, MinimumAggregation
from cleanroom.model.lift import Adjustment, Design
from privacy import coverage_lifts as lifts
from privacy import populations as pop
from privacy.coverage_runs import Figures, Truth, fixed, loss, released
from privacy.populations import PEOPLE
from support import allowances
from support.allowances import before, terms

MINIMUM = MinimumAggregation(people=20, miss_probability=Fraction(1, 100))
WIDE = (terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(50)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """`run` makes so many releases and returns their figures and what is true of them.

    Intervals of figures in `wider` may cover more often than they say, and why is in a comment.
    """

    name: str
    allowance: Allowance
    run: Callable[[Allowance, int], tuple[Figures, dict[str, Truth]]]
    wider: frozenset[str] = frozenset()
    fewer: int = 1  # so many times fewer releases, where each takes long


def _match_rate() -> Callable:
    exact = {"people:exposures": 900, "people:store-sales": 2_000, "matched": 500}
    exact |= {"matched:email": 350, "matched:phone": 150}
    return fixed(
        exact,
        {
            "people_exposures": 900,
            "people_store_sales": 2_000,
            "matched": 500,
            "matched_email": 350,
            "matched_phone": 150,
            "share_email": 0.7,
            "share_phone": 0.3,
            "match_rate_exposures": 500 / 900,
            "match_rate_store_sales": 0.25,
        },
    )


def _overlap(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    planned = plan(allowance, loss(allowance))
    exact = dict(zip(planned.released, (900, 700, 500, 300), strict=True))
    truths = {
        "people": 2_400,
        "in_none": 900,
        "in_all": 300,
        "in_any": 1_500,
        "only_in_panel": 700,
        "only_in_store_sales": 500,
        "matched_panel": 1_000,
        "matched_store_sales": 800,
        "match_rate_panel": 1_000 / 2_400,
        "match_rate_store_sales": 800 / 2_400,
    }
    return fixed(exact, truths)(allowance, count)


CELLS = {"up_to:100": 1_500, "up_to:1000": 2_500, "up_to:10000": 800, "up_to:1500000": 200}


def _contributions(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    """The quantile of 0.95 lies at 10,000; people above are those above what was found."""
    found, _ = fixed(CELLS, {})(allowance, count)
    total = sum(CELLS.values())
    points = [int(name.partition(":")[2]) for name in CELLS]
    above = np.array(
        [
            sum(
                n
                for point, n in zip(points, CELLS.values(), strict=True)
                if point > f["bound"].value
            )
            for f in found
        ]
    )
    truths = {
        "people": total,
        "bound": 10_000,
        "people_above": above,
        "share_above": above / total,
    }
    return found, truths


def _conversion(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    draw = np.random.default_rng(7)
    converted = draw.binomial(PEOPLE, 0.12, count)
    exact = {"contacted": np.full(count, PEOPLE), "converted": converted}
    truths = {"contacted": PEOPLE, "converted": converted, "ropo_conversion": 0.12}
    return released(plan(allowance, loss(allowance)), exact, count), truths


def _of(outcome: str = "amount", **asked: object) -> Allowance:
    strata = asked.pop("strata_groupings", ())
    return allowances.sales_lift(
        outcome,
        bound=pop.BOUND,
        visits_bound=pop.VISITS,
        stages=2,
        minimum=MINIMUM,
        ledgers=WIDE,
        low=-pop.BOUND if asked.get("adjustment") is Adjustment.CHANGE_SCORE else 0,
        strata=strata,
        asked=asked,
    )


EXPOSED = {"exposed_by": "impressions"}
EXPERIMENTS = (
    Experiment(
        name="match rate",
        allowance=allowances.match_rate(stages=2, minimum=MINIMUM),
        run=_match_rate(),
    ),
    Experiment(
        name="segment size",
        allowance=allowances.segment_size(minimum=MINIMUM),
        run=fixed({"matched": 400}, {"people": 400}),
    ),
    Experiment(
        name="contribution bound",
        allowance=allowances.contribution_bound(minimum=MINIMUM),
        run=_contributions,
        wider=frozenset({"bound"}),  # grid values are coarse
    ),
    Experiment(name="overlap", allowance=allowances.overlap(minimum=MINIMUM), run=_overlap),
    Experiment(
        name="conversion", allowance=allowances.conversion(minimum=MINIMUM), run=_conversion
    ),
    Experiment(
        name="share of sales",
        allowance=allowances.share_of_sales(stages=2, bound=20, minimum=MINIMUM),
        run=fixed(
            {"buyers": 2_000, "purchases": 9_000, "preceded": 2_500},
            {
                "buyers": 2_000,
                "purchases": 9_000,
                "purchases_preceded": 2_500,
                "ropo_share_of_sales": 2_500 / 9_000,
            },
        ),
    ),
    Experiment(
        name="buyers", allowance=_of("buyers"), run=lifts.lift("n s", lifts.BUYERS, "buyers")
    ),
    Experiment(name="amount", allowance=_of(), run=lifts.lift("n s q", lifts.AMOUNT)),
    Experiment(
        name="as assigned",
        allowance=_of(design=Design.RANDOMIZED_ENCOURAGEMENT, **EXPOSED),
        run=lifts.encouraged,
        wider=frozenset({"exposure_control"}),  # nobody, kept one person away from certainty
    ),
    Experiment(
        name="observed", allowance=_of(design=Design.OBSERVATIONAL, **EXPOSED), run=lifts.observed
    ),
    Experiment(name="average order", allowance=_of("average_order"), run=lifts.orders),
    Experiment(name="cuped", allowance=_of(**before(Adjustment.CUPED)), run=lifts.cuped),
    Experiment(name="change", allowance=_of(**before(Adjustment.CHANGE_SCORE)), run=lifts.change),
    Experiment(
        name="cuped in two stages",
        allowance=_of(**before(Adjustment.CUPED_TWO_STAGE)),
        run=lifts.two_stages,
        fewer=4,
    ),
    Experiment(
        name="strata",
        allowance=_of(
            adjustment=Adjustment.POST_STRATIFIED,
            strata=("exposures.segment",),
            strata_groupings=(allowances.BY_SEGMENT,),
        ),
        run=lifts.strata,
    ),
)

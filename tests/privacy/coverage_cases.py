"""One experiment for each kind of question: many releases, and what their intervals should hold.

Must not know how often they do. Outcomes are drawn from a population whose means are known, noise
and estimates are the service's. A truth is one number, or one of each release where an interval is
about the very people who were drawn. To add a kind of question: add its experiment;
test_coverage.py fails until every kind has one, and every figure of it a truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.noise import add_noise, add_pooled_noise
from cleanroom.analysis.plan import Plan, plan, with_residual
from cleanroom.analysis.request import THETA_ONE, Statistics
from cleanroom.analysis.two_stage import residual_of
from cleanroom.model.allowance import Allowance, MinimumAggregation
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.measurement import Figure
from cleanroom.privacy.loss import NANO
from privacy import populations as pop
from privacy.populations import PEOPLE, Values, means, sample, sums, values
from support import allowances
from support.allowances import before, terms

MINIMUM = MinimumAggregation(people=20, miss_probability=Fraction(1, 100))
WIDE = (terms(allowances.ADVERTISER, allowances.PAIR, per_question=Fraction(50)),)
LOSS = NANO // 10

Truth = float | np.ndarray
Figures = list[dict[str, Figure]]


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


def loss(allowance: Allowance) -> int:
    """Return what a question may lose by its policy, and never more than LOSS."""
    return min(LOSS, default_nano_rho(allowance))


def released(planned: Plan, exact: Mapping[str, np.ndarray], count: int) -> Figures:
    """Return the figures of `count` releases whose integers follow each other in `exact`."""
    wide = replace(planned, cells=tuple((str(i),) for i in range(count)))
    whole = {name: tuple(int(v) for v in column) for name, column in exact.items()}
    cells = estimate(wide, add_noise(wide, Statistics(values=whole)))
    assert not any(cell.suppressed for cell in cells), "choose more people"
    return [{f.name: f for f in cell.figures} for cell in cells]


def _fixed(exact: Mapping[str, int], truths: Mapping[str, Truth]) -> Callable:
    """Return a run over the same people each time: all chance is noise."""

    def run(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
        columns = {name: np.full(count, value) for name, value in exact.items()}
        return released(plan(allowance, loss(allowance)), columns, count), truths

    return run


def _match_rate() -> Callable:
    exact = {"people:exposures": 900, "people:store-sales": 2_000, "matched": 500}
    exact |= {"matched:email": 350, "matched:phone": 150}
    return _fixed(
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
    return _fixed(exact, truths)(allowance, count)


CELLS = {"up_to:100": 1_500, "up_to:1000": 2_500, "up_to:10000": 800, "up_to:1500000": 200}


def _contributions(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    """The quantile of 0.95 lies at 10,000; people above are those above what was found."""
    found, _ = _fixed(CELLS, {})(allowance, count)
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


def _lift_truths(
    exact: Mapping[str, np.ndarray], mean: Mapping[str, float], kinds: Mapping[str, str]
):
    """Return the truths that most lifts share; `kinds` are figures of each arm by kind of sum."""
    difference = mean["test"] - mean["control"]
    return {
        **{
            f"{figure}_{arm}": exact[f"{kind}:{arm}"]
            for arm in ("control", "test")
            for kind, figure in ({"n": "people"} | dict(kinds)).items()
        },
        "absolute_lift": difference,
        "incremental_total": difference * PEOPLE,
        "relative_lift": difference / mean["control"],
    }


def _lift(kinds: str, of_arm: Mapping[str, Values], sums_: str = "total") -> Callable:
    """Return a run of a lift that is the difference of two means."""

    def run(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
        exact = _drawn(kinds, of_arm, count)
        mean = {arm: means(of_arm[arm], arm)["s"] for arm in of_arm}
        truths = _lift_truths(exact, mean, {"s": sums_})
        truths |= {f"mean_{arm}": mean[arm] for arm in mean}
        return released(plan(allowance, loss(allowance)), exact, count), truths

    return run


def _drawn(kinds: str, of_arm: Mapping[str, Values], count: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(len(kinds))
    return {
        name: column
        for arm in of_arm
        for name, column in sums(of_arm[arm], sample(draw, count, arm), arm, kinds).items()
    }


AMOUNT = dict.fromkeys(pop.ARMS, values())
BUYERS = dict.fromkeys(pop.ARMS, values(y=(pop.Y > 0).astype(int), x=(pop.X > 0).astype(int)))
CHANGE = dict.fromkeys(pop.ARMS, values(y=pop.Y - pop.X))
ASSIGNED = {"control": values(e=np.zeros_like(pop.E)), "test": values()}


def _observed(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    """The same people, called by whether they were exposed; and no causal word."""
    words = {"control": "unexposed", "test": "exposed"}

    def renamed(name: str) -> str:
        head, _, arm = name.rpartition(":" if ":" in name else "_")
        return f"{head}{name[len(head)]}{words[arm]}" if arm in words else name

    exact = _drawn("n s q", AMOUNT, count)
    mean = {arm: means(AMOUNT[arm], arm)["s"] for arm in AMOUNT}
    truths = _lift_truths(exact, mean, {"s": "total"}) | {f"mean_{a}": m for a, m in mean.items()}
    found = released(
        plan(allowance, loss(allowance)), {renamed(n): c for n, c in exact.items()}, count
    )
    observed = {
        "absolute_lift": "absolute_difference",
        "relative_lift": "relative_difference",
        "incremental_total": "total_difference",
    }
    return found, {renamed(observed.get(name, name)): value for name, value in truths.items()}


def _encouraged(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    found, truths = _lift("n e s q r", ASSIGNED)(allowance, count)
    exact = _drawn("n e s q r", ASSIGNED, count)
    reached = {arm: means(ASSIGNED[arm], arm)["e"] for arm in ASSIGNED}
    compliance = reached["test"] - reached["control"]
    of_arms = {
        f"{figure}_{arm}": truth
        for arm in ASSIGNED
        for figure, truth in (
            ("exposed", exact[f"e:{arm}"]),
            ("total_exposed", exact[f"r:{arm}"]),
            ("exposure", reached[arm]),
        )
    }
    itt = truths.pop("absolute_lift")
    return found, {
        **{name: truth for name, truth in truths.items() if name != "relative_lift"},
        **of_arms,
        "itt": itt,
        "relative_itt": truths["relative_lift"],
        "compliance": compliance,
        "cace": itt / compliance,
    }


def _orders(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    exact = _drawn("n s q v qv pv", AMOUNT, count)
    mean = {arm: means(AMOUNT[arm], arm) for arm in AMOUNT}
    order = {arm: mean[arm]["s"] / mean[arm]["v"] for arm in mean}
    truths = _lift_truths(exact, order, {"s": "total", "v": "visits"})
    truths |= {f"average_order_{arm}": order[arm] for arm in order}
    del truths["incremental_total"]
    return released(plan(allowance, loss(allowance)), exact, count), truths


def _cuped(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    found, truths = _lift("n s q x qx px", AMOUNT)(allowance, count)
    return found, truths | {"unadjusted_lift": truths["absolute_lift"]}


def _change(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    found, truths = _lift("n s q", CHANGE, "total_change")(allowance, count)
    for arm in pop.ARMS:
        truths[f"mean_change_{arm}"] = truths.pop(f"mean_{arm}")
    del truths["relative_lift"]  # a change has no level
    return found, truths


def _strata(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    """Both arms have the same people of each stratum, but for chance."""
    draw = np.random.default_rng(9)
    exact = {}
    for arm in pop.ARMS:
        heads = sample(draw, count, arm)
        of_strata = [
            sums(AMOUNT[arm], heads * (place == pop.STRATUM), arm, "n s q") for place in (0, 1)
        ]
        for name in of_strata[0]:
            exact[name] = np.column_stack([part[name] for part in of_strata]).ravel()
    mean = {arm: means(AMOUNT[arm], arm)["s"] for arm in AMOUNT}
    whole = {name: column.reshape(count, 2).sum(axis=1) for name, column in exact.items()}
    truths = _lift_truths(whole, mean, {"s": "total"}) | {f"mean_{a}": m for a, m in mean.items()}
    return released(plan(allowance, loss(allowance)), exact, count), truths


def _two_stages(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    draw = np.random.default_rng(10)
    planned = plan(allowance, 5 * LOSS)
    runs = [_both_stages(allowance, planned, draw) for _ in range(count)]
    mean = {arm: means(AMOUNT[arm], arm)["s"] for arm in AMOUNT}
    lift = mean["test"] - mean["control"]
    truths = {name: np.array([run[1][name] for run in runs]) for name in runs[0][1]}
    return [run[0] for run in runs], {
        **truths,
        "absolute_lift": lift,
        "incremental_total": lift * PEOPLE,
        "relative_lift": lift / mean["control"],
    }


def _both_stages(
    allowance: Allowance, planned: Plan, draw: np.random.Generator
) -> tuple[dict[str, Figure], dict[str, float]]:
    """Return the figures of one release, and what is true of its people and its residuals."""
    heads = {arm: sample(draw, 1, arm)[0] for arm in pop.ARMS}
    everybody = sum(heads.values())
    kinds = [s.name.partition(":")[0] for s in planned.pooled]
    exact = {f"{k}:pooled": (int(everybody @ AMOUNT["test"].by_kind[k]),) for k in kinds}
    first = {n: v for n, (v,) in add_pooled_noise(planned, Statistics(values=exact)).values.items()}
    residual = residual_of(planned, first)
    narrowed = with_residual(planned, allowance, planned.nano_rho, residual)
    whole = np.floor(pop.Y - residual.theta * pop.X / THETA_ONE + 0.5).astype(int)
    inside, wider = (np.clip(whole, -b, b) for b in (residual.bound, 2 * residual.bound))
    added = Values(
        by_kind={"n": np.ones_like(whole), "s": inside, "q": inside**2, "w": wider - inside}
    )
    second = {
        name: (int(value),)
        for arm in pop.ARMS
        for name, value in sums(added, heads[arm], arm, "n s q w").items()
    }
    (cell,) = estimate(narrowed, add_noise(narrowed, Statistics(values=second)), first)
    assert not cell.suppressed
    bias = (second["w:test"][0] - second["w:control"][0]) / PEOPLE
    true = {"clip_bias": bias, "people_control": PEOPLE, "people_test": PEOPLE}
    true |= {f"residual_mean_{arm}": means(added, arm)["s"] for arm in pop.ARMS}
    return {f.name: f for f in cell.figures}, true


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
        run=_fixed({"matched": 400}, {"people": 400}),
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
        run=_fixed(
            {"buyers": 2_000, "purchases": 9_000, "preceded": 2_500},
            {
                "buyers": 2_000,
                "purchases": 9_000,
                "purchases_preceded": 2_500,
                "ropo_share_of_sales": 2_500 / 9_000,
            },
        ),
    ),
    Experiment(name="buyers", allowance=_of("buyers"), run=_lift("n s", BUYERS, "buyers")),
    Experiment(name="amount", allowance=_of(), run=_lift("n s q", AMOUNT)),
    Experiment(
        name="as assigned",
        allowance=_of(design=Design.RANDOMIZED_ENCOURAGEMENT, **EXPOSED),
        run=_encouraged,
        wider=frozenset({"exposure_control"}),  # nobody, kept one person away from certainty
    ),
    Experiment(
        name="observed", allowance=_of(design=Design.OBSERVATIONAL, **EXPOSED), run=_observed
    ),
    Experiment(name="average order", allowance=_of("average_order"), run=_orders),
    Experiment(name="cuped", allowance=_of(**before(Adjustment.CUPED)), run=_cuped),
    Experiment(name="change", allowance=_of(**before(Adjustment.CHANGE_SCORE)), run=_change),
    Experiment(
        name="cuped in two stages",
        allowance=_of(**before(Adjustment.CUPED_TWO_STAGE)),
        run=_two_stages,
        fewer=4,
    ),
    Experiment(
        name="strata",
        allowance=_of(
            adjustment=Adjustment.POST_STRATIFIED,
            strata=("exposures.segment",),
            strata_groupings=(allowances.BY_SEGMENT,),
        ),
        run=_strata,
    ),
)

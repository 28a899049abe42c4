"""Experiments with lifts of every kind: people are drawn, summed, noised and estimated.

Must not know how often an interval should hold. Each returns the figures of many releases and
what is true of them: of the population for means and lifts, of the people drawn for sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.noise import add_noise, add_pooled_noise
from cleanroom.analysis.plan import Plan, plan, with_residual
from cleanroom.analysis.request import THETA_ONE, Statistics
from cleanroom.analysis.two_stage import residual_of
from cleanroom.model.allowance import Allowance
from cleanroom.model.measurement import Figure
from privacy import populations as pop
from privacy.coverage_runs import LOSS, Figures, Truth, loss, released
from privacy.populations import PEOPLE, Values, means, sample, sums, values


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


def lift(kinds: str, of_arm: Mapping[str, Values], sums_: str = "total") -> Callable:
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


def observed(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
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


def encouraged(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    found, truths = lift("n e s q r", ASSIGNED)(allowance, count)
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


def orders(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    exact = _drawn("n s q v qv pv", AMOUNT, count)
    mean = {arm: means(AMOUNT[arm], arm) for arm in AMOUNT}
    order = {arm: mean[arm]["s"] / mean[arm]["v"] for arm in mean}
    truths = _lift_truths(exact, order, {"s": "total", "v": "visits"})
    truths |= {f"average_order_{arm}": order[arm] for arm in order}
    del truths["incremental_total"]
    return released(plan(allowance, loss(allowance)), exact, count), truths


def cuped(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    found, truths = lift("n s q x qx px", AMOUNT)(allowance, count)
    return found, truths | {"unadjusted_lift": truths["absolute_lift"]}


def change(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
    found, truths = lift("n s q", CHANGE, "total_change")(allowance, count)
    for arm in pop.ARMS:
        truths[f"mean_change_{arm}"] = truths.pop(f"mean_{arm}")
    del truths["relative_lift"]  # a change has no level
    return found, truths


def strata(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
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


def two_stages(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
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

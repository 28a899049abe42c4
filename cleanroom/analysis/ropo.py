"""Figures of purchases offline after contacts online; must not know times, pairs or ledgers.

A conversion is a mean over people and carries chance between them; a share of sales describes the
very purchases asked about and carries noise only. Neither says what the contacts caused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from cleanroom.analysis.figures import counted, figure, rounded, undefined
from cleanroom.analysis.plan import Plan
from cleanroom.model.measurement import Figure
from cleanroom.model.question import Ropo, RopoDefinition
from cleanroom.privacy.intervals import FIELLER_LIMIT, Estimate, fieller, fieller_g, ratio

_UNCERTAIN_SALES = "the purchases in all are too uncertain for a share of them"


def ropo(plan: Plan, question: Ropo, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return both numbers of the definition and its figure, under the definition's own name.

    Requires people above zero.
    """
    match question.definition:
        case RopoDefinition.CONVERSION:
            return _conversion(plan, values)
        case RopoDefinition.SHARE_OF_SALES:
            return _share_of_sales(plan, values)


def _conversion(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    contacted, converted = _noisy(plan, values, "contacted"), _noisy(plan, values, "converted")
    noisy = ratio(converted, contacted)
    mean = Estimate(
        value=noisy.value,
        noise_variance=noisy.noise_variance,
        sampling_variance=_binary_variance(contacted, converted) / contacted.value,
    )
    return (
        _counted(plan, values, "contacted", "people"),
        _counted(plan, values, "converted", "people"),
        figure("ropo_conversion", "share", mean, plan.level, sampled=True),
    )


def _share_of_sales(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    unit = plan.outcome_unit
    sales, preceded = _noisy(plan, values, "purchases"), _noisy(plan, values, "preceded")
    return (
        _counted(plan, values, "buyers", "people"),
        _counted(plan, values, "purchases", unit),
        _counted(plan, values, "preceded", unit, "purchases_preceded"),
        _share(plan, preceded, sales),
    )


def _share(plan: Plan, preceded: Estimate, sales: Estimate) -> Figure:
    """Return the ratio with Fieller's interval (F54), or why there is none."""
    name, unit = "ropo_share_of_sales", "share"
    if sales.value <= 0 or fieller_g(sales, plan.level) >= FIELLER_LIMIT:
        return undefined(name, unit, _UNCERTAIN_SALES)
    low, high = fieller(preceded, sales, plan.level)
    centre = ratio(preceded, sales)
    return Figure(
        name=name,
        unit=unit,
        value=rounded(centre.value),
        low=rounded(low),
        high=rounded(high),
        noise_sd=rounded(math.sqrt(centre.noise_variance)),
        sampling_se=None,
    )


def _binary_variance(people: Estimate, total: Estimate) -> float:
    """Return m (1 - m), with m kept one person away from none and all, as for buyers of a lift."""
    edge = min(0.5, 1 / people.value)
    mean = min(max(total.value / people.value, edge), 1 - edge)
    return mean * (1 - mean)


def _counted(
    plan: Plan, values: Mapping[str, int], released: str, unit: str, name: str = ""
) -> Figure:
    scale = plan.statistic(released).scale
    return counted(name or released, unit, values[released], scale, plan.level)


def _noisy(plan: Plan, values: Mapping[str, int], name: str) -> Estimate:
    return Estimate(value=values[name], noise_variance=plan.statistic(name).noise_sd ** 2)

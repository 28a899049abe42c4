"""A contribution bound from noisy people per cell of a grid; must not know whose sums they are.

With h_i noisy people in cell i of m, p the quantile and C_j = h_1 + ... + h_j, the share up to
grid value j reaches p where

    D_j = C_j - p (h_1 + ... + h_m) = (1 - p) sum_{i <= j} h_i - p sum_{i > j} h_i  >=  0

and the noise variance of D_j is sigma^2 ((1 - p)^2 j + p^2 (m - j)), which is public.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleanroom.analysis.figures import counted, figure, rounded, undefined
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import UP_TO
from cleanroom.model.contribution import ContributionBound
from cleanroom.model.measurement import Figure
from cleanroom.privacy.intervals import Estimate, quantile

_FEW_ABOVE = "fewer people above the bound than the suppression line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Positions on the grid: where the noisy share reaches the quantile, and its interval."""

    found: int
    low: int
    high: int


def contribution_bound(
    plan: Plan, question: ContributionBound, values: Mapping[str, int]
) -> tuple[Figure, ...]:
    """Return the bound with its interval, the people it was found among, and those it clips.

    Requires people above zero in all.
    """
    points = [int(name.removeprefix(UP_TO)) for name in plan.released]
    people = [values[name] for name in plan.released]
    noise_sd = plan.statistic(plan.released[0]).noise_sd
    place = locate(people, float(question.quantile), noise_sd, plan.level)
    return (
        Figure(
            name="bound",
            unit=plan.outcome_unit,
            value=rounded(points[place.found]),
            low=rounded(points[place.low]),
            high=rounded(points[place.high]),
            noise_sd=None,
            sampling_se=None,
        ),
        *_people(plan, people, place.found + 1, noise_sd),
    )


def locate(people: Sequence[int], share: float, noise_sd: float, level: float) -> Place:
    """Return where noisy `people` per cell reach `share` of all, and an interval of that place.

    `found` is the first j with D_j >= 0. With z sd_j the half width of D_j's own interval, `low`
    is the first j with D_j >= -z sd_j, and `high` is one after the last j with D_j < z sd_j.
    The true place t lies below `low` only if D_t, truly >= 0, is below -z sd_t; above `high`
    only if D_{t-1}, truly < 0, is at least z sd_{t-1}. Each is one event of one number, so the
    interval covers t at `level` however fine the grid is.
    """
    total, last = sum(people), len(people) - 1
    reached, excess, halves = 0, [], []
    for j, count in enumerate(people[:-1], start=1):
        reached += count
        spread = (1 - share) ** 2 * j + share**2 * (len(people) - j)
        excess.append(reached - share * total)
        halves.append(quantile(level) * noise_sd * math.sqrt(spread))
    bounds = list(zip(excess, halves, strict=True))
    below = [j for j, (d, half) in enumerate(bounds) if d < half]
    return Place(
        found=next((j for j, d in enumerate(excess) if d >= 0), last),
        low=next((j for j, (d, half) in enumerate(bounds) if d >= -half), last),
        high=below[-1] + 1 if below else 0,
    )


def _people(
    plan: Plan, people: Sequence[int], within: int, noise_sd: float
) -> tuple[Figure, Figure, Figure]:
    """Return all people, those above the bound and their share, unless they are too few to tell."""
    total = _sum(people, noise_sd)
    above = _sum(people[within:], noise_sd)
    everybody = counted("people", "people", sum(people), noise_sd, plan.level, len(people))
    if above.value < plan.line:
        return (
            everybody,
            undefined("people_above", "people", _FEW_ABOVE),
            undefined("share_above", "share", _FEW_ABOVE),
        )
    return (
        everybody,
        counted("people_above", "people", above.value, noise_sd, plan.level, len(people) - within),
        figure("share_above", "share", _part(above, total), plan.level, sampled=False),
    )


def _sum(counts: Sequence[int], noise_sd: float) -> Estimate:
    return Estimate(value=sum(counts), noise_variance=noise_sd**2 * len(counts))


def _part(above: Estimate, total: Estimate) -> Estimate:
    """Return above / (above + below), whose parts are independent where the wholes are not."""
    below = Estimate(
        value=total.value - above.value,
        noise_variance=total.noise_variance - above.noise_variance,
    )
    share = above.value / total.value
    spread = (1 - share) ** 2 * above.noise_variance + share**2 * below.noise_variance
    return Estimate(value=share, noise_variance=spread / total.value**2)

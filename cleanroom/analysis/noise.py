"""From the engine's exact integers to the noisy ones of a plan; nothing exact goes further.

Must not know what the statistics mean. Every integer the plan names gets its own fresh noise,
cells without people included.
"""

from __future__ import annotations

from cleanroom.analysis.plan import Plan, StatisticPlan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.mechanism import DiscreteGaussian

# What a number of canonical JSON holds. Without the clamp a sum beyond it could be debited and
# never be answered; noisy numbers are public, so that the clamp costs nothing.
MOST = 2**53 - 1


def add_noise(plan: Plan, exact: Statistics) -> Statistics:
    """Return `exact`, of every cell, with the noise of `plan`, then within +-2^53.

    Raises AssertionError when the engine gave other statistics, or another number of cells, than
    planned: noise is charged for exactly those.
    """
    return _with_noise(plan.statistics, len(plan.cells) * max(1, len(plan.strata)), exact)


def add_pooled_noise(plan: Plan, exact: Statistics) -> Statistics:
    """Return the pooled statistics of a first stage with their noise; raises as `add_noise`."""
    return _with_noise(plan.pooled, 1, exact)


def _with_noise(statistics: tuple[StatisticPlan, ...], cells: int, exact: Statistics) -> Statistics:
    scales = {name: s.scale for s in statistics for name in s.released}
    if set(exact.values) != set(scales):
        raise AssertionError("the engine returned other statistics than planned")
    if {len(v) for v in exact.values.values()} != {cells}:
        raise AssertionError("the engine returned another number of cells than planned")
    return Statistics(values={n: _noisy(scale, exact.values[n]) for n, scale in scales.items()})


def _noisy(scale: float, values: tuple[int, ...]) -> tuple[int, ...]:
    noisy = DiscreteGaussian(scale).add_noise(values)
    return tuple(min(max(value, -MOST), MOST) for value in noisy)

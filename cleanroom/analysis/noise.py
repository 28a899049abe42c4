"""From the engine's exact integers to the noisy ones of a plan; nothing exact goes further.

Must not know what the statistics mean. Every integer the plan names gets its own fresh noise,
cells without people included.
"""

from __future__ import annotations

from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.mechanism import DiscreteGaussian

# What a number of canonical JSON holds. Without the clamp a sum beyond it could be debited and
# never be answered; noisy numbers are public, so that the clamp costs nothing.
MOST = 2**53 - 1


def add_noise(plan: Plan, exact: Statistics) -> Statistics:
    """Return `exact` with the noise of `plan`, then within +-2^53.

    Raises AssertionError when the engine gave other statistics, or another number of cells, than
    planned: noise is charged for exactly those.
    """
    if set(exact.values) != set(plan.released):
        raise AssertionError("the engine returned other statistics than planned")
    if {len(v) for v in exact.values.values()} != {len(plan.cells)}:
        raise AssertionError("the engine returned another number of cells than planned")
    return Statistics(
        values={
            name: _noisy(plan.statistic(name).scale, exact.values[name]) for name in plan.released
        }
    )


def _noisy(scale: float, values: tuple[int, ...]) -> tuple[int, ...]:
    noisy = DiscreteGaussian(scale).add_noise(values)
    return tuple(min(max(value, -MOST), MOST) for value in noisy)

"""Between the two stages of an adjustment: theta and the clip, from noisy moments alone.

Must not know exact values: what it reads was released, so what it decides costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.lift import numbers_of
from cleanroom.analysis.lift_arms import Arm
from cleanroom.analysis.lift_before import pooled_arm, theta_of
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import ARMS, THETA_ONE, ExactRequest, Residual

_LEAST_PEOPLE = 3  # whose logarithm is above one
_NOISE_SHARE = 0.1  # tau: 5 % of a standard error


def is_two_stage(plan: Plan) -> bool:
    """Return whether something is released before the cells are."""
    return bool(plan.pooled)


def pooled_request(request: ExactRequest) -> ExactRequest:
    """Return what the first stage asks of the engine."""
    return replace(request, pooled=True)


def residual_request(request: ExactRequest, residual: Residual) -> ExactRequest:
    """Return what the second stage asks of the engine."""
    return replace(request, residual=residual, square_unit=square_unit(residual.bound))


def residual_of(plan: Plan, pooled: Mapping[str, int]) -> Residual:
    """Return theta and the clip of the residuals r = y - theta x.

        clip = |m_r| + c sqrt(s_r^2 + sd of its noise)
        c = max( sqrt(2 ln n), sqrt(tau n_a) / sigma_1 )

    with n people in all, n_a in an arm of a cell if they were spread evenly, and sigma_1 the
    noise of a sum clipped at one. Among n normal residuals about one lies beyond the first c. The
    second is the widest clip whose noise adds at most a share tau to the variance of chance: as
    it grows with sqrt(n), so does what is left uncut of any tail, and no bias grows with n. With
    few people the noise of s_r^2 widens the clip up to the outcome's own bound, as planned.
    """
    widest = max(plan.bound, -plan.low)
    if pooled["n:pooled"] < plan.line:  # nothing will be shown: any clip will do
        return Residual(theta=0, bound=widest)
    everybody = pooled_arm(numbers_of(plan, pooled))
    theta = round(theta_of(everybody) * THETA_ONE)
    return Residual(theta=theta, bound=_clip(plan, everybody, theta / THETA_ONE))


def _clip(plan: Plan, everybody: Arm, theta: float) -> int:
    widest = max(plan.bound, -plan.low)
    people = max(_LEAST_PEOPLE, everybody.people.value)
    noise_at_one = plan.statistic(f"s:{ARMS[0]}").noise_sd / widest
    affordable = math.sqrt(_NOISE_SHARE * people / (len(ARMS) * len(plan.cells))) / noise_at_one
    reach = max(math.sqrt(2 * math.log(people)), affordable)
    middle = abs(everybody.mean("s").value - theta * everybody.mean("x").value)
    spread = math.sqrt(max(0.0, everybody.residual(theta)) + everybody.residual_noise(theta))
    return max(1, min(math.ceil(middle + reach * spread), widest))

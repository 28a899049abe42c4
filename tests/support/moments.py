"""Exact statistics of a lift by numpy, where thousands of experiments are too many for an engine.

Written from analysis/lift_kinds.py; tests/contract hold the engine to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.lift_kinds import Part, weights
from cleanroom.analysis.noise import add_noise, add_pooled_noise
from cleanroom.analysis.plan import with_residual
from cleanroom.analysis.request import THETA_ONE, Statistics
from cleanroom.analysis.two_stage import residual_of

ARMS = ("control", "test")


@dataclass(frozen=True)
class People:
    """One array for each thing known of a person; amounts are integers within their bounds."""

    arm: np.ndarray
    y: np.ndarray
    x: np.ndarray | None = None
    exposed: np.ndarray | None = None
    w: np.ndarray | None = None


def _rooted(values, unit):
    return (values + unit // 2) // unit


def _sum(people, kind, unit):
    y, x = people.y, people.x
    match kind:
        case "n":
            return np.ones_like(y)
        case "e":
            return people.exposed
        case "s":
            return y
        case "r":
            return y * people.exposed
        case "x":
            return x
        case "w":
            return people.w
        case "q":
            return _rooted(y, unit) ** 2
        case "qx":
            return _rooted(x, unit) ** 2
        case "px":
            return _rooted(y, unit) * _rooted(x, unit)


def by_arm(question, people, unit) -> Statistics:
    """Return each kind for each arm, of one cell."""
    found = {}
    for code, arm in enumerate(ARMS):
        here = people.arm == code
        for kind in weights(question):
            found[f"{kind}:{arm}"] = (int(_sum(people, kind, unit)[here].sum()),)
    return Statistics(values=found)


def pooled(question, people, unit) -> Statistics:
    kinds = weights(question, Part.POOLED)
    return Statistics(values={f"{k}:pooled": (int(_sum(people, k, unit).sum()),) for k in kinds})


def residuals(people, residual) -> People:
    """Return the people with clipped residuals as their outcome."""
    whole = (people.y * THETA_ONE - people.x * residual.theta + THETA_ONE // 2) // THETA_ONE
    inside = np.clip(whole, -residual.bound, residual.bound)
    wider = np.clip(whole, -2 * residual.bound, 2 * residual.bound)
    return People(arm=people.arm, y=inside, w=wider - inside)


def released(planned, people):
    """Return the figures of one release, by name, through noise and estimate."""
    noisy = add_noise(planned, by_arm(planned.question, people, planned.square_unit))
    return _figures(planned, noisy, {})


def released_in_two_stages(planned, allowance, nano_rho, people):
    """The same for an adjustment in two stages."""
    first = add_pooled_noise(planned, pooled(planned.question, people, planned.square_unit))
    told = {name: value for name, (value,) in first.values.items()}
    residual = residual_of(planned, told)
    narrowed = with_residual(planned, allowance, nano_rho, residual)
    second = by_arm(planned.question, residuals(people, residual), square_unit(residual.bound))
    return _figures(narrowed, add_noise(narrowed, second), told)


def _figures(planned, noisy, told):
    (cell,) = estimate(planned, noisy, told)
    assert not cell.suppressed, "choose more people"
    return {f.name: f for f in cell.figures}

"""Many releases of one plan at once, for experiments; must not know which question it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.noise import add_noise
from cleanroom.analysis.plan import Plan, plan
from cleanroom.analysis.request import Statistics
from cleanroom.model.allowance import Allowance
from cleanroom.model.measurement import Figure
from cleanroom.privacy.loss import NANO

LOSS = NANO // 10

Truth = float | np.ndarray
Figures = list[dict[str, Figure]]


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


def fixed(exact: Mapping[str, int], truths: Mapping[str, Truth]) -> Callable:
    """Return a run over the same people each time: all chance is noise."""

    def run(allowance: Allowance, count: int) -> tuple[Figures, dict[str, Truth]]:
        columns = {name: np.full(count, value) for name, value in exact.items()}
        return released(plan(allowance, loss(allowance)), columns, count), truths

    return run

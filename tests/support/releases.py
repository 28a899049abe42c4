"""Many releases at once: the replications of an experiment stand in the cells of one plan."""

from __future__ import annotations

from dataclasses import replace

from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.noise import add_noise
from cleanroom.analysis.request import Statistics


def release(plan, exact):
    """Return one dict of figures a replication; `exact` maps names to (replications,) integers."""
    count = len(next(iter(exact.values())))
    wide = replace(plan, cells=tuple((str(i),) for i in range(count)))
    values = {name: tuple(int(v) for v in column) for name, column in exact.items()}
    cells = estimate(wide, add_noise(wide, Statistics(values=values)))
    assert not any(cell.suppressed for cell in cells), "choose more people"
    return [{f.name: f for f in cell.figures} for cell in cells]


def coverage(figures, truth) -> float:
    """Return the share of intervals that contain the truth, of those that are defined."""
    defined = [f for f in figures if f.value is not None]
    assert len(defined) * 2 > len(figures), "too few defined to judge"
    return sum(f.low <= truth <= f.high for f in defined) / len(defined)

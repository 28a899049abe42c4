"""A released measurement beside exact statistics, integer by integer; nothing of it is shown.

Must not know who asks, or where either is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cleanroom.analysis.estimate import places_of_a_cell
from cleanroom.analysis.noise import MOST
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import Statistics
from cleanroom.privacy.plausibility import Trial


def trials_of(plan: Plan, exact: Statistics, measurement: Mapping[str, Any]) -> tuple[Trial, ...]:
    """Return one trial for each integer of the cells of `plan`, withheld ones included.

    Raises ValueError where the measurement has not the form that the plan gives it.
    """
    cells = measurement["cells"]
    if len(cells) != len(plan.cells):
        raise ValueError("it has another number of cells than its question")
    return tuple(
        trial
        for index, cell in enumerate(cells)
        for trial in _trials_of_a_cell(plan, exact, index, dict(cell["statistics"]))
    )


def pooled_trials(
    plan: Plan, exact: Statistics, pooled: Mapping[str, int | None]
) -> tuple[Trial, ...]:
    """Return one trial for each statistic of a first stage; raises ValueError as `trials_of`."""
    names = [name for s in plan.pooled for name in s.released]
    if set(pooled) != set(names):
        raise ValueError("its first stage has other statistics than its question")
    return tuple(
        _trial(exact.values[name][0], pooled[name], plan.statistic(name).scale) for name in names
    )


def states_the_plan(plan: Plan, measurement: Mapping[str, Any]) -> bool:
    """Return whether the effective parameters that a measurement states are the plan's own."""
    stated = [(p["name"], p["scale"], p["contribution_bound"]) for p in measurement["parameters"]]
    return stated == [(p.name, p.scale, p.contribution_bound) for p in plan.parameters]


def _trials_of_a_cell(
    plan: Plan, exact: Statistics, index: int, released: Mapping[str, int | None]
) -> Iterator[Trial]:
    places: Sequence[tuple[str, str, int]] = tuple(places_of_a_cell(plan, index))
    if set(released) != {name for name, _, _ in places}:
        raise ValueError("a cell has other statistics than its question")
    for name, statistic, position in places:
        scale = plan.statistic(statistic).scale
        yield _trial(exact.values[statistic][position], released[name], scale)


def _trial(exact: int, released: int | None, scale: float) -> Trial:
    # A value at the clamp says only that it lies beyond: it is read as withheld.
    told = None if released is None or abs(released) >= MOST else released
    return Trial(exact=exact, released=told, scale=scale)

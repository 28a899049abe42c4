"""Whole runs of a question in process, and many cheap draws of what only noise makes different.

Must not know what is claimed of them. A whole run goes the service's own way: rows are uploaded,
sealed, matched, counted, noised and estimated; the exact integers are overheard where they are
handed to the noise. Draws repeat what comes after: noise of all replications at once, as if they
were cells of one release, then the estimate of each.
A lift adjusted in two stages asks for noise twice, and what the second stage sums follows from
the first one's noisy numbers. All worlds of a case are given one outcome of the first stage, so
that all ask the second for the same, and what the two stages tell is what they tell together. It
is an outcome that noise may bring, and the one after which the second stage can do most harm.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleanroom.analysis import noise as noising
from cleanroom.analysis.plan import Plan, StatisticPlan
from cleanroom.analysis.request import Statistics
from cleanroom.model.measurement import CellResult
from cleanroom.model.question import Question, SegmentSize
from cleanroom.usecases import compute
from privacy.cases import Case
from privacy.neighbours import Neighbour, World, base, rows_of
from support.rooms import DAY, Room

ASKER = "acme-brand"
_TOGETHER = 1_000  # releases estimated at once
_request_ids = (f"proof-{i:08}" for i in itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one answer was made of and what it said; `outcome` is what a first stage released."""

    plan: Plan
    exact: Statistics
    measurement: dict[str, Any]
    receipt: bytes
    pooled: Statistics = field(default_factory=lambda: Statistics(values={}))
    outcome: Mapping[str, int] = field(default_factory=dict)

    @property
    def statistics(self) -> tuple[StatisticPlan, ...]:
        """The plans of the statistics of all stages."""
        return (*self.plan.pooled, *self.plan.statistics)

    @property
    def integers(self) -> dict[str, tuple[int, ...]]:
        """The exact integers of all stages."""
        return self.pooled.values | self.exact.values

    def wide(self, count: int) -> tuple[Plan, Statistics]:
        """Return the plan and the exact integers `count` times over, in cells of one release."""
        plan = replace(self.plan, cells=self.plan.cells * count)
        return plan, Statistics(values={n: v * count for n, v in self.exact.values.items()})


def open_room(policy: str, world: World) -> Room:
    """Return a service that has sealed the datasets of a world that its policy declares."""
    room = Room.open(Path(tempfile.mkdtemp()), policy, in_memory=True)
    declared = [d.schema.name for d in room.policy.datasets]
    room.fill(**{name: rows_of(world, name) for name in declared if name in world})
    return room


class _Ear:
    """Overhears plans and exact integers on their way to the noise of each stage.

    With an `outcome` the first stage is not drawn: it releases that.
    """

    def __init__(self, patch: pytest.MonkeyPatch, outcome: Mapping[str, int] | None) -> None:
        self.second: list[tuple[Plan, Statistics]] = []
        self.first: list[tuple[Statistics, Statistics]] = []
        noise, pooled_noise = compute.add_noise, compute.add_pooled_noise

        def add_noise(plan: Plan, exact: Statistics) -> Statistics:
            self.second.append((plan, exact))
            return noise(plan, exact)

        def add_pooled_noise(plan: Plan, exact: Statistics) -> Statistics:
            noisy = pooled_noise(plan, exact)
            if outcome is not None:
                noisy = Statistics(values={name: (outcome[name],) for name in noisy.values})
            self.first.append((exact, noisy))
            return noisy

        patch.setattr(compute, "add_noise", add_noise)
        patch.setattr(compute, "add_pooled_noise", add_pooled_noise)


def ask(
    room: Room, question: Question, *, outcome: Mapping[str, int] | None = None, **loss: object
) -> Run:
    """Ask as the advertiser, perhaps with a given outcome of the first of two stages."""
    with pytest.MonkeyPatch.context() as patch:
        ear = _Ear(patch, outcome)
        receipt = room.ask(ASKER, question, next(_request_ids), **loss)
    ((plan, exact),) = ear.second
    measurement = json.loads(room.verified(receipt).measurement)
    found = Run(plan=plan, exact=exact, measurement=measurement, receipt=receipt)
    if not plan.pooled:
        return found
    ((pooled, noisy),) = ear.first
    released = {name: value for name, (value,) in noisy.values.items()}
    return replace(found, pooled=pooled, outcome=released)


def run(case: Case, neighbour: Neighbour | None = None) -> Run:
    """Return one whole run of a case in the larger world, or in the smaller one of a neighbour."""
    outcome = dict(case.outcome) or None
    return ask(room_of(case.policy, neighbour), case.question, outcome=outcome, rho=case.rho)


@cache
def known(case: Case, neighbour: Neighbour | None = None) -> Run:
    """Return `run`, the first of this process: for its exact integers, which do not change."""
    return run(case, neighbour)


@lru_cache(maxsize=128)
def _sealed(policy: str, neighbour: Neighbour | None) -> Room:
    return open_room(policy, base() if neighbour is None else neighbour.of(base()))


def room_of(policy: str, neighbour: Neighbour | None = None) -> Room:
    """Return a room that keeps its sealed data and asks on another day than any before."""
    room = _sealed(policy, neighbour)
    room.service.clock.now += DAY
    return room


def draws(run_: Run, count: int) -> np.ndarray:
    """Return (count, features) of `count` releases: all that each would have told.

    Features are each cell's noisy statistics and figures, and whether it was suppressed, and what
    a first stage tells; what a release withholds is NaN.
    """
    plan, exact = run_.wide(count)
    noisy = compute.add_noise(plan, exact).values
    size = len(exact.values[plan.released[0]]) // count
    together = 1 if isinstance(run_.plan.question, SegmentSize) else _TOGETHER
    told = [
        features
        for start in range(0, count, together)
        for features in _told(run_, noisy, start, min(together, count - start), size)
    ]
    first = [draw[:count] for draw in _pooled_draws(run_, count).values()]
    return np.column_stack([np.array(told, dtype=float), *first])


def noise_of(run_: Run, count: int) -> dict[str, np.ndarray]:
    """Return the noise of each statistic, over all cells of at least `count` cells of answers."""
    plan, exact = run_.wide(-(-count // len(run_.plan.cells)))
    noisy = compute.add_noise(plan, exact)
    cells = {n: np.array(noisy.values[n]) - np.array(exact.values[n]) for n in plan.released}
    pooled = _pooled_draws(run_, count)
    return cells | {n: pooled[n] - run_.pooled.values[n][0] for n in pooled}


def _pooled_draws(run_: Run, count: int) -> dict[str, np.ndarray]:
    """Return `count` draws of each number of a first stage, if there is one."""
    exact = Statistics(values={n: v * count for n, v in run_.pooled.values.items()})
    if not exact.values:
        return {}
    noisy = noising._with_noise(run_.plan.pooled, count, exact)
    return {name: np.array(values) for name, values in noisy.values.items()}


def _told(
    run_: Run, noisy: Mapping[str, tuple[int, ...]], start: int, count: int, size: int
) -> Iterator[list[float | None]]:
    """Yield the features of `count` releases from one on, each of `size` integers a statistic.

    Estimated as cells of one release, which costs half as much; but what tells sums over its
    cells must be estimated alone.
    """
    plan, _ = run_.wide(count)
    ends = slice(start * size, (start + count) * size)
    values = {name: column[ends] for name, column in noisy.items()}
    cells = compute.estimate(plan, Statistics(values=values), run_.outcome)
    each = len(run_.plan.cells)
    for at in range(0, len(cells), each):
        yield [feature for cell in cells[at : at + each] for feature in _features(cell)]


def _features(result: CellResult) -> list[float | None]:
    statistics = [value for _, value in result.statistics]
    figures = [figure.value for figure in result.figures]
    return [*statistics, *figures, float(result.suppressed)]

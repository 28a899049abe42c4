"""Whole runs of a question in process, and many cheap draws of what only noise makes different.

Must not know what is claimed of them. A whole run goes the service's own way: rows are uploaded,
sealed, matched, counted, noised and estimated; the exact integers are overheard where they are
handed to the noise. Draws repeat what comes after: noise of all replications at once, as if they
were cells of one release, then the estimate of each.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import Statistics
from cleanroom.model.measurement import CellResult
from cleanroom.model.question import Question
from cleanroom.usecases import compute
from privacy.cases import Case
from privacy.neighbours import Neighbour, World, base, rows_of
from support.rooms import DAY, Room

ASKER = "acme-brand"
_request_ids = (f"proof-{i:08}" for i in itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one answer was made of and what it said."""

    plan: Plan
    exact: Statistics
    measurement: dict[str, Any]
    receipt: bytes

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


def ask(room: Room, question: Question, **loss: object) -> Run:
    """Ask as the advertiser; overhear the plan and the exact integers on their way to the noise."""
    heard: list[tuple[Plan, Statistics]] = []
    noise = compute.add_noise

    def overhear(plan: Plan, exact: Statistics) -> Statistics:
        heard.append((plan, exact))
        return noise(plan, exact)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "add_noise", overhear)
        receipt = room.ask(ASKER, question, next(_request_ids), **loss)
    ((plan, exact),) = heard
    measurement = json.loads(room.verified(receipt).measurement)
    return Run(plan=plan, exact=exact, measurement=measurement, receipt=receipt)


def run(case: Case, neighbour: Neighbour | None = None) -> Run:
    """Return one whole run of a case in the larger world, or in the smaller one of a neighbour."""
    return ask(room_of(case.policy, neighbour), case.question, rho=case.rho)


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

    Features are each cell's noisy statistics and figures, and whether it was suppressed; what a
    release withholds is NaN.
    """
    plan, exact = run_.wide(count)
    noisy = compute.add_noise(plan, exact).values
    size = len(exact.values[plan.released[0]]) // count
    return np.array([_told(run_.plan, noisy, i * size, size) for i in range(count)], dtype=float)


def noise_of(run_: Run, count: int) -> dict[str, np.ndarray]:
    """Return the noise of each statistic, over all cells of at least `count` cells of answers."""
    plan, exact = run_.wide(-(-count // len(run_.plan.cells)))
    noisy = compute.add_noise(plan, exact)
    return {n: np.array(noisy.values[n]) - np.array(exact.values[n]) for n in plan.released}


def _told(
    plan: Plan, noisy: Mapping[str, tuple[int, ...]], start: int, size: int
) -> list[float | None]:
    """Return the features of the release whose integers begin at `start`."""
    values = {name: column[start : start + size] for name, column in noisy.items()}
    cells = compute.estimate(plan, Statistics(values=values))
    return [feature for cell in cells for feature in _features(cell)]


def _features(result: CellResult) -> list[float | None]:
    statistics = [value for _, value in result.statistics]
    figures = [figure.value for figure in result.figures]
    return [*statistics, *figures, float(result.suppressed)]

"""Noisy statistics can always be written down."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import combinations

import numpy as np
import pytest

from cleanroom.analysis.canonical import canonical_json
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.noise import add_noise
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from support.allowances import match_rate, sales_lift

CELLS = 5_000
SIX_SD = 6.0  # a false alarm in less than one of 10^8 runs for each figure


@pytest.mark.parametrize("exact", [2**62, 2**53, 10**6, 0, -(2**62)])
def test_every_sum_that_was_paid_for_has_a_canonical_form(exact):
    planned = plan(sales_lift(bound=2**30), 1_000_000)
    values = {n: (10**6 if n.startswith("n:") else exact,) for n in planned.released}
    noisy = add_noise(planned, Statistics(values=values))
    for cell in estimate(planned, noisy):
        assert canonical_json({"cell": asdict(cell)})
    assert all(abs(v) < 2**53 for values in noisy.values.values() for v in values)


PLANNED = {
    "match rate": plan(match_rate(), 4_000_000),
    "amount": plan(sales_lift(), 4_000_000),
    "buyers": plan(sales_lift("buyers", bound=1), 4_000_000),
}


def _noise(planned):
    """Return the noise of each statistic over many cells, in units of its planned scale."""
    wide = replace(planned, cells=planned.cells * CELLS)
    exact = Statistics(values=dict.fromkeys(wide.released, (1_000,) * CELLS))
    noisy = add_noise(wide, exact).values
    return {n: (np.array(v) - 1_000.0) / planned.statistic(n).scale for n, v in noisy.items()}


@pytest.mark.parametrize("planned", PLANNED.values(), ids=PLANNED.keys())
def test_every_statistic_gets_the_noise_that_its_debit_was_made_for(planned):
    for name, noise in _noise(planned).items():
        assert abs(noise.mean()) < SIX_SD / CELLS**0.5, name
        # The sample variance of n normal draws has a relative sd of sqrt(2 / n).
        assert abs(noise.var() - 1) < SIX_SD * (2 / CELLS) ** 0.5, name


@pytest.mark.parametrize("planned", PLANNED.values(), ids=PLANNED.keys())
def test_no_noise_is_used_twice(planned):
    first, again = _noise(planned), _noise(planned)
    draws = [*first.values(), *again.values(), *(np.roll(v, 1) for v in first.values())]
    for one, other in combinations(draws, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < SIX_SD / CELLS**0.5

"""Noisy statistics can always be written down."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from cleanroom.analysis.canonical import canonical_json
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.noise import add_noise
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from support.allowances import sales_lift


@pytest.mark.parametrize("exact", [2**62, 2**53, 10**6, 0, -(2**62)])
def test_every_sum_that_was_paid_for_has_a_canonical_form(exact):
    planned = plan(sales_lift(bound=2**30), 1_000_000)
    values = {n: (10**6 if n.startswith("n:") else exact,) for n in planned.released}
    noisy = add_noise(planned, Statistics(values=values))
    for cell in estimate(planned, noisy):
        assert canonical_json({"cell": asdict(cell)})
    assert all(abs(v) < 2**53 for values in noisy.values.values() for v in values)

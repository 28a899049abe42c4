"""Slopes against small steps, and variances against a simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.traced import Errors, known, statistic, total

numbers = st.floats(0.5, 50)


def formula(a, b, c):
    return (a - b) / (a + c) * b + a.times(3) - known(2)


@given(a=numbers, b=numbers, c=numbers)
def test_slopes_are_what_a_small_step_shows(a, b, c):
    start = {"a": a, "b": b, "c": c}
    found = formula(*(statistic(n, v) for n, v in start.items()))
    for name, slope in found.slopes.items():
        step = 1e-6 * start[name]
        ends = [
            formula(*(statistic(n, v + sign * step * (n == name)) for n, v in start.items())).value
            for sign in (1, -1)
        ]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_a_statistic_that_cancels_brings_no_error():
    a, b = statistic("a", 5.0), statistic("b", 3.0)
    errors = Errors(noise={"a": 4.0, "b": 9.0}, chance={})

    assert errors.estimate(a + b - a).noise_variance == 9.0
    assert errors.covariance(a, b) == 0.0
    assert errors.covariance(a + b, b.times(2)) == 18.0


def test_variances_are_those_of_a_simulation():
    draw = np.random.default_rng(1)
    chance = np.array([[4.0, 1.5], [1.5, 9.0]])
    s, v = draw.multivariate_normal([1_000, 400], chance, 200_000).T
    s, v = s + draw.normal(0, 3, s.size), v + draw.normal(0, 2, v.size)
    names = ("s", "v")
    errors = Errors(
        noise={"s": 9.0, "v": 4.0},
        chance={(a, b): chance[i, j] for i, a in enumerate(names) for j, b in enumerate(names)},
    )
    found = errors.estimate(statistic("s", 1_000) / statistic("v", 400))

    assert math.sqrt(found.variance) == pytest.approx(np.std(s / v), rel=0.01)
    assert found.noise_variance < found.variance


def test_a_total_of_nothing_is_zero():
    assert total([]).value == 0
    with pytest.raises(ZeroDivisionError):
        known(1.0) / total([])

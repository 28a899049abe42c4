"""Intervals against textbook numbers and against each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.privacy.intervals import (
    Estimate,
    fieller,
    fieller_g,
    p_value,
    quantile,
    ratio,
)


def test_the_quantile_of_95_percent_is_the_known_one():
    assert quantile(0.95) == pytest.approx(1.959963984540054)


def test_an_interval_carries_both_variances():
    both = Estimate(value=10, noise_variance=9, sampling_variance=16)

    assert both.interval(0.95) == pytest.approx((10 - 1.959964 * 5, 10 + 1.959964 * 5))


def test_a_difference_adds_each_variance():
    left = Estimate(value=5, noise_variance=1, sampling_variance=2)
    right = Estimate(value=3, noise_variance=10, sampling_variance=20)

    assert left.minus(right) == Estimate(value=2, noise_variance=11, sampling_variance=22)


def test_a_p_value_is_that_of_the_normal_table():
    assert p_value(Estimate(value=1.959963984540054, noise_variance=1)) == pytest.approx(0.05)
    assert p_value(Estimate(value=0, noise_variance=1)) == 1
    assert p_value(Estimate(value=0, noise_variance=0)) == 1


def test_a_ratio_has_the_variance_of_the_delta_method():
    found = ratio(Estimate(value=20, noise_variance=4), Estimate(value=50, noise_variance=25))

    assert found.value == 0.4
    assert found.noise_variance == pytest.approx((4 + 0.16 * 25) / 2500)
    assert found.sampling_variance == 0


@given(
    top=st.floats(-50, 50),
    top_variance=st.floats(0.01, 9),
    bottom=st.floats(20, 50),
    bottom_variance=st.floats(0.01, 2),
)
def test_the_ends_of_fieller_are_where_the_difference_is_just_significant(
    top, top_variance, bottom, bottom_variance
):
    a = Estimate(value=top, noise_variance=top_variance)
    b = Estimate(value=bottom, noise_variance=0, sampling_variance=bottom_variance)

    for end in fieller(a, b, 0.95):
        distance = abs(top - end * bottom)
        assert distance == pytest.approx(
            quantile(0.95) * math.sqrt(top_variance + end**2 * bottom_variance), rel=1e-6
        )


@pytest.mark.parametrize("value", [0.0, 6.0, -100.0])
def test_fieller_refuses_a_denominator_that_may_be_zero_or_is_negative(value):
    with pytest.raises(ValueError, match="uncertain"):
        fieller(Estimate(value=1, noise_variance=1), Estimate(value=value, noise_variance=1), 0.95)


def test_g_is_the_squared_relative_half_width():
    assert fieller_g(Estimate(value=10, noise_variance=1), 0.95) == pytest.approx(0.0384146)
    assert fieller_g(Estimate(value=0, noise_variance=1), 0.95) == math.inf

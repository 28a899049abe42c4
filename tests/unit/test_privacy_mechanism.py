"""The door to OpenDP: what it refuses, what it never forgets, and exact loss arithmetic."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.privacy import mechanism
from cleanroom.privacy.mechanism import CLAMP, DiscreteGaussian, scale_for


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan"), 1e-200, 1e300])
def test_a_scale_without_a_finite_loss_is_refused(scale):
    with pytest.raises(ValueError, match="noise scale"):
        DiscreteGaussian(scale)


@pytest.mark.parametrize(
    ("squared", "rho"), [(0, Fraction(1)), (1, Fraction(0)), (1, Fraction(-1))]
)
def test_noise_for_no_loss_or_no_sensitivity_is_refused(squared, rho):
    with pytest.raises(ValueError, match="above zero"):
        scale_for(squared, rho)


@given(scale=st.floats(0.1, 1e13))
def test_the_loss_is_exact_and_never_below_the_theorem_or_the_library(scale):
    noise = DiscreteGaussian(scale)

    assert isinstance(noise.rho_per_unit, Fraction)
    assert noise.rho_per_unit >= 1 / (2 * Fraction(scale) ** 2)
    assert noise.rho_per_unit >= Fraction(mechanism._measurement(scale).map(1))


@given(
    squared=st.integers(1, 8 * 2**60),
    rho=st.fractions(Fraction(1, 10**9), 100, max_denominator=10**9),
)
def test_the_scale_for_a_loss_costs_no_more_and_hardly_less(squared, rho):
    scale = scale_for(squared, rho)
    cost = squared * DiscreteGaussian(scale).rho_per_unit

    assert (1 - Fraction(1, 10**12)) * rho <= cost <= rho


@given(values=st.lists(st.integers(-(2**80), 2**80), max_size=20))
def test_noise_keeps_the_length_and_clamps_what_would_overflow(values):
    noisy = DiscreteGaussian(2.0).add_noise(values)

    assert len(noisy) == len(values)
    clamped = [min(max(v, -CLAMP), CLAMP) for v in values]
    assert all(abs(a - b) < 60 for a, b in zip(noisy, clamped, strict=True))


def test_equal_values_get_different_noise():
    noisy = DiscreteGaussian(1e9).add_noise([0] * 100)

    assert len(set(noisy)) == 100


def test_a_second_release_gets_fresh_noise():
    noise = DiscreteGaussian(1e9)

    assert noise.add_noise([7] * 5) != noise.add_noise([7] * 5)


def test_more_features_than_contrib_stop_every_release(monkeypatch):
    monkeypatch.setattr(mechanism, "GLOBAL_FEATURES", {"contrib", "honest-but-curious"})

    with pytest.raises(AssertionError, match="features"):
        DiscreteGaussian(1.0)


def test_backtraces_switched_on_stop_every_release(monkeypatch):
    monkeypatch.setenv("RUST_BACKTRACE", "1")

    with pytest.raises(AssertionError, match="RUST_BACKTRACE"):
        DiscreteGaussian(1.0)


def test_importing_the_door_enables_contrib_alone_and_no_backtraces():
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import os, cleanroom.privacy.mechanism as m;"
                "print(sorted(m.GLOBAL_FEATURES), os.environ['RUST_BACKTRACE'])"
            ),
        ],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"RUST_BACKTRACE": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert told.stdout.split() == ["['contrib']", "0"]

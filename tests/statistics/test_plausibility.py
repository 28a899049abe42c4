"""One bit about noise: honest noise passes, with the probability claimed; wrong noise does not."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from cleanroom.privacy import plausibility
from cleanroom.privacy.mechanism import DiscreteGaussian
from cleanroom.privacy.plausibility import Oddity, Trial, oddities

SCALES = (0.3, 1.0, 7.5, 1000.0)


def released(exact, scale, *, noise=None, line=None, shift=0):
    """Return the trials of one release: noise of `noise` where `scale` is stated."""
    drawn = DiscreteGaussian(noise or scale).add_noise(exact)
    told = [v + shift for v in drawn]
    if line is not None:
        told = [None if v < line else v for v in told]
    return tuple(Trial(exact=e, released=v, scale=scale) for e, v in zip(exact, told, strict=True))


def people(count, seed=1):
    numbers = random.Random(seed)
    return [numbers.randint(0, 200) for _ in range(count)]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("count", [1, 7, 60])
def test_honest_noise_is_plausible(scale, count):
    exact = people(count)
    for _ in range(25):
        assert oddities(released(exact, scale)) == ()
        # Few people and a line: only those whose noise lifted them are seen.
        assert oddities(released([0] * count, scale, line=math.ceil(2 * scale))) == ()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("withheld", [False, True])
def test_the_chance_of_a_false_alarm_is_below_what_is_claimed(monkeypatch, scale, withheld):
    monkeypatch.setattr(plausibility, "ALPHA", Fraction(1, 5))
    line = math.ceil(scale / 2) if withheld else None
    runs = 400
    alarms = sum(bool(oddities(released([0] * 12, scale, line=line))) for _ in range(runs))
    # Five standard errors above the claim.
    assert alarms / runs <= 0.2 + 5 * math.sqrt(0.2 * 0.8 / runs)


@pytest.mark.parametrize("oddity", Oddity)
def test_with_a_claim_that_is_no_claim_every_check_does_alarm(monkeypatch, oddity):
    """The test above would pass for a check that never fires."""
    monkeypatch.setattr(plausibility, "ALPHA", Fraction(4 * 10**6))
    found = {o for _ in range(50) for o in oddities(released([0] * 12, 7.5))}
    assert oddity in found


@pytest.mark.parametrize(
    ("what", "count", "expected"),
    [
        ({"noise": 15.0}, 150, Oddity.TOO_FAR),
        ({"noise": 3.75}, 300, Oddity.TOO_NEAR),
        ({"noise": 0.01}, 20, Oddity.TOO_NEAR),
        ({"shift": 90}, 1, Oddity.ONE_FAR),
        ({"shift": 23}, 30, Oddity.ONE_SIDED),
    ],
)
def test_wrong_noise_and_shifted_values_are_caught(what, count, expected):
    exact = people(count)
    for _ in range(20):
        assert expected in oddities(released(exact, 7.5, **what))


@pytest.mark.parametrize(
    ("what", "count", "expected"),
    [
        ({"noise": 30.0}, 80, Oddity.TOO_FAR),
        ({"noise": 0.01}, 80, Oddity.TOO_NEAR),
        ({"shift": 200}, 80, Oddity.ONE_FAR),
    ],
)
def test_they_are_caught_where_half_of_the_cells_are_withheld(what, count, expected):
    exact = [10 if i % 2 else 150 for i in range(count)]
    assert expected in oddities(released(exact, 7.5, line=100, **what))


def test_values_of_other_data_are_caught():
    stated = released(people(40, seed=1), 7.5)
    other = people(40, seed=2)
    swapped = [
        Trial(exact=e, released=t.released, scale=t.scale)
        for e, t in zip(other, stated, strict=True)
    ]
    assert Oddity.TOO_FAR in oddities(swapped)


def test_nothing_released_is_nothing_odd():
    assert oddities(()) == ()
    assert oddities([Trial(exact=10**6, released=None, scale=1.0)]) == ()


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.9, 1.999, 2.0, 3.0])
def test_the_normaliser_is_the_sum_it_stands_for(scale):
    direct = math.fsum(math.exp(-(x * x) / (2 * scale * scale)) for x in range(-400, 401))
    assert math.isclose(
        plausibility._log_theta(scale), math.log(direct), rel_tol=1e-12, abs_tol=1e-14
    )

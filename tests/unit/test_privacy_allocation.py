"""One loss shared among statistics, never over it and never wasted."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.privacy.allocation import Share, charge, scales
from cleanroom.privacy.mechanism import DiscreteGaussian

weights = st.fractions(Fraction(1, 100), 1, max_denominator=100)


@st.composite
def share_lists(draw):
    return [
        Share(
            weight=draw(weights),
            l2_squared={"a": draw(st.integers(0, 10)), "b": draw(st.integers(1, 10))},
        )
        for _ in range(draw(st.integers(1, 5)))
    ]


@given(shares=share_lists(), rho=st.fractions(Fraction(1, 10**6), 10, max_denominator=10**6))
def test_the_dataset_charged_most_is_charged_the_whole_loss_and_none_more(shares, rho):
    noise = scales(shares, rho)
    charged = [charge(shares, noise, d) for d in ("a", "b")]

    assert rho * (1 - Fraction(1, 10**9)) <= max(charged) <= rho


def test_counts_of_two_owners_do_not_thin_each_other_out():
    one = Share(weight=Fraction(1), l2_squared={"a": 1, "b": 0})
    other = Share(weight=Fraction(1), l2_squared={"a": 0, "b": 1})
    rho = Fraction(1, 10)

    assert scales([one, other], rho) == scales([one], rho) * 2


def test_a_larger_weight_gets_less_noise_by_the_rule():
    shares = [Share(weight=Fraction(w, 10), l2_squared={"a": 4}) for w in (2, 8)]
    small, large = scales(shares, Fraction(1, 10))

    assert small == pytest.approx(2 * large)
    assert large**2 == pytest.approx(4 / (2 * 0.1 * 0.8))


def test_the_charge_is_each_statistics_own_worst_case_added_up():
    shares = [Share(weight=Fraction(1), l2_squared={"a": d, "b": 1}) for d in (2, 3)]
    units = [DiscreteGaussian(s).rho_per_unit for s in (4.0, 5.0)]

    assert charge(shares, (4.0, 5.0), "a") == 2 * units[0] + 3 * units[1]
    assert charge(shares, (4.0, 5.0), "b") == units[0] + units[1]
    assert charge(shares, (4.0, 5.0), "elsewhere") == 0


@pytest.mark.parametrize(("weight", "squared"), [(Fraction(0), 1), (Fraction(1), 0)])
def test_a_statistic_that_cannot_move_or_weighs_nothing_is_refused(weight, squared):
    with pytest.raises(ValueError, match="above zero"):
        Share(weight=weight, l2_squared={"a": squared})

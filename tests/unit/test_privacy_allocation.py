"""One loss shared among statistics, never over it and never wasted."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.privacy.allocation import Share, apart, check_covered, scales
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


def charged(shares, noise, dataset) -> Fraction:
    units = [DiscreteGaussian(scale).rho_per_unit for scale in noise]
    return sum(
        (s.l2_squared[dataset] * unit for s, unit in zip(shares, units, strict=True)), Fraction(0)
    )


def scales_apart(shares, rho):
    return scales(shares, rho, max(apart(shares).values()))


@given(shares=share_lists(), rho=st.fractions(Fraction(1, 10**6), 10, max_denominator=10**6))
def test_the_dataset_charged_most_is_charged_the_whole_loss_and_none_more(shares, rho):
    noise = scales_apart(shares, rho)
    found = [charged(shares, noise, d) for d in ("a", "b")]

    assert rho * (1 - Fraction(1, 10**9)) <= max(found) <= rho


@given(
    shares=share_lists(),
    rho=st.fractions(Fraction(1, 10**6), 10, max_denominator=10**6),
    moved=st.fractions(Fraction(1, 10), 1),
)
def test_a_record_that_moves_less_together_leaves_less_noise_to_all(shares, rho, moved):
    """The noise is that of a larger loss: no statistic is moved further than it is charged for."""
    noise = scales(shares, rho, moved)

    check_covered(shares, noise, rho, moved)
    assert noise == scales(shares, rho / moved, Fraction(1))
    with pytest.raises(AssertionError, match="less than was paid"):
        check_covered(shares, [s * (1 - 1e-9) for s in noise], rho, moved)


def test_counts_of_two_owners_do_not_thin_each_other_out():
    one = Share(weight=Fraction(1), l2_squared={"a": 1, "b": 0})
    other = Share(weight=Fraction(1), l2_squared={"a": 0, "b": 1})
    rho = Fraction(1, 10)

    assert scales_apart([one, other], rho) == scales_apart([one], rho) * 2


def test_a_larger_weight_gets_less_noise_by_the_rule():
    shares = [Share(weight=Fraction(w, 10), l2_squared={"a": 4}) for w in (2, 8)]
    small, large = scales_apart(shares, Fraction(1, 10))

    assert small == pytest.approx(2 * large)
    assert large**2 == pytest.approx(4 / (2 * 0.1 * 0.8))


def test_apart_each_statistics_own_worst_case_is_added_up():
    shares = [
        Share(weight=Fraction(1, 4), l2_squared={"a": 2, "b": 1}),
        Share(weight=Fraction(3, 4), l2_squared={"a": 3, "b": 1}),
    ]

    assert apart(shares) == {"a": 1, "b": Fraction(1, 8) + Fraction(1, 4)}


@pytest.mark.parametrize(("weight", "squared"), [(Fraction(0), 1), (Fraction(1), 0)])
def test_a_statistic_that_cannot_move_or_weighs_nothing_is_refused(weight, squared):
    with pytest.raises(ValueError, match="above zero"):
        Share(weight=weight, l2_squared={"a": squared})

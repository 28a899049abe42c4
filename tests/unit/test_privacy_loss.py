"""Losses as exact integers and their exchange with (epsilon, delta)."""

from __future__ import annotations

import math
from fractions import Fraction

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.model.errors import FieldInvalid
from cleanroom.privacy import mechanism
from cleanroom.privacy.loss import (
    NANO,
    epsilon_of,
    nano_rho_of_budget,
    nano_rho_text,
    parse_loss_text,
    rho_to_nano,
)

DELTA = Fraction(1, 10**7)
losses = st.integers(1, 20 * NANO)
deltas = st.sampled_from([Fraction(1, 10**n) for n in (2, 5, 7, 9, 12)])


def test_a_loss_is_parsed_exactly():
    assert parse_loss_text("0.05") == Fraction(1, 20)
    assert parse_loss_text("1e-7") == Fraction(1, 10**7)
    assert parse_loss_text("4") == 4


@pytest.mark.parametrize(
    "text",
    ["", "+1", "-1", " 1", "1 ", "1.", ".5", "0x1", "inf", "nan", "1/2", "1_0", "1e999", "١"],
)
def test_text_that_is_not_a_plain_decimal_is_refused(text):
    with pytest.raises(FieldInvalid):
        parse_loss_text(text)


def test_a_loss_is_rounded_up_to_whole_nano_rho():
    assert rho_to_nano(Fraction(1, 10**9)) == 1
    assert rho_to_nano(Fraction(1, 10**9) + Fraction(1, 10**30)) == 2
    assert rho_to_nano(Fraction(1, 10**40)) == 1


def test_a_loss_of_zero_is_refused():
    with pytest.raises(FieldInvalid):
        rho_to_nano(Fraction(0))


def test_a_loss_is_written_without_floats():
    assert nano_rho_text(1) == "0.000000001"
    assert nano_rho_text(2_500_000_000) == "2.5"
    assert nano_rho_text(10 * NANO) == "10"


@given(nano=losses)
def test_text_of_a_loss_and_its_parser_are_inverse(nano):
    assert rho_to_nano(parse_loss_text(nano_rho_text(nano))) == nano


@given(nano=losses, delta=deltas)
def test_epsilon_rises_with_the_loss(nano, delta):
    assert epsilon_of(nano, delta) <= epsilon_of(nano + 1, delta)


@given(nano=losses)
def test_epsilon_falls_as_delta_rises(nano):
    assert epsilon_of(nano, DELTA) >= epsilon_of(nano, DELTA * 10)


@given(epsilon=st.fractions(Fraction(1, 100), 10, max_denominator=1000), delta=deltas)
def test_a_budget_is_the_largest_loss_within_it(epsilon, delta):
    nano = nano_rho_of_budget(epsilon, delta)

    assert epsilon_of(nano, delta) <= epsilon < epsilon_of(nano + 1, delta)


@given(nano=st.integers(NANO // 100, 20 * NANO))
def test_the_budget_of_the_epsilon_of_a_loss_is_that_loss(nano):
    assert nano_rho_of_budget(epsilon_of(nano, DELTA), DELTA) == nano


def test_no_loss_is_no_epsilon():
    assert epsilon_of(0, DELTA) == 0


@pytest.mark.parametrize("delta", [Fraction(0), Fraction(1), Fraction(-1, 2), Fraction(2)])
def test_a_delta_outside_its_range_is_refused(delta):
    with pytest.raises(FieldInvalid):
        epsilon_of(1, delta)
    with pytest.raises(FieldInvalid):
        nano_rho_of_budget(Fraction(1), delta)


@pytest.mark.parametrize("epsilon", [Fraction(0), Fraction(-1), Fraction(1, 10**9)])
def test_a_budget_too_small_for_any_loss_is_refused(epsilon):
    with pytest.raises(FieldInvalid):
        nano_rho_of_budget(epsilon, Fraction(1, 10**12))


@pytest.mark.parametrize("alpha", [Fraction(3, 2), Fraction(4), Fraction(11), Fraction(30)])
def test_epsilon_is_never_above_the_bound_at_any_one_order(alpha):
    rho = Fraction(1, 4)
    bound = (
        float(alpha * rho)
        + math.log(1 / float(alpha * DELTA)) / float(alpha - 1)
        + math.log(1 - 1 / float(alpha))
    )

    assert float(epsilon_of(rho_to_nano(rho), DELTA)) <= bound + 1e-9


@pytest.mark.parametrize("nano", [10**6, 10**7, 10**8, 10**9, 10**10])
@pytest.mark.parametrize("delta", [Fraction(1, 10**5), DELTA, Fraction(1, 10**9)])
def test_epsilon_agrees_with_opendp(nano, delta):
    assert mechanism.NAME  # loads the library with its features
    scale = math.sqrt(NANO / (2 * nano))
    space = dp.atom_domain(T="i64"), dp.absolute_distance(T="i64")
    theirs = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=scale)).map(1)

    assert float(epsilon_of(nano, delta)) == pytest.approx(theirs.epsilon(float(delta)), rel=1e-9)


@pytest.mark.parametrize("scales", [(2.0,), (3.0, 5.0), (10.0,) * 8, (6.0, 9.0, 30.0, 4.5)])
def test_epsilon_covers_the_privacy_loss_distribution_and_not_by_much(scales):
    pld = pytest.importorskip("dp_accounting.pld.privacy_loss_distribution")
    whole = pld.from_gaussian_mechanism(scales[0])
    for scale in scales[1:]:
        whole = whole.compose(pld.from_gaussian_mechanism(scale))
    theirs = whole.get_epsilon_for_delta(float(DELTA))
    ours = float(epsilon_of(rho_to_nano(sum(1 / (2 * Fraction(s) ** 2) for s in scales)), DELTA))

    # The pessimistic distribution rounds up by its grid of 1e-4 a composition.
    assert theirs - 1e-3 <= ours <= 1.15 * theirs

"""The order of words by their digits: that of an ordinary stable sort, for any words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.usecases import radix
from cleanroom.usecases.radix import by_low_half, in_runs, order_of

_NEAR = st.sampled_from([0, 1, 2**16, 2**31, 2**32 - 1, 2**32, 2**33, 2**48, 2**64 - 1])
_WORDS = st.lists(_NEAR | st.integers(0, 2**64 - 1), max_size=60)


@given(_WORDS)
def test_words_are_ordered_and_equal_ones_stay_as_they_come(numbers):
    words = np.array(numbers, dtype=np.uint64)
    assert order_of(words).tolist() == sorted(range(len(numbers)), key=numbers.__getitem__)


@given(_WORDS)
def test_the_lower_half_alone_decides_where_it_is_asked_for(numbers):
    words = np.array(numbers, dtype=np.uint64)
    expected = sorted(range(len(numbers)), key=lambda i: numbers[i] % 2**32)
    assert by_low_half(words).tolist() == expected


@pytest.mark.parametrize("shared_bits", [0, 20, 32, 40, 63])
def test_many_words_whose_first_bits_were_chosen_are_ordered_too(shared_bits):
    words = np.random.default_rng(7).integers(0, 2**64, 5000, dtype=np.uint64)
    words >>= np.uint64(shared_bits)
    words |= np.uint64(5) << np.uint64(61) if shared_bits > 3 else np.uint64(0)
    assert (order_of(words) == np.argsort(words, kind="stable")).all()


def test_more_words_than_digits_pay_for_are_ordered_too(monkeypatch):
    monkeypatch.setattr(radix, "MAX_WORDS", 10)
    words = np.random.default_rng(7).integers(0, 9, 500, dtype=np.uint64)
    assert (order_of(words) == np.argsort(words, kind="stable")).all()


def test_runs_are_those_that_have_an_equal_neighbour():
    values = np.array([1, 1, 2, 3, 3, 3, 4, 5, 5])
    assert in_runs(values).tolist() == [True, True, False, True, True, True, False, True, True]
    assert in_runs(values[:1]).tolist() == [False]

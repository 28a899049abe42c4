"""Buckets: what an asker may write, the one form it has, and labels that say what a cell is."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.model.buckets import MAX_EDGES, Buckets, labels, number
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import ContributionBound, MatchRate, SalesLift, SegmentSize, Window


@pytest.mark.parametrize(
    ("edges", "terms", "expected"),
    [
        ((1, 2, 3, 5), {}, ("0", "1", "2", "3-4", "5+")),
        ((5, 1_000), {}, ("0-4", "5-999", "1,000+")),
        ((0, 1), {"signed": True}, ("<0", "0", "1+")),
        ((1,), {"signed": True}, ("0 or less", "1+")),
        ((1_500_000,), {"signed": True, "money": True}, ("<15,000", "15,000+")),
        (
            (0, 1, 500_000, 1_500_000),
            {"signed": True, "money": True},
            ("<0", "0", "0.01-4,999.99", "5,000-14,999.99", "15,000+"),
        ),
        ((-5, 3), {"signed": True}, ("<-5", "-5 to 2", "3+")),
    ],
)
def test_a_label_says_both_ends_of_a_bucket(edges, terms, expected):
    assert labels(edges, **{"money": False, "signed": False, **terms}) == expected


ascending = st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=MAX_EDGES, unique=True).map(
    lambda edges: tuple(sorted(edges))
)
_NUMBER = r"(-?[0-9][0-9,]*(?:\.[0-9]{2})?)"


def read(text, *, money):
    whole, _, rest = text.replace(",", "").partition(".")
    if not money:
        return int(whole)
    return int(whole) * 100 + int(f"{'-' if whole.startswith('-') else ''}{rest or 0}")


def least_of(label, *, money):
    """The least number of a bucket that is not the first, by its label alone."""
    found = re.fullmatch(rf"{_NUMBER}(?:\+|(?:-| to ){_NUMBER})?", label)
    assert found, label
    return read(found[1], money=money)


@given(edges=ascending, money=st.booleans(), signed=st.booleans())
def test_labels_are_unambiguous_each_can_be_read_back_as_its_edge(edges, money, signed):
    edges = edges if signed else tuple(e for e in edges if e > 0) or (1,)
    found = labels(edges, money=money, signed=signed)

    assert len(set(found)) == len(edges) + 1
    assert tuple(least_of(one, money=money) for one in found[1:]) == edges


@given(edges=ascending, value=st.integers(-(2**31), 2**31))
def test_a_number_is_in_exactly_the_bucket_whose_edge_it_reaches_last(edges, value):
    place = Buckets(dimension="amount", edges=edges).place(value)

    assert place == 0 or edges[place - 1] <= value
    assert place == len(edges) or value < edges[place]


@pytest.mark.parametrize("money", [True, False])
def test_a_number_below_zero_keeps_its_sign(money):
    assert number(-1, money=money) == ("-0.01" if money else "-1")


@pytest.mark.parametrize(
    "edges", [(), (2, 1), (1, 1), tuple(range(MAX_EDGES + 1)), (2**30 + 1,), (-(2**30) - 1, 0)]
)
def test_edges_that_do_not_ascend_or_are_none_or_too_many_are_refused(edges):
    with pytest.raises(FieldInvalid, match=r"buckets\.edges"):
        Buckets(dimension="amount", edges=edges)


CUT = Buckets(dimension="impressions", edges=(1,))


@pytest.mark.parametrize(
    "buckets",
    [
        (Buckets(dimension="amount", edges=(1,)),),
        (Buckets(dimension="exposures.impressions", edges=(1,)),),
        (CUT, Buckets(dimension="impressions", edges=(2,))),
    ],
)
def test_buckets_belong_to_a_dimension_of_by_as_it_is_written_and_once(buckets):
    with pytest.raises(FieldInvalid, match="buckets"):
        SegmentSize(datasets=("exposures",), by=("impressions",), buckets=buckets)


def test_buckets_and_their_filters_have_one_order():
    cuts = [
        Buckets(dimension="visits", edges=(1,), filters=(("b", ("y", "x", "x")), ("a", ("z",)))),
        Buckets(dimension="amount", edges=(5,)),
    ]
    other = [
        Buckets(dimension="visits", edges=(1,), filters=(("a", ("z",)), ("b", ("x", "y")))),
        cuts[1],
    ]
    for kind in (MatchRate, SegmentSize):
        first = kind(datasets=("sales", "exposures"), by=("visits", "amount"), buckets=tuple(cuts))
        again = kind(
            datasets=("exposures", "sales"), by=("amount", "visits"), buckets=tuple(other[::-1])
        )
        assert first == again


@pytest.mark.parametrize("bound", [0, -1, 2**30 + 1])
def test_a_bound_that_is_none_is_refused(bound):
    with pytest.raises(FieldInvalid, match="bound"):
        SalesLift(exposures="exposures", sales="sales", outcome="amount", bound=bound)


def bound_of(**changed):
    usual = {"dataset": "sales", "measure": "amount", "quantile": Fraction(19, 20), "grid": (5, 9)}
    return ContributionBound(**(usual | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"quantile": Fraction(0)},
        {"quantile": Fraction(1)},
        {"quantile": Fraction(-1, 2)},
        {"quantile": Fraction(1, 3)},
        {"quantile": Fraction(1, 100_000)},
        {"grid": ()},
        {"grid": (0, 5)},
        {"grid": (-1, 5)},
        {"grid": (5, 5)},
        {"grid": tuple(range(1, MAX_EDGES + 2))},
        {"dataset": "Sales"},
        {"measure": "a b"},
    ],
)
def test_a_contribution_bound_that_means_nothing_is_refused(changed):
    with pytest.raises(FieldInvalid):
        bound_of(**changed)


@pytest.mark.parametrize(
    ("quantile", "text"), [("0.95", "0.95"), ("0.9500", "0.95"), ("0.5", "0.5"), ("1e-4", "0.0001")]
)
def test_a_quantile_has_one_text(quantile, text):
    assert bound_of(quantile=Fraction(quantile)).quantile_text == text


def test_the_policys_bound_always_ends_the_grid_and_nothing_lies_above():
    assert bound_of(grid=(5, 9)).points(20) == (5, 9, 20)
    assert bound_of(grid=(5, 20)).points(20) == (5, 20)
    assert bound_of(grid=(5, 9)).points(9) == (5, 9)


def test_a_window_of_buckets_is_checked_like_any_other():
    with pytest.raises(FieldInvalid, match="window"):
        Buckets(dimension="amount", edges=(1,), window=Window(from_s=5, until_s=5))

"""Whole columns in their usual spelling give what their values give one by one, or nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_client.tables import plain_values, values
from cleanroom_client.tables.conversions import conversion, conversions
from cleanroom_client.tables.errors import WrongValue
from cleanroom_client.tables.spec import CONSENT_AT, PURPOSES_COLUMN, DatasetSpec

_TWO = st.integers(0, 62).map("{:02d}".format)
_DAYS = st.builds(
    "{:04d}-{:02d}-{:02d}".format, st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)
)
_TIMES = st.builds(
    "{}{}{}:{}:{}{}".format,
    _DAYS,
    st.sampled_from("T "),
    _TWO,
    _TWO,
    _TWO,
    st.sampled_from(["Z", "", "+03:00", ".5Z"]),
)
_NUMBERS = st.from_regex(r"-?[0-9]{1,19}(\.[0-9]{0,3})?", fullmatch=True)
_SMALL = st.integers(0, 10**6).map(str)
_CENTS = st.builds("{}.{:02d}".format, st.integers(0, 10**15 - 1), st.integers(0, 99))
_LATER = st.integers(values.EARLIEST_S, values.LATEST_S).map(str)
_PAIRS = [
    (plain_values.amounts, values.amount),
    (plain_values.wholes, values.whole),
    (plain_values.moments, values.moment),
]
_KINDS = [_DAYS, _TIMES, _NUMBERS, _SMALL, _CENTS, _LATER, st.sampled_from(["", "x", "1e3", "٣"])]


def _one(convert, text):
    try:
        return convert(text)
    except WrongValue:
        return None


@pytest.mark.parametrize(("convert_all", "convert"), _PAIRS)
@given(texts=st.one_of(*(st.lists(kind, max_size=4) for kind in _KINDS)))
def test_a_plain_column_gives_what_each_of_its_values_gives(convert_all, convert, texts):
    found = convert_all(pa.array(texts, pa.string()))
    expected = [_one(convert, text) for text in texts]
    assert found is None or found.to_pylist() == expected


@pytest.mark.parametrize(
    ("convert_all", "texts"),
    [
        (plain_values.amounts, ["12.50", "0", "007.1", "999999999999999.99"]),
        (plain_values.wholes, ["0", "007", "9" * 18]),
        (plain_values.moments, ["2000-01-01", "2026-02-28", "9999-12-31"]),
        (plain_values.moments, ["2000-01-01T00:00:00Z", "2026-03-01 23:59:59Z"]),
        (plain_values.moments, ["2026-03-01 23:59:59"]),
        (plain_values.moments, ["1772323200", "946684800"]),
    ],
)
def test_the_usual_spellings_are_plain(convert_all, texts):
    assert convert_all(pa.array(texts)) is not None


@pytest.mark.parametrize(
    ("convert_all", "texts"),
    [
        (plain_values.amounts, ["1.50", "1.505"]),
        (plain_values.wholes, ["1", "-1"]),
        (plain_values.moments, ["2026-03-01", "2026-02-30"]),
        (plain_values.moments, ["2026-03-01", "1999-12-31"]),
        (plain_values.moments, ["2026-03-01", "1772323200"]),
        (plain_values.moments, ["1772323200000"]),
    ],
)
def test_what_needs_a_closer_look_gets_one(convert_all, texts):
    assert convert_all(pa.array(texts)) is None


def test_times_and_numbers_of_a_dataset_are_converted_at_once():
    found = {c.column: c.convert_all for c in conversions(DatasetSpec(keys=("email",), timed=True))}
    consent_at = conversion(CONSENT_AT, values.moment_or_zero)
    assert found["occurred_at"] is consent_at.convert_all is plain_values.moments
    assert conversion(PURPOSES_COLUMN, values.purposes).convert_all is None

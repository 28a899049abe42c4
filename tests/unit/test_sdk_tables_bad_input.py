"""Bad input as users make it: one clear sentence each, with line, column and what was expected."""

import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from cleanroom_client.identifiers import KeyType
from cleanroom_client.tables import ArmSpec, BadInput, DatasetSpec, TableReader, Unit
from cleanroom_client.tables.csv_lines import MAX_LINE_BYTES

_SPEC = DatasetSpec(
    keys=(KeyType.EMAIL, KeyType.PHONE),
    dimensions={"city": ("ufa", "kazan")},
    arm=ArmSpec(column="arm", test="test", control="control"),
    measures={"amount": Unit.MINOR},
    counts=("units",),
)
_GOOD = {
    "email": "a@b.c",
    "city": "ufa",
    "arm": "test",
    "amount": "12.50",
    "units": "1",
    "purposes": "measurement",
    "consent_at": "2026-01-01",
    "consent_until": "2027-01-01",
}


def _text(*changes, delimiter=","):
    rows = [delimiter.join(_GOOD)]
    for change in ({}, *changes):
        cells = ({**_GOOD, **change}).values()
        rows.append(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in cells))
    return "\n".join(rows) + "\n"


def _refusal(path, data, spec=_SPEC, **options):
    if isinstance(data, str):
        data = data.encode()
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        list(TableReader(path, spec, **options))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return caught.value


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "sales.csv"


def test_the_good_file_is_good(path):
    path.write_text(_text())
    [batch] = TableReader(path, _SPEC)
    assert batch.table.num_rows == 1


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("amount", "12,50", "decimal point, not a decimal comma"),
        ("amount", "", "it is empty"),
        ("amount", "NaN", "not a number"),
        ("amount", "inf", "not a number"),
        ("amount", "-5.00", "negative"),
        ("amount", "1.005", "more than 2 decimals"),
        ("amount", "1 000.00", "without currency signs or thousands separators"),
        ("amount", "$5", "without currency signs"),
        ("amount", "1e3", "such as 12.50"),
        ("amount", "9" * 25, "too large"),
        ("amount", "92233720368547758.08", "too large"),
        ("units", "1.5", "whole number"),
        ("units", "-1", "whole number"),
        ("units", "", "it is empty"),
        ("units", str(2**63), "too large"),
        ("consent_at", "1970-01-01", "from 2000-01-01 on"),
        ("consent_at", "86400", "from 2000-01-01 on"),
        ("consent_at", "-1", "from 2000-01-01 on"),
        ("consent_at", "01.03.2026", "a date such as 2026-03-01"),
        ("consent_at", "2026-02-30", "no such date"),
        ("consent_at", "1772323200000", "milliseconds"),
        ("consent_at", "", "a time is needed"),
        ("consent_until", "", "a time is needed"),
        ("consent_until", "2025-01-01", "swapped"),
        ("purposes", "measurement marketing", "'marketing' is not a purpose: expected any of"),
        ("arm", "treated", "'treated' is not an arm: expected 'test', 'control' or nothing"),
        ("city", "moscow", "'moscow' is not declared: expected one of 'ufa', 'kazan'"),
        ("city", "", "the value is empty: expected one of"),
    ],
)
def test_a_bad_value_is_named_by_line_and_column(path, column, value, words):
    error = _refusal(path, _text({}, {column: value}, {column: value}))
    assert (error.line, error.column) == (4, column)
    assert str(error).startswith(f"sales.csv, line 4, column '{column}': ")
    assert words in str(error)


@pytest.mark.parametrize("column", ["amount", "units", "consent_at"])
def test_values_that_belong_to_a_person_are_never_repeated(path, column):
    assert "zebra" not in str(_refusal(path, _text({column: "zebra"})))


@pytest.mark.parametrize("column", ["city", "arm", "purposes"])
def test_a_misplaced_identifier_is_not_repeated(path, column):
    for value in ("ann@example.com", "+79123456789", "x" * 60):
        assert value not in str(_refusal(path, _text({column: value})))


def test_a_line_break_inside_quotes_does_not_shift_the_line_numbers(path):
    text = _text({"units": "1"}, {"amount": "x"}).replace("a@b.c", '"a@b.c\n\n"', 1)
    assert _refusal(path, text).line == 6


def test_blank_lines_do_not_shift_the_line_numbers(path):
    lines = _text({"amount": "x"}).splitlines()
    assert _refusal(path, "\n".join([lines[0], "", "", *lines[1:]])).line == 5


def test_a_bad_value_in_a_late_batch_has_its_own_line(path):
    error = _refusal(path, _text(*[{}] * 40, {"amount": "x"}), batch_rows=7)
    assert error.line == 43


def test_no_key_column_lists_the_headers_and_suggests_a_mapping(path):
    error = _refusal(path, _text().replace("email,", "E-Mail address,", 1))
    assert "'email', 'email_sha256', 'phone', 'phone_sha256'" in str(error)
    assert "found 'E-Mail address', 'city'" in str(error)
    assert "--map email=E-Mail address" in str(error)


def test_a_missing_column_suggests_a_mapping(path):
    error = _refusal(path, _text().replace("amount", "Amount", 1))
    assert "no column 'amount'" in str(error)
    assert "--map amount=Amount" in str(error)


def test_mapping_of_unknown_columns_and_headers_is_refused(path):
    assert "no such column" in str(_refusal(path, _text(), mapping={"mail": "email"}))
    assert "no such header" in str(_refusal(path, _text(), mapping={"email": "mail"}))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_wrong_delimiter_is_recognised(path, delimiter):
    error = _refusal(path, _text(delimiter=delimiter))
    assert f"it looks separated by {delimiter!r}" in str(error)
    assert len(list(TableReader(path, _SPEC, delimiter=delimiter))) == 1


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_an_impossible_delimiter_is_refused(path, delimiter):
    assert "one character" in str(_refusal(path, _text(), delimiter=delimiter))


def test_an_empty_file_and_one_with_a_header_only_are_refused(path):
    assert "the file is empty" in str(_refusal(path, ""))
    assert "the file is empty" in str(_refusal(path, "\n\n"))
    assert "a header but no row" in str(_refusal(path, _text().splitlines()[0]))


def test_a_line_of_200_mb_is_refused_at_once(path):
    with path.open("wb") as file:
        file.write(_text().encode())
        file.truncate(200_000_000)  # zeros without any line end
    started = time.perf_counter()
    with pytest.raises(BadInput, match="longer than 1 MiB") as caught:
        list(TableReader(path, _SPEC))
    assert caught.value.line == 3
    assert time.perf_counter() - started < 2


def test_a_header_of_200_mb_is_refused_at_once(path):
    path.write_bytes(b"x" * (MAX_LINE_BYTES + 10))
    with pytest.raises(BadInput, match="line 1: the line is longer than 1 MiB"):
        TableReader(path, _SPEC)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_text({"city": "x"}).encode("utf-16"), "UTF-16"),
        (_text().encode("utf-16-le"), "NUL byte"),
        (_text({"city": "уфа"}).encode("cp1251"), "line 3: the text is not UTF-8"),
        (_text({"city": "u\0a"}).encode(), "line 3: the line holds a NUL byte"),
        (b"PK\x03\x04" + bytes(50), "Excel"),
        (b"\x1f\x8b" + bytes(50), "gzip"),
        (b"PAR1" + bytes(50), "Parquet file is damaged"),
        (_text().encode().replace(b"\n", b"\r"), "carriage return"),
        (_text().encode() + b'"a@b.c,1\n' + b"x\n" * 5, "line 3: a quotation mark"),
        (_text().encode() + b'"a"b,1\n', "line 3: the quotation marks do not pair up"),
        (_text().encode() + b"a@b.c,ufa\n", "line 3: expected 8 fields as in the header, found 2"),
        (_text({"amount": "1"}).encode().replace(b",1,1,", b",1,50,1,"), "found 9"),
        (_text().encode().replace(b"units", b"email", 1), "'email' comes more than once"),
    ],
)
def test_what_is_not_a_clean_csv_file_is_refused(path, data, words):
    assert words in str(_refusal(path, data))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path, words in ((tmp_path / "none.csv", "no such file"), (tmp_path, "this is a folder")):
        with pytest.raises(BadInput, match=words):
            TableReader(Path(path), _SPEC)


def test_an_unknown_region_is_refused(path):
    assert "two capitals" in str(_refusal(path, _text(), region="ru"))


def test_rows_of_a_frame_and_a_table_are_counted_from_one():
    frame = pd.DataFrame([_GOOD, {**_GOOD, "amount": None}], index=[7, 9])
    for source, name in ((frame, "the DataFrame"), (pa.Table.from_pandas(frame), "the table")):
        with pytest.raises(BadInput) as caught:
            list(TableReader(source, _SPEC))
        assert str(caught.value).startswith(f"{name}, row 2, column 'amount': ")
        assert "it is empty" in str(caught.value)


def test_a_frame_without_rows_or_with_two_equal_headers_is_refused():
    frame = pd.DataFrame([_GOOD])
    for source, words in (
        (frame.iloc[:0], "no row"),
        (pd.concat([frame, frame[["city"]]], axis=1), "'city' comes more than once"),
    ):
        with pytest.raises(BadInput, match=words):
            list(TableReader(source, _SPEC))

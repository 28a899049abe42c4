"""Two readers of CSV, Arrow's for plain stretches and the csv module's for the rest, as one."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanroom_client.tables import BadInput, csv_source
from cleanroom_client.tables.csv_blocks import read_plain
from cleanroom_client.tables.csv_source import CsvSource

HEADER = "a,b\n"
# What the two readers could disagree about, in any order.
PARTS = st.sampled_from(
    ["x", "ab", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', " ", "é", "\0", '"q"', '"l\n2"']
)
TEXTS = st.lists(PARTS, max_size=24).map("".join)


def _read(path, rows=3):
    """Return the rows with their lines, and the refusal that ended them."""
    found = []
    try:
        for batch in CsvSource(path, ",").batches(rows):
            columns = [column.to_pylist() for column in batch.columns]
            lines = [batch.line_of(i) for i in range(batch.rows)]
            found += zip(lines, zip(*columns, strict=True), strict=True)
    except BadInput as error:
        return found, str(error)
    return found, None


@given(text=TEXTS)
@example(text='x,y\n"a""b",\n')
@example(text='x,y\n5" pipe,"\n')
@example(text='"x\n\n",y\n\nz,w')
def test_a_file_reads_alike_with_and_without_arrow(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "alike.csv"
    path.write_bytes((HEADER + text).encode())
    with pytest.MonkeyPatch.context() as patch:
        for size in (4, 9, 1 << 20):
            patch.setattr(csv_source, "BLOCK_BYTES", size)
            mixed = _read(path)
            patch.setattr(csv_source, "read_plain", lambda *_, **__: None)
            assert mixed == _read(path)
            patch.undo()


@pytest.mark.parametrize(
    "text",
    ["x,y\nz,w\n", "x,y\r\n\r\nz,w", '"a, ""b""\r\n",y\n"",""\n', "é,\n,\n", 'x,"y"'],
)
def test_ordinary_csv_is_plain_and_reads_as_the_csv_module_reads_it(text):
    plain = read_plain(text.encode(), ",", 2, is_last=True)
    rows = list(zip(*(column.to_pylist() for column in plain.columns), strict=True))
    assert rows == [tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row]
    assert (plain.consumed, plain.lines) == (len(text.encode()), text.count("\n"))


@pytest.mark.parametrize(
    "text",
    [
        b"x\n",
        b"x,y,z\n",
        b"\xff,y\n",
        b"x\0,y\n",
        b"x,y\rz,w\n",
        b'x"y",z\n',
        b'"x"y,z\n',
        b'"x,y\n',
        b"x" * 131_073 + b",y\n",
    ],
)
def test_what_only_the_csv_module_may_judge_is_left_to_it(text):
    assert read_plain(text, ",", 2, is_last=True) is None


@pytest.mark.parametrize(
    ("text", "consumed"),
    [(b"x,y\nz,w", 4), (b'x,"y\n"\nz,"w\n', 7), (b"x,y", None), (b'"x\n', None)],
)
def test_a_block_is_cut_where_a_row_ends(text, consumed):
    plain = read_plain(text, ",", 2, is_last=False)
    assert (plain and plain.consumed) == consumed


def test_a_delimiter_of_several_bytes_is_left_to_the_csv_module(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a§b\nx§y\n")
    [batch] = CsvSource(path, "§").batches(10)
    assert [column.to_pylist() for column in batch.columns] == [["x"], ["y"]]


def test_one_odd_field_costs_its_own_stretch_only(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_text(HEADER + "x,y\n" * 500 + '5" pipe,y\n' + "x,y\n" * 500)
    plain = []

    def counting(*args, **kwargs):
        plain.append(read_plain(*args, **kwargs))
        return plain[-1]

    monkeypatch.setattr(csv_source, "BLOCK_BYTES", 400)
    monkeypatch.setattr(csv_source, "read_plain", counting)
    assert sum(batch.rows for batch in CsvSource(path, ",").batches(70)) == 1001
    assert [p is None for p in plain].count(True) == 1
    assert len(plain) > 10


def test_rows_before_a_fault_come_before_it(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(HEADER + "x,y\n" * 7 + "x\n")
    batches = CsvSource(path, ",").batches(3)
    assert [next(batches).rows, next(batches).rows] == [3, 3]
    with pytest.raises(BadInput, match="line 9: expected 2 fields"):
        next(batches)
